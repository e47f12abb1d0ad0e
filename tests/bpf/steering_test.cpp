// SPDX-License-Identifier: Apache-2.0
// BpfSteering: what is written is observed, by the same agent and by the next one.
#include "service/bpf_steering.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <filesystem>
#include <set>

#include "packet.h"
#include "sandbox.h"
#include "service/explain_request.h"
#include "service/leak_test.h"

namespace wgs {
namespace {

constexpr PeerId kPeer = WGS_PEER_FIRST + 2;

Prefix prefix(const char* text) {
    return Prefix::parse(text).value();
}

PeerRecord record(const char* name) {
    std::array<std::uint8_t, PublicKey::kSize> key{};
    key.fill(0x5a);
    return {.name = name,
            .public_key = PublicKey(key),
            .endpoint = Endpoint{.address = IpAddress::parse("fd50::2").value(), .port = 51820}};
}

class SteeringTest : public testing::Test {
  protected:
    void SetUp() override {
        run_command("ip link add wgs-nic type veth peer name wgs-wire");
        steering_ = load();
        ASSERT_TRUE(steering_);
    }
    void TearDown() override {
        EXPECT_TRUE(BpfSteering::clean_up(settings_.bpffs));
        EXPECT_TRUE(BpfSteering::clean_up(settings_.bpffs)) << "cleaning up twice";
        EXPECT_FALSE(std::filesystem::exists(settings_.bpffs));
        run_command("ip link del wgs-nic");
    }

    [[nodiscard]] std::unique_ptr<BpfSteering> load() const {
        auto steering = BpfSteering::load(settings_);
        EXPECT_TRUE(steering) << steering.error().message;
        return steering ? std::move(*steering) : nullptr;
    }
    [[nodiscard]] Explanation explain(const Packet& packet) const {
        const auto explanation = steering_->explain(packet.bytes());
        EXPECT_TRUE(explanation) << explanation.error().message;
        return explanation.value_or(Explanation{});
    }
    // All that the agent would find.
    [[nodiscard]] static SteeringState observe(BpfSteering& steering) {
        auto state = steering.observe_tables();
        const auto hooks = steering.observe_hooks();
        auto watched = steering.observe_watched();
        EXPECT_TRUE(state && hooks && watched);
        if (!state || !hooks || !watched) return {};
        static_cast<HookState&>(*state) = *hooks;
        state->watched = std::move(*watched);
        return std::move(*state);
    }
    [[nodiscard]] SteeringState observe() const { return observe(*steering_); }
    void set_prefix(const Prefix& key, const Owner& owner) const {
        const PrefixRow row{.prefix = key, .owner = owner};
        EXPECT_TRUE(steering_->set_prefixes({&row, 1}));
    }
    // 10.1.0.0/24 is ours, 10.2.0.0/24 a peer's.
    static void watch(BpfSteering& steering) {
        const WatchRow rows[] = {{prefix("10.1.0.0/24"), WGS_WATCH_FROM | WGS_WATCH_POD},
                                 {prefix("10.2.0.0/24"), WGS_WATCH_TO | WGS_WATCH_POD}};
        EXPECT_TRUE(steering.set_watched(rows));
    }
    // Self and one peer, as the agent would write them.
    void add_peer(std::uint32_t state) const {
        EXPECT_TRUE(steering_->set_tunnel(0, {.ifindex = 77, .port = 51820}));
        set_prefix(prefix("10.1.0.0/24"), {.peer = WGS_PEER_SELF});
        EXPECT_TRUE(steering_->bind_peer(kPeer, record("node-b")));
        set_prefix(prefix("10.2.0.0/24"), {.peer = kPeer});
        EXPECT_TRUE(steering_->set_peer_way(kPeer, {.mtu = 1440, .underlay = 0}));
        EXPECT_TRUE(steering_->set_peer_state(kPeer, state));
    }

    BpfSteering::Settings settings_{.bpffs = new_bpffs_path(), .max_peers = 16};
    std::unique_ptr<BpfSteering> steering_;
};

TEST_F(SteeringTest, TheNextAgentFindsEverything) {
    SteeringState wanted;
    std::vector<WatchRow> watched;
    wanted.prefixes = {
        {prefix("10.1.0.0/24"), {.peer = WGS_PEER_SELF}},
        {prefix("192.168.50.2/32"), {.peer = kPeer, .prefix_class = PrefixClass::node}},
        {prefix("fd10:2::/64"), {.peer = kPeer}}};
    wanted.slots = {
        {kPeer,
         {.state = WGS_STATE_READY,
          .way = {.mtu = 1440, .underlay = 3},
          .record = record("node-b")}},
        {kPeer + 1, {.state = WGS_STATE_UNUSED, .way = {}, .record = {.name = "bound-only"}}}};
    wanted.tunnels = {{0, {.ifindex = 7, .port = 51820}}, {1, {.ifindex = 8, .port = 51821}}};
    wanted.underlays = {{std::uint8_t{3}, {.ifindex = 2, .mac = {2, 0, 0, 0, 0, 9}}}};
    wanted.bypass = {{.protocol = 6, .port = 6443}, {.protocol = 1}};
    wanted.watched = {{prefix("10.1.0.0/24"), WGS_WATCH_FROM | WGS_WATCH_POD},
                      {prefix("10.2.0.0/24"), 0},
                      {prefix("fd10:2::/64"), WGS_WATCH_TO | WGS_WATCH_POD}};
    for (const auto& [key, flags] : wanted.watched)
        watched.push_back({key, flags});
    ASSERT_TRUE(steering_->set_watched(watched));
    for (const auto& [key, owner] : wanted.prefixes)
        set_prefix(key, owner);
    for (const auto& [id, slot] : wanted.slots) {
        ASSERT_TRUE(steering_->bind_peer(id, slot.record));
        ASSERT_TRUE(steering_->set_peer_way(id, slot.way));
        ASSERT_TRUE(steering_->set_peer_state(id, slot.state));
    }
    for (const auto& [index, entry] : wanted.underlays)
        ASSERT_TRUE(steering_->set_underlay(index, entry));
    for (const Service& service : wanted.bypass)
        ASSERT_TRUE(steering_->add_bypass(service));
    for (const auto& [index, entry] : wanted.tunnels)
        ASSERT_TRUE(steering_->set_tunnel(index, entry));

    const SteeringState found = observe(*load());
    EXPECT_EQ(found.prefixes, wanted.prefixes);
    EXPECT_EQ(found.slots, wanted.slots);
    EXPECT_EQ(found.tunnels, wanted.tunnels);
    EXPECT_EQ(found.underlays, wanted.underlays);
    EXPECT_EQ(found.bypass, wanted.bypass);
    EXPECT_EQ(found.watched, wanted.watched);
    const Prefix left = prefix("fd10:2::/64");
    ASSERT_TRUE(steering_->remove_watched({&left, 1}));
    EXPECT_EQ(observe().watched.size(), 2U);
}

TEST_F(SteeringTest, FreedUnderlaysAndServicesAreGone) {
    ASSERT_TRUE(steering_->set_underlay(3, {.ifindex = 2}));
    ASSERT_TRUE(steering_->set_underlay(3, {}));
    ASSERT_TRUE(steering_->add_bypass({.protocol = 6, .port = 6443}));
    ASSERT_TRUE(steering_->remove_bypass({.protocol = 6, .port = 6443}));
    EXPECT_TRUE(observe().underlays.empty());
    EXPECT_TRUE(observe().bypass.empty());
}

TEST_F(SteeringTest, HooksOfAnEarlierAgentAreCurrent) {
    const Hook hook{.ifindex = index_of("wgs-nic"), .point = HookPoint::nic_out};
    ASSERT_TRUE(steering_->attach(hook));
    EXPECT_EQ(observe(*load()).hooks, std::set{hook});
}

TEST_F(SteeringTest, HooksOfAnAgentWithOtherSettingsAreShownButNotAsCurrent) {
    const Hook hook{.ifindex = index_of("wgs-nic"), .point = HookPoint::nic_out};
    ASSERT_TRUE(steering_->attach(hook));
    EXPECT_EQ(observe().hooks, std::set{hook});

    settings_.policy = Policy::require;
    const auto next = load();
    EXPECT_TRUE(observe(*next).hooks.empty());
    ASSERT_EQ(next->hooks()->size(), 1U);
    EXPECT_FALSE(next->hooks()->front().current);
    ASSERT_TRUE(next->attach(hook));
    EXPECT_EQ(observe(*next).hooks, std::set{hook});
    EXPECT_EQ(next->hooks()->front().program, "wgs_nic_out");
}

TEST_F(SteeringTest, TheGuardRunsInTheModeAskedFor) {
    const Hook hook{.ifindex = index_of("wgs-nic"), .point = HookPoint::nic_guard};
    for (const auto& [mode, kind] :
         {std::pair(GuardMode::generic, "generic"), std::pair(GuardMode::native, "native")}) {
        settings_.guard = mode;
        steering_ = load();
        EXPECT_FALSE(observe().hooks.contains(hook)) << "not in this mode";
        ASSERT_TRUE(steering_->attach(hook));
        EXPECT_EQ(observe().hooks, std::set{hook});
        EXPECT_TRUE(observe().outdated.empty());
        EXPECT_EQ(steering_->hooks()->front().kind, kind);
    }
    settings_.hosts = true;
    steering_ = load();
    EXPECT_EQ(observe().outdated, std::set{hook});
    ASSERT_TRUE(steering_->detach(hook));
    EXPECT_TRUE(steering_->hooks()->empty());
}

TEST_F(SteeringTest, AGuardThatCannotBeAttachedStopsNothing) {
    const Hook hook{.ifindex = index_of("lo"), .point = HookPoint::nic_guard};
    settings_.guard = GuardMode::native;
    steering_ = load();
    ASSERT_TRUE(steering_->attach(hook));
    const SteeringState state = observe();
    EXPECT_TRUE(state.hooks.empty());
    EXPECT_EQ(state.refused, (std::map<Hook, std::string>{{hook, "the driver has no native XDP"}}));
}

TEST_F(SteeringTest, RemovedPrefixesAndPeersAreGone) {
    add_peer(WGS_STATE_READY);
    const Prefix left = prefix("10.2.0.0/24");
    ASSERT_TRUE(steering_->remove_prefixes({&left, 1}));
    EXPECT_TRUE(steering_->remove_prefixes({&left, 1})) << "removing twice";
    ASSERT_TRUE(steering_->release_peer(kPeer));
    EXPECT_EQ(observe().prefixes.size(), 1U);
    EXPECT_TRUE(observe().slots.empty());
}

TEST_F(SteeringTest, ExplainsWithTheProgramItself) {
    add_peer(WGS_STATE_READY);
    const Packet packet = ethernet{} / ipv4{} / udp{};
    const Explanation ready = explain(packet);
    EXPECT_EQ(ready.verdict, Verdict::steer);
    EXPECT_EQ(ready.reason, WGS_REASON_steered);
    EXPECT_EQ(ready.peer, kPeer);

    ASSERT_TRUE(steering_->set_peer_state(kPeer, WGS_STATE_STALLED));
    EXPECT_EQ(explain(packet).verdict, Verdict::pass);
    EXPECT_EQ(explain(packet).reason, WGS_REASON_stalled);
    EXPECT_TRUE(steering_->verdict_totals()->empty()) << "an explanation was counted";
}

// A rule about ports that special_ports() does not know would show here.
TEST_F(SteeringTest, PortsBetweenTheSpecialOnesAreJudgedAlike) {
    settings_.overlay = true;
    const std::set<Service> bypass{{.protocol = IPPROTO_UDP, .port = 53}};
    const std::vector<TunnelConfig> tunnels{{.device = "wgsteer0", .port = 51820}};
    for (const bool hosts : {false, true}) {
        settings_.hosts = hosts;
        steering_ = load();
        add_peer(WGS_STATE_READY);
        set_prefix(prefix("10.1.0.0/24"),
                   {.peer = WGS_PEER_SELF, .prefix_class = PrefixClass::node});
        set_prefix(prefix("10.2.0.0/24"), {.peer = kPeer, .prefix_class = PrefixClass::node});
        ASSERT_TRUE(steering_->add_bypass(*bypass.begin()));
        Flow flow{.source = IpAddress::parse("10.1.0.5").value(),
                  .destination = IpAddress::parse("10.2.0.5").value(),
                  .protocol = IPPROTO_UDP,
                  .source_port = 68};
        std::set<wgs_reason> seen;
        for (const PortRange& piece :
             pieces_of({0, 65535}, special_ports(IPPROTO_UDP, bypass, tunnels))) {
            std::set<wgs_reason> reasons;
            for (std::uint32_t port = piece.first; port <= piece.last; ++port) {
                flow.destination_port = static_cast<std::uint16_t>(port);
                reasons.insert(steering_->explain(first_packet(flow)).value().reason);
            }
            EXPECT_EQ(reasons.size(), 1U) << piece.first << "-" << piece.last;
            seen.insert(reasons.begin(), reasons.end());
        }
        EXPECT_GT(seen.size(), 1U) << "nothing depended on ports";
    }
}

TEST_F(SteeringTest, ExplainsWhatArrives) {
    settings_.policy = Policy::require;
    steering_ = load();
    add_peer(WGS_STATE_READY);
    Flow flow{.source = IpAddress::parse("10.2.0.5").value(),
              .destination = IpAddress::parse("10.1.0.5").value()};
    const Explanation clear = steering_->explain(first_packet(flow), HookPoint::nic_in).value();
    EXPECT_EQ(clear.verdict, Verdict::drop);
    EXPECT_EQ(clear.reason, WGS_REASON_clear_in);
    EXPECT_EQ(clear.peer, kPeer);
    ASSERT_TRUE(steering_->set_underlay(0, {.ifindex = index_of("wgs-nic")}));
    ASSERT_TRUE(steering_->set_peer_way(kPeer, {.mtu = 1440, .underlay = 0}));
    const Explanation inside =
        steering_->explain(first_bare_packet(flow), HookPoint::wg_in).value();
    EXPECT_EQ(inside.verdict, Verdict::steer);
    EXPECT_EQ(inside.reason, WGS_REASON_decrypted);
    EXPECT_FALSE(steering_->explain(first_packet(flow), HookPoint::nic_guard)) << "it would count";
    EXPECT_TRUE(steering_->verdict_totals()->empty()) << "an explanation was counted";
}

TEST_F(SteeringTest, TheSelfTestTellsWhetherTheWatcherSees) {
    SteeringState known = observe();
    const auto self_test = [&] { return test_leak_watch(*steering_, known, kDefaultFwmark); };
    EXPECT_EQ(self_test().outcome, SelfTest::nothing_yet);
    add_peer(WGS_STATE_READY);
    watch(*steering_);
    known = observe();
    EXPECT_EQ(self_test().outcome, SelfTest::passed) << self_test().detail;
    EXPECT_EQ(steering_->leak_total()->packets, 0U) << "the test was counted";

    const auto other = load();
    const Prefix unseen = prefix("10.2.0.0/24");
    ASSERT_TRUE(other->remove_watched({&unseen, 1}));  // behind the back of the first
    EXPECT_EQ(self_test().outcome, SelfTest::failed);
    EXPECT_EQ(self_test().detail, "does not see clear text 10.1.0.0 > 10.2.0.0");
    watch(*other);

    ASSERT_TRUE(other->set_tunnel(0, {.ifindex = 77, .port = 7}));
    EXPECT_EQ(self_test().detail, "takes encrypted packets for clear text");
}

TEST_F(SteeringTest, WhatLeaksIsCountedAndSampled) {
    const Hook hook{.ifindex = index_of("wgs-nic"), .point = HookPoint::leak_watch};
    ASSERT_TRUE(steering_->attach(hook));
    EXPECT_TRUE(steering_->leak_flows()->empty());
    watch(*steering_);
    run_command("ip link set wgs-wire up && ip link set wgs-nic up");
    run_command("ip addr add 10.1.0.1/24 dev wgs-nic && ip route add 10.2.0.0/24 dev wgs-nic");
    run_command("ip neigh add 10.2.0.9 lladdr 02:00:00:00:00:09 dev wgs-nic");
    run_command("ping -q -c 2 -i 0.01 -W 1 10.2.0.9 >/dev/null || true");
    EXPECT_EQ(steering_->leak_total()->packets, 2U);
    const auto flows = steering_->leak_flows();
    ASSERT_EQ(flows->size(), 1U);
    EXPECT_EQ(to_string(flows->front()), "10.1.0.1 > 10.2.0.9 icmp by wgs-nic: 2 packets");
    EXPECT_EQ(flows->front().bytes, 2 * 84U);
    EXPECT_LE(Clock::now() - flows->front().last, std::chrono::seconds(5));
    EXPECT_GE(Clock::now(), flows->front().last);
}

TEST_F(SteeringTest, PolicyRequireDropsInstead) {
    settings_.policy = Policy::require;
    steering_ = load();
    add_peer(WGS_STATE_WAITING);
    EXPECT_EQ(explain(ethernet{} / ipv4{} / udp{}).verdict, Verdict::drop);
}

TEST_F(SteeringTest, BindingAnIdClearsItsCounters) {
    add_peer(WGS_STATE_READY);
    const Hook hook{.ifindex = index_of("wgs-nic"), .point = HookPoint::nic_out};
    ASSERT_TRUE(steering_->attach(hook));
    run_command("ip link set wgs-wire up && ip link set wgs-nic up");
    run_command("ip addr add 10.1.0.1/24 dev wgs-nic && ip route add 10.2.0.0/24 dev wgs-nic");
    run_command("ip neigh add 10.2.0.9 lladdr 02:00:00:00:00:09 dev wgs-nic");
    run_command("ping -q -c 1 -W 1 10.2.0.9 >/dev/null || true");
    EXPECT_EQ(steering_->peer_stats(kPeer)->by_reason[WGS_REASON_steered].packets, 1U);
    ASSERT_TRUE(steering_->bind_peer(kPeer, record("node-c")));
    EXPECT_EQ(steering_->peer_stats(kPeer)->by_reason[WGS_REASON_steered].packets, 0U);
}

}  // namespace
}  // namespace wgs
