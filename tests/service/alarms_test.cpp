// SPDX-License-Identifier: Apache-2.0
#include "service/alarms.h"

#include <gtest/gtest.h>

#include "service/findings.h"
#include "service/signs.h"
#include "tests/unit/node_builder.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

constexpr Clock::time_point kNow{1700000000s};

Finding finding(AlarmKind kind, const std::string& object, Severity severity = Severity::problem) {
    return {.kind = kind, .object = object, .severity = severity, .message = "m", .advice = "a"};
}

TEST(AlarmsTest, StartOnceAndEndOnce) {
    Alarms alarms;
    const Finding dead = finding(AlarmKind::stalled, "node-b");
    const auto started = alarms.note({dead}, kNow);
    ASSERT_EQ(started.size(), 1U);
    EXPECT_FALSE(started[0].ended);
    Finding later = dead;
    later.message = "for longer";
    EXPECT_TRUE(alarms.note({later}, kNow + 5s).empty());
    ASSERT_EQ(alarms.active().size(), 1U);
    EXPECT_EQ(alarms.active()[0], (Alarm{.finding = later, .since = kNow}));
    const auto ended = alarms.note({}, kNow + 9s);
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_TRUE(ended[0].ended);
    EXPECT_EQ(ended[0].alarm.since, kNow);
    EXPECT_TRUE(alarms.active().empty());
}

TEST(AlarmsTest, ProblemsComeBeforeWarnings) {
    Alarms alarms;
    alarms.note({finding(AlarmKind::one_way, "b", Severity::warning),
                 finding(AlarmKind::rejected, "c"), finding(AlarmKind::kernel, "kernel")},
                kNow);
    EXPECT_EQ(alarms.active()[0].finding.object, "kernel");
    EXPECT_EQ(alarms.active()[1].finding.object, "c");
    EXPECT_EQ(alarms.active()[2].finding.object, "b");
}

TEST(AlarmsTest, OfOneObjectTheWorstStandsForAll) {
    Alarms alarms;
    alarms.note({finding(AlarmKind::clock, "clock", Severity::warning),
                 finding(AlarmKind::clock, "clock", Severity::problem)},
                kNow);
    ASSERT_EQ(alarms.active().size(), 1U);
    EXPECT_EQ(alarms.active()[0].finding.severity, Severity::problem);
}

TEST(AlarmsTest, ADeadNetworkIsToldInFewLines) {
    Alarms alarms;
    alarms.note({finding(AlarmKind::stalled, "node-999")}, kNow);
    std::vector<Finding> many;
    for (int i = 100; i < 1000; ++i)
        many.push_back(finding(AlarmKind::stalled, "node-" + std::to_string(i)));
    const auto started = alarms.note(many, kNow + 1s);
    EXPECT_EQ(alarms.active().size(), kAlarmsOfAKind + 1);
    EXPECT_EQ(started.size(), kAlarmsOfAKind) << "node-999 is there already, and goes on";
    const auto others = std::ranges::find(alarms.active(), kOthers, [](const Alarm& alarm) {
        return std::string_view(alarm.finding.object);
    });
    ASSERT_NE(others, alarms.active().end());
    EXPECT_TRUE(others->finding.message.starts_with("880 more, such as node-"))
        << others->finding.message;
}

TEST(ClockWatchTest, TellsJumpsFromTimeThatPasses) {
    ClockWatch watch;
    const Steady start{1h};
    watch.note(start, kNow);
    watch.note(start + 10s, kNow + 10s + 20ms);
    EXPECT_EQ(watch.behind(), 0s);
    EXPECT_EQ(watch.ahead(start + 10s), 0s);
    watch.note(start + 11s, kNow - 3589s);
    EXPECT_EQ(watch.behind(), 3599s);
    watch.note(start + 3601s, kNow + 1s);
    EXPECT_EQ(watch.behind(), 9s) << "it catches up as time passes";
    watch.note(start + 3611s, kNow + 11s);
    EXPECT_EQ(watch.behind(), 0s);
    watch.note(start + 3612s, kNow + 72s);
    EXPECT_EQ(watch.ahead(start + 3612s), 60s);
    EXPECT_EQ(watch.ahead(start + 3612s + ClockWatch::kRecent), 0s);
}

TEST(ClockWatchTest, AClockThatIsPutRightHasNotJumpedForward) {
    ClockWatch watch;
    const Steady start{1h};
    watch.note(start, kNow);
    watch.note(start + 10s, kNow - 3590s);
    EXPECT_EQ(watch.behind(), 3590s);
    watch.note(start + 20s, kNow + 20s + 5ms);
    EXPECT_EQ(watch.behind(), 0s);
    EXPECT_EQ(watch.ahead(start + 20s), 0s);
    watch.note(start + 30s, kNow + 3630s);
    EXPECT_EQ(watch.ahead(start + 30s), 3599s);
    watch.note(start + 40s, kNow + 40s);
    EXPECT_EQ(watch.ahead(start + 40s), 0s) << "taken back";
    watch.note(start + 50s, kNow + 3650s);
    EXPECT_EQ(watch.ahead(start + 50s), 3599s) << "and made again";
}

TEST(PersistenceTest, OneBurstIsNothingButGrowingOnIs) {
    Persistence watch;
    Steady now{1h};
    watch.note(now, 5);
    watch.note(now += 500ms, 105);
    EXPECT_FALSE(watch.persists(now, 3, 2s));
    for (int i = 0; i < 4; ++i)
        watch.note(now += 1s, 106 + static_cast<std::uint64_t>(i));
    EXPECT_TRUE(watch.persists(now, 3, 2s));
    EXPECT_EQ(watch.grown(), 104U);
    EXPECT_FALSE(watch.persists(now + Persistence::kQuiet, 3, 2s)) << "it is over";
    watch.note(now += 10s, 200);
    EXPECT_FALSE(watch.persists(now, 3, 2s)) << "it begins anew";
}

// Two peers, all well.
class FindingsTest : public testing::Test {
  protected:
    FindingsTest() {
        for (const std::uint8_t number : {2, 3}) {
            const std::string name = number == 2 ? "node-b" : "node-c";
            peers_[name] = {
                .info = node({.name = name, .key = number}),
                .tunnels = {{.public_key = key(number),
                             .endpoint = Endpoint{.address = ip("192.0.2.9"), .port = 51820}}}};
            states_[name] = PeerState::ready;
            sessions_[key(number)] = {.last_handshake = kNow};
        }
    }
    Facts facts() {
        return {.config = config_,
                .peers = peers_,
                .states = states_,
                .rejections = rejections_,
                .now = kSteady,
                .tunnels = {{.sessions = &sessions_, .ailments = &ailments_}},
                .underlays = underlays_};
    }
    // The one finding.
    static Finding only(const Facts& facts) {
        const auto found = find_what_is_wrong(facts);
        EXPECT_EQ(found.size(), 1U);
        return found.empty() ? Finding{} : found.front();
    }
    static bool has(const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    }

    static constexpr Steady kSteady{1h};
    Config config_{.max_peers = 100};
    std::map<std::string, CachedPeer> peers_;
    PeerStates states_;
    std::map<PublicKey, Session> sessions_;
    std::map<PublicKey, Ailment> ailments_;
    std::vector<Rejection> rejections_;
    std::vector<Underlay> underlays_{{.name = "eth0", .up = true}};
};

TEST_F(FindingsTest, NothingIsWrongWithAHealthyMesh) {
    EXPECT_EQ(find_what_is_wrong(facts()), std::vector<Finding>{});
}

TEST_F(FindingsTest, APeerThatDoesNotAnswerIsSuspectedThenDead) {
    ailments_[key(2)] = {.since = kSteady - 7s};
    const Finding suspected = only(facts());
    EXPECT_EQ(suspected.kind, AlarmKind::one_way);
    EXPECT_EQ(suspected.severity, Severity::warning);
    EXPECT_TRUE(has(suspected.message, "nothing has come back for 7 s")) << suspected.message;
    ailments_[key(2)] = {.since = kSteady - 30s, .stalled = true, .restarts = 2};
    const Finding dead = only(facts());
    EXPECT_EQ(dead.kind, AlarmKind::stalled);
    EXPECT_EQ(dead.severity, Severity::problem);
    EXPECT_EQ(dead.object, "node-b");
    EXPECT_TRUE(has(dead.message, "192.0.2.9:51820 for 30 s")) << dead.message;
    EXPECT_TRUE(has(dead.advice, "ping 192.0.2.9")) << dead.advice;
}

TEST_F(FindingsTest, AReceiveSideThatStandsStillNamesThreadedNapi) {
    ailments_[key(2)] = {.since = kSteady - 50s, .stalled = true, .handshakes = true};
    EXPECT_TRUE(has(only(facts()).advice, "/sys/class/net/wgsteer0/threaded"));
}

TEST_F(FindingsTest, AFirstHandshakeMayTakeAMoment) {
    sessions_[key(2)] = {.tx_bytes = 444};
    states_["node-b"] = PeerState::waiting;
    Facts given = facts();
    given.waiting["node-b"] = kSteady - 7s;
    EXPECT_EQ(find_what_is_wrong(given), std::vector<Finding>{});
    given.waiting["node-b"] = kSteady - 9s;
    EXPECT_TRUE(has(only(given).message, "no handshake for 9 s: nothing comes back from"));
    sessions_[key(2)].rx_bytes = 148;
    EXPECT_TRUE(has(only(given).message, "it is heard, but what we send"));
}

TEST_F(FindingsTest, ClearTextIsOddFromAReadyPeerOnly) {
    Facts given = facts();
    given.odd["node-b"] = {.clear_in = 12};
    EXPECT_EQ(only(given).kind, AlarmKind::clear_text);
    states_["node-b"] = PeerState::waiting;
    EXPECT_EQ(find_what_is_wrong(given), std::vector<Finding>{});
}

TEST_F(FindingsTest, AKeyConflictIsToldFromOtherRefusals) {
    peers_["node-b"].tunnels[0].key_conflict = true;
    rejections_ = {{.node = "node-b", .what = key(2).to_base64(), .reason = "r"},
                   {.node = "node-b", .what = "10.0.0.0/8", .reason = "belongs to node-c"}};
    const auto found = find_what_is_wrong(facts());
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].kind, AlarmKind::key_conflict);
    EXPECT_EQ(found[1].kind, AlarmKind::rejected);
}

TEST_F(FindingsTest, PeersMustShareAClusterSecretIfThereIsOne) {
    const auto secrets_of = [](char letter) {
        std::vector<ClusterSecret> list;
        list.push_back(ClusterSecret::from(std::string(40, letter)).value());
        return ClusterSecrets(std::move(list));
    };
    const ClusterSecrets ours = secrets_of('o');
    peers_.erase("node-c");
    states_.erase("node-c");
    Facts given = facts();
    given.secrets = &ours;
    EXPECT_EQ(only(given).kind, AlarmKind::secret);
    EXPECT_EQ(only(given).object, "node-b");
    EXPECT_TRUE(has(only(given).message, "no cluster secret of ours"));
    peers_["node-b"].info.secrets = secrets_of('x').ids();
    EXPECT_EQ(only(given).kind, AlarmKind::secret);
    peers_["node-b"].info.secrets = ours.ids();
    EXPECT_EQ(find_what_is_wrong(given), std::vector<Finding>{});
    given.secrets = nullptr;
    EXPECT_TRUE(has(only(given).message, "this node has none"));
    peers_["node-b"].tunnels[0].public_key.reset();
    EXPECT_EQ(only(given).kind, AlarmKind::no_key);
}

TEST_F(FindingsTest, OfTwoUnderlaysOneMayBeDown) {
    underlays_ = {{.name = "eth0", .up = true}, {.name = "eth1", .up = false}};
    EXPECT_EQ(only(facts()).severity, Severity::warning);
    EXPECT_EQ(only(facts()).object, "eth1");
}

TEST_F(FindingsTest, AKeyThatIsExchangedOnceIsNoSecondMachine) {
    Facts given = facts();
    given.new_keys["node-b"] = 2;
    EXPECT_EQ(find_what_is_wrong(given), std::vector<Finding>{});
}

TEST_F(FindingsTest, AFailureLeadsToItsCause) {
    const auto advice = [&](const std::string& failure) {
        Facts given = facts();
        given.failure = failure;
        return only(given).advice;
    };
    EXPECT_TRUE(has(advice("configure tunnel 0: Address already in use"), "ss -ulnp"));
    EXPECT_TRUE(has(advice("read from wireguard-go: Connection timed out"), "kill -CONT"));
    EXPECT_TRUE(has(advice("attach: File exists"), "wgsteer doctor"));
}

TEST_F(FindingsTest, MoreNodesThanFitAreNoFaultOfTheirPrefixes) {
    rejections_ = {{.node = "node-d", .what = "node-d", .reason = "there are more than max_peers"}};
    EXPECT_TRUE(has(only(facts()).advice, "raise 'max_peers'"));
}

TEST_F(FindingsTest, HandshakesWithoutDataAreToldFromSilence) {
    ailments_[key(2)] = {.since = kSteady - 20s, .handshakes = true};
    EXPECT_EQ(only(facts()).kind, AlarmKind::one_way);
    EXPECT_TRUE(has(only(facts()).message, "complete, but no data has come for 20 s"));
}

TEST_F(FindingsTest, EachOfTheRestHasItsKind) {
    const auto kind_of = [&](auto&& change) {
        Facts given = facts();
        change(given);
        const Finding found = only(given);
        EXPECT_NE(found.message, "");
        return found.kind;
    };
    EXPECT_EQ(kind_of([](Facts& f) { f.failure = "no"; }), AlarmKind::kernel);
    underlays_.clear();
    EXPECT_EQ(kind_of([](Facts&) {}), AlarmKind::underlay);
    underlays_ = {{.name = "eth0", .up = true}};
    EXPECT_EQ(kind_of([](Facts& f) { f.leaks = {{"leaks", "1"}}; }), AlarmKind::leak);
    EXPECT_EQ(kind_of([](Facts& f) { f.chain = {{"hooks", "1"}}; }), AlarmKind::foreign_chain);
    EXPECT_EQ(kind_of([](Facts& f) { f.plan = {"no free id"}; }), AlarmKind::plan);
    EXPECT_EQ(kind_of([](Facts& f) { f.source = {{"a.yaml", "bad"}}; }), AlarmKind::source);
    EXPECT_EQ(kind_of([](Facts& f) { f.odd["node-b"] = {.too_big = 5}; }), AlarmKind::mtu);
    EXPECT_EQ(kind_of([](Facts& f) { f.odd["node-b"] = {.oversize = 5}; }), AlarmKind::mtu);
    EXPECT_EQ(kind_of([](Facts& f) { f.lost_hooks["wgs_nic_in of eth0"] = 1; }),
              AlarmKind::lost_hook);
    EXPECT_EQ(kind_of([](Facts& f) { f.lost_devices = 1; }), AlarmKind::lost_device);
    EXPECT_EQ(kind_of([](Facts& f) { f.clock_behind = 9s; }), AlarmKind::clock);
    EXPECT_EQ(kind_of([](Facts& f) { f.clock_ahead = 9s; }), AlarmKind::clock);
    EXPECT_EQ(kind_of([](Facts& f) { f.secret_files = {{"/s", "short"}}; }), AlarmKind::secret);
    EXPECT_EQ(kind_of([](Facts& f) { f.meddling["wgsteer0"] = {"set it down"}; }),
              AlarmKind::altered);
    EXPECT_EQ(kind_of([](Facts& f) { f.new_keys["node-b"] = 3; }), AlarmKind::key_conflict);
    underlays_[0].up = false;
    EXPECT_EQ(kind_of([](Facts&) {}), AlarmKind::underlay);
    underlays_[0].up = true;
    config_.max_peers = 2;
    EXPECT_EQ(kind_of([](Facts&) {}), AlarmKind::table_full);
    config_.max_peers = 100;
    peers_["node-b"].tunnels[0].endpoint.reset();
    EXPECT_EQ(kind_of([](Facts&) {}), AlarmKind::no_address);
    peers_["node-b"].tunnels[0].public_key.reset();
    EXPECT_EQ(kind_of([](Facts&) {}), AlarmKind::no_key);
}

}  // namespace
}  // namespace wgs
