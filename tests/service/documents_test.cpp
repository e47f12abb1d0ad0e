// SPDX-License-Identifier: Apache-2.0
#include "service/documents.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/version.h"
#include "example.h"

namespace wgs {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<HookStatus> kHooks{
    {.hook = {.ifindex = 2, .point = HookPoint::nic_out},
     .device = "eth0",
     .kind = "tcx",
     .program = "wgs_nic_out",
     .current = true},
    {.hook = {.ifindex = 9, .point = HookPoint::wg_in},
     .device = "wgsteer0",
     .kind = "tcx",
     .program = "wgs_wg_in",
     .current = true},
    {.hook = {.ifindex = 2, .point = HookPoint::nic_in},
     .device = "eth0",
     .kind = "clsact",
     .program = "wgs_nic_in",
     .current = false},
    {.hook = {.ifindex = 2, .point = HookPoint::leak_watch},
     .device = "eth0",
     .kind = "tcx",
     .program = "wgs_leak_watch",
     .current = true},
    {.hook = {.ifindex = 77, .point = HookPoint::pod_out},
     .device = "veth1",
     .kind = "tcx",
     .program = "wgs_pod_out",
     .current = true},
    {.hook = {.ifindex = 2, .point = HookPoint::nic_guard},
     .device = "eth0",
     .kind = "native",
     .program = "wgs_nic_guard",
     .current = true},
};

// Of the verdicts, those that are not zero.
Json status_of(const Example& example) {
    const std::string text = status_document(example.view(), example.verdicts, kHooks);
    EXPECT_TRUE(text.ends_with("\n}\n"));
    Json status = Json::parse(text);
    Json counted = Json::object();
    for (const auto& [reason, packets] : status["verdicts"].items()) {
        if (packets != 0) counted[reason] = packets;
    }
    status["verdicts"] = counted;
    return status;
}

// Documents differ in the order of their keys too: what people read has an order.
void expect_same(const Json& document, const char* expected) {
    EXPECT_EQ(document.dump(2), Json::parse(expected).dump(2));
}

TEST(StatusDocument, ShowsTheNodeItsPeersTunnelHooksAndVerdicts) {
    Json status = status_of(Example());
    EXPECT_EQ(status["version"], kVersion);
    status.erase("version");
    expect_same(status, R"({
      "node": "node-a",
      "policy": "require",
      "hosts": true,
      "path": "transparent",
      "fast_pods": 0,
      "starting": false,
      "in_sync": true,
      "source_complete": true,
      "secrets": [],
      "peers": {"total": 2, "ready": 1, "waiting": 0, "no_key": 1, "conflict": 0, "stalled": 0},
      "tunnels": [{
          "device": "wgsteer0",
          "backend": "userspace",
          "public_key": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABc=",
          "port": 51820,
          "mtu": 1440,
          "fwmark": 4096,
          "up": true
      }],
      "hooks": [
        {"device": "eth0", "hook": "egress", "kind": "tcx", "program": "wgs_nic_out", "attached": true},
        {"device": "wgsteer0", "hook": "ingress", "kind": "tcx", "program": "wgs_wg_in", "attached": true},
        {"device": "eth0", "hook": "ingress", "kind": "clsact", "program": "wgs_nic_in", "attached": false},
        {"device": "eth0", "hook": "egress", "kind": "tcx", "program": "wgs_leak_watch", "attached": true},
        {"device": "veth1", "hook": "ingress", "kind": "tcx", "program": "wgs_pod_out", "attached": true},
        {"device": "eth0", "hook": "xdp", "kind": "native", "program": "wgs_nic_guard", "attached": true}
      ],
      "verdicts": {"steered": 5, "no_tunnel": 3, "decrypted": 3},
      "leaks": 0,
      "leak_flows": [],
      "leak_watch": {"enabled": true, "self_test": "nothing to watch yet"},
      "alarms": [],
      "problems": [],
      "notes": []
    })");
}

TEST(StatusDocument, NamesEveryReasonAlsoWhenItIsZero) {
    const auto status = Json::parse(status_document(Example().view(), {}, {}));
    std::vector<std::string> names;
    for (const auto& [reason, packets] : status["verdicts"].items()) {
        names.push_back(reason);
        EXPECT_EQ(packets, 0) << reason;
    }
    std::vector<std::string> expected;
    for (std::size_t i = 1; i < kReasons.size(); ++i)
        expected.emplace_back(kReasons.at(i).name);
    EXPECT_EQ(names, expected);
}

TEST(StatusDocument, BeforeAnythingIsThereHasEmptyLists) {
    const Example example;
    const ActualState nothing;
    const std::map<std::string, CachedPeer> no_peers;
    const PeerStates no_states;
    const AgentView view{.config = example.config,
                         .peers = no_peers,
                         .states = no_states,
                         .actual = nothing,
                         .leaks = example.leaks,
                         .secrets = example.secrets,
                         .rejections = example.rejections};
    const auto status = Json::parse(status_document(view, {}, {}));
    EXPECT_EQ(status["in_sync"], false);
    EXPECT_EQ(status["peers"]["total"], 0);
    EXPECT_EQ(status["tunnels"], Json::array());
    EXPECT_EQ(status["hooks"], Json::array());
    EXPECT_EQ(peers_document(view, {}), "[]\n");
}

TEST(StatusDocument, ShowsWhatLeaked) {
    Example example;
    example.leaks.note({.packets = 3, .bytes = 252},
                       {{.flow = {.source = ip("10.1.0.10"),
                                  .destination = ip("10.2.0.10"),
                                  .protocol = 17,
                                  .source_port = 1000,
                                  .destination_port = 53},
                         .device = "eth0",
                         .packets = 3,
                         .bytes = 252,
                         .first = Clock::time_point(1700000000s),
                         .last = Clock::time_point(1700000060s)}},
                       Clock::time_point(1700000061s));
    example.leaks.note({.outcome = SelfTest::passed, .detail = "sees"});
    const Json status = status_of(example);
    EXPECT_EQ(status["leaks"], 3);
    EXPECT_EQ(status["leak_watch"], (Json{{"enabled", true}, {"self_test", "passed"}}));
    expect_same(status["leak_flows"], R"([{
        "source": "10.1.0.10",
        "destination": "10.2.0.10",
        "protocol": 17,
        "source_port": 1000,
        "destination_port": 53,
        "device": "eth0",
        "packets": 3,
        "bytes": 252,
        "first": 1700000000,
        "last": 1700000060,
        "text": "10.1.0.10:1000 > 10.2.0.10:53 udp by eth0: 3 packets"
    }])");
}

TEST(StatusDocument, HasNoLeaksToTellWhenTheWatcherIsOff) {
    Example example;
    example.config.leak_watch = false;
    const Json status = status_of(example);
    EXPECT_EQ(status["leaks"], nullptr);
    EXPECT_EQ(status["leak_watch"], (Json{{"enabled", false}, {"self_test", nullptr}}));
}

TEST(LeakTestDocument, TellsTheOutcomeAndWhy) {
    Example example;
    example.leaks.note({.outcome = SelfTest::failed, .detail = "does not see"});
    EXPECT_EQ(Json::parse(leak_test_document(example.view())),
              (Json{{"enabled", true}, {"self_test", "failed"}, {"detail", "does not see"}}));
    example.config.leak_watch = false;
    EXPECT_EQ(Json::parse(leak_test_document(example.view())),
              (Json{{"enabled", false}, {"self_test", nullptr}, {"detail", "leak_watch is off"}}));
}

TEST(StatusDocument, TellsProblemsInTheirOrder) {
    Example example;
    example.problems = {{.object = "kernel", .message = "create wgsteer0: no"},
                        {.object = "b.yaml", .message = "line 1:\n\"x\""}};
    expect_same(status_of(example)["problems"], R"([
      {"object": "kernel", "message": "create wgsteer0: no"},
      {"object": "b.yaml", "message": "line 1:\n\"x\""}
    ])");
}

TEST(StatusDocument, KeepsNotesApartFromProblems) {
    Example example;
    example.notes = {{.object = "plan", .message = "the guard is off"}};
    expect_same(status_of(example)["notes"],
                R"([{"object": "plan", "message": "the guard is off"}])");
    EXPECT_EQ(status_of(example)["problems"], Json::array());
}

TEST(StatusDocument, ReplacesWhatIsNotUtf8) {
    Example example;
    example.problems = {{.object = "\xff.yaml", .message = "bad"}};
    EXPECT_EQ(status_of(example)["problems"][0]["object"], "\xef\xbf\xbd.yaml");
}

TEST(StatusDocument, TellsAlarmsWithWhatToDo) {
    Example example;
    AgentView view = example.view();
    view.alarms = {{.finding = {.kind = AlarmKind::stalled,
                                .object = "node-b",
                                .severity = Severity::problem,
                                .message = "dead",
                                .advice = "look"},
                    .since = Clock::time_point(1700000000s)}};
    expect_same(Json::parse(status_document(view, {}, {}))["alarms"], R"([
      {"kind": "stalled", "object": "node-b", "severity": "problem", "since": 1700000000,
       "message": "dead", "advice": "look"}
    ])");
    wgs_peer_stats stats{};
    stats.by_reason[WGS_REASON_steered] = {.packets = 5, .bytes = 500};
    const Json peer = Json::parse(peer_document(view, "node-b", {{"node-b", stats}}))[0];
    EXPECT_EQ(peer["alarms"].size(), 1U);
    EXPECT_EQ(peer["reasons"][0]["reason"], "steered");
    EXPECT_EQ(peer["published_endpoint"], "192.168.50.2:51820");
    EXPECT_EQ(peer["endpoint"], "203.0.113.7:51820");
    EXPECT_EQ(peer["all_prefixes"].size(), 3U);
    EXPECT_EQ(Json::parse(peer_document(view, "node-c", {}))[0]["alarms"], Json::array());
}

TEST(TopDocument, HasARowForEachPeer) {
    Example example;
    wgs_peer_stats stats{};
    stats.by_reason[WGS_REASON_steered] = {.packets = 5, .bytes = 500};
    stats.by_reason[WGS_REASON_in_pieces] = {.packets = 1, .bytes = 1500};
    stats.by_reason[WGS_REASON_delivered] = {.packets = 3, .bytes = 300};
    stats.dropped = {.packets = 7, .bytes = 700};
    const Json top = Json::parse(top_document(example.view(), {{"node-b", stats}}, 1234ms));
    EXPECT_EQ(top["milliseconds"], 1234);
    EXPECT_EQ(top["peers"][0].dump(),
              R"(["node-b","ready",1700000000,6,2000,3,300,7,0,"wgsteer0",null,null])");
    EXPECT_EQ(top["peers"][1].dump(),
              R"(["node-c","no_key",null,0,0,0,0,0,0,"wgsteer0",null,null])");
    EXPECT_EQ(top["columns"].size(), top["peers"][0].size());
}

TEST(TopDocument, SumsUpTheTimeInWireguard) {
    const wgs_crypto crypto{.buckets = {0, 2}, .nanoseconds = 3000};
    const Json top = Json::parse(top_document(Example().view(), {}, 1234ms, {{"node-b", crypto}}));
    EXPECT_EQ(top["peers"][0][10], 2);
    EXPECT_EQ(top["peers"][0][11], 3);
    EXPECT_EQ(top["peers"][1][10], nullptr);
}

TEST(PeersDocument, ShowsTheTimeInWireguard) {
    const wgs_crypto crypto{.buckets = {0, 0, 4}, .nanoseconds = 12'000};
    const PeerCrypto all{{"node-b", crypto}, {"node-c", {}}};
    const Example example;
    const auto peers = Json::parse(peers_document(example.view(), {}, all));
    expect_same(peers[0]["crypto_latency"],
                R"({"samples": 4, "mean_us": 3.0, "p50_us": 3.0, "p99_us": 3.98})");
    expect_same(peers[1]["crypto_latency"],
                R"({"samples": 0, "mean_us": null, "p50_us": null, "p99_us": null})");
    const auto peer = Json::parse(peer_document(example.view(), "node-b", {}, all));
    EXPECT_EQ(peer[0]["crypto_latency"], peers[0]["crypto_latency"]);
}

TEST(PeersDocument, ShowsEachPeerWithWhatItsSessionAndCountersSay) {
    const Example example;
    const std::string text = peers_document(example.view(), example.counts);
    EXPECT_TRUE(text.ends_with("\n]\n"));
    expect_same(Json::parse(text), R"([
      {
        "name": "node-b",
        "tunnel": "wgsteer0",
        "state": "ready",
        "public_key": "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABc=",
        "endpoint": "203.0.113.7:51820",
        "published_endpoint": "192.168.50.2:51820",
        "prefixes": ["10.2.0.0/24", "fd10:2::/64"],
        "addresses": ["192.168.50.2", "fd50::2"],
        "refused": [{"claim": "10.9.0.0/24", "reason": "belongs to node-c"}],
        "secret": null,
        "last_handshake": 1700000000,
        "rx_bytes": 1000,
        "tx_bytes": 2000,
        "steered_packets": 5,
        "dropped_packets": 1,
        "clear_packets": 2,
        "decrypted_packets": 3,
        "crypto_latency": null
      },
      {
        "name": "node-c",
        "tunnel": "wgsteer0",
        "state": "no_key",
        "public_key": null,
        "endpoint": "192.168.50.3:51820",
        "published_endpoint": "192.168.50.3:51820",
        "prefixes": [],
        "addresses": ["192.168.50.3"],
        "refused": [],
        "secret": null,
        "last_handshake": null,
        "rx_bytes": 0,
        "tx_bytes": 0,
        "steered_packets": 0,
        "dropped_packets": 0,
        "clear_packets": 0,
        "decrypted_packets": 0,
        "crypto_latency": null
      }
    ])");
}

TEST(PeersDocument, ShowsAPeerThatNoPlanHasSeenAsWaiting) {
    Example example;
    example.states.clear();
    example.actual.tunnels.clear();
    const auto peers = Json::parse(peers_document(example.view(), {}));
    EXPECT_EQ(peers[0]["state"], "waiting");
    EXPECT_EQ(peers[0]["endpoint"], "192.168.50.2:51820");
    EXPECT_EQ(peers[0]["last_handshake"], nullptr);
}

TEST(ErrorDocument, QuotesTheMessage) {
    EXPECT_EQ(error_document({.code = {}, .message = "no \"x\"\n\xff"}),
              "{\n  \"error\": \"no \\\"x\\\"\\n\xef\xbf\xbd\"\n}\n");
}

TEST(VersionDocument, HasTheVersion) {
    EXPECT_EQ(Json::parse(version_document()), (Json{{"version", kVersion}}));
}

}  // namespace
}  // namespace wgs
