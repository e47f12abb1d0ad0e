// SPDX-License-Identifier: Apache-2.0
#include "cli/render.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace wgs::cli {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

Json healthy_status() {
    return Json::parse(R"({
      "node": "node-a",
      "version": "0.1.0",
      "policy": "require",
      "hosts": true,
      "in_sync": true,
      "peers": {"total": 2, "ready": 2, "waiting": 0, "no_key": 0, "conflict": 0, "stalled": 0},
      "tunnels": [{
          "device": "wgsteer0",
          "backend": "kernel",
          "public_key": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABc=",
          "port": 51820,
          "mtu": 1440,
          "fwmark": 4096,
          "up": true
      }],
      "hooks": [
        {"device": "eth0", "hook": "egress", "kind": "tcx", "program": "wgs_nic_out", "attached": true},
        {"device": "wgsteer0", "hook": "ingress", "kind": "tcx", "program": "wgs_wg_in", "attached": true}
      ],
      "verdicts": {"steered": 18446744073709551615, "waiting": 0, "no_peer": 7},
      "leaks": 0,
      "leak_flows": [],
      "leak_watch": {"enabled": true, "self_test": "passed"},
      "problems": []
    })");
}

TEST(RenderStatus, OfAHealthyNode) {
    EXPECT_EQ(render_status(healthy_status()),
              R"(node     node-a
policy   require
hosts    encrypted
in sync  yes
peers    2 of 2 ready
leaks    0

tunnel  wgsteer0  kernel  port 51820  mtu 1440  fwmark 0x1000  AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABc=
hook  eth0      egress   wgs_nic_out  tcx  attached
hook  wgsteer0  ingress  wgs_wg_in    tcx  attached

packets  no_peer  7
packets  steered  18446744073709551615
)");
}

TEST(RenderStatus, TellsNotesBeforeTheRest) {
    Json status = healthy_status();
    status["notes"] = {{{"object", "plan"}, {"message", "the guard is off"}}};
    EXPECT_EQ(render_status(status),
              "NOTE  plan: the guard is off\n\n" + render_status(healthy_status()));
    EXPECT_TRUE(is_healthy(status));
}

TEST(RenderStatus, TellsProblemsFirst) {
    Json status = healthy_status();
    status["problems"] = {{{"object", "kernel"}, {"message", "create wgsteer0: no"}},
                          {{"object", "b.yaml"}, {"message", "not a node file"}}};
    status["policy"] = "prefer";
    status["hosts"] = false;
    status["in_sync"] = false;
    status["leaks"] = 3;
    status["leak_flows"] = {{{"text", "10.1.0.1 > 10.2.0.1 icmp by eth0: 2 packets"}},
                            {{"text", "10.1.0.1:9 > 10.2.0.1:8 udp by eth0: 1 packets"}}};
    status["leak_watch"]["self_test"] = "failed";
    status["peers"] = {{"total", 9},  {"ready", 2},    {"waiting", 1},
                       {"no_key", 0}, {"conflict", 4}, {"stalled", 2}};
    status["tunnels"] = Json::array();
    status["hooks"][0]["attached"] = false;
    status["verdicts"] = Json::object();
    EXPECT_EQ(render_status(status),
              R"(PROBLEM  kernel: create wgsteer0: no
PROBLEM  b.yaml: not a node file

node     node-a
policy   prefer
hosts    off
in sync  NO
peers    2 of 9 ready, 1 waiting, 4 conflict, 2 stalled
leaks    3, self-test: failed
leak  10.1.0.1 > 10.2.0.1 icmp by eth0: 2 packets
leak  10.1.0.1:9 > 10.2.0.1:8 udp by eth0: 1 packets

hook  eth0      egress   wgs_nic_out  tcx  OUTDATED
hook  wgsteer0  ingress  wgs_wg_in    tcx  attached

)");
}

TEST(RenderStatus, TellsAlarmsWithTheirAgeAndWhatToDo) {
    Json status = healthy_status();
    status["problems"] = {{{"object", "node-b"}, {"message", "dead"}}};
    status["alarms"] = Json::parse(R"([
      {"kind": "stalled", "object": "node-b", "severity": "problem", "since": 1000,
       "message": "dead", "advice": "look there"},
      {"kind": "plan", "object": "plan", "severity": "warning", "since": 1035,
       "message": "full", "advice": ""}
    ])");
    EXPECT_EQ(render_status(status, 1035s), R"(PROBLEM  node-b: dead
         stalled, since 35 s ago; to do: look there
WARNING  plan: full
         plan, since 0 s ago

)" + render_status(healthy_status()));
}

TEST(RenderStatus, TellsThatNobodyWatchesForLeaks) {
    Json status = healthy_status();
    status["leaks"] = nullptr;
    EXPECT_NE(render_status(status).find("leaks    not watched\n"), std::string::npos);
}

TEST(RenderLeakTest, TellsTheOutcomeAndWhy) {
    EXPECT_EQ(render_leak_test({{"self_test", "passed"}, {"detail", "sees clear text"}}),
              "self-test  passed\ndetail     sees clear text\n");
    EXPECT_TRUE(has_passed({{"self_test", "passed"}}));
    EXPECT_FALSE(has_passed({{"self_test", "failed"}}));
    EXPECT_FALSE(has_passed({{"self_test", nullptr}}));
}

TEST(RenderPeers, OfAnEmptyMeshIsTheHeading) {
    EXPECT_EQ(render_peers(Json::array(), 0s),
              "NAME  STATE  ENDPOINT  HANDSHAKE  RECEIVED  SENT  STEERED  DROPPED  PREFIXES\n");
}

TEST(RenderPeers, AlignsAndShowsWhatIsMissingAsADash) {
    const Json peers = Json::parse(R"([
      {"name": "node-b", "state": "ready", "endpoint": "192.168.50.2:51820",
       "prefixes": ["10.2.0.0/24", "fd10:2::/64"], "last_handshake": 1000,
       "rx_bytes": 1023, "tx_bytes": 0, "steered_packets": 12345, "dropped_packets": 0},
      {"name": "c", "state": "no_key", "endpoint": null, "prefixes": [], "last_handshake": null,
       "rx_bytes": 1024, "tx_bytes": 1125899906842624, "steered_packets": 0, "dropped_packets": 7}
    ])");
    EXPECT_EQ(
        render_peers(peers, 1065s),
        R"(NAME    STATE   ENDPOINT            HANDSHAKE  RECEIVED  SENT        STEERED  DROPPED  PREFIXES
c       no_key  -                   never      1.0 KiB   1024.0 TiB  0        7        -
node-b  ready   192.168.50.2:51820  65 s ago   1023 B    0 B         12345    0        10.2.0.0/24 fd10:2::/64
)");
}

TEST(RenderPeer, TellsAllThereIs) {
    const Json peer = Json::parse(R"({
      "name": "node-b", "state": "stalled", "public_key": "AQ=", "endpoint": "203.0.113.7:51820",
      "published_endpoint": "192.168.50.2:51820", "prefixes": ["10.2.0.0/24"],
      "addresses": ["192.168.50.2"], "last_handshake": 1000, "rx_bytes": 10, "tx_bytes": 2048,
      "steered_packets": 5, "dropped_packets": 1, "clear_packets": 2, "decrypted_packets": 3,
      "keepalive": 25, "way": {"device": "eth0", "mtu": 1440, "id": 8},
      "all_prefixes": [{"prefix": "10.2.0.0/24", "class": "pod"}],
      "reasons": [{"reason": "stalled", "direction": "out", "packets": 1, "bytes": 84,
                   "text": "the tunnel is dead", "advice": "look there"}],
      "alarms": [{"kind": "stalled", "object": "node-b", "severity": "problem", "since": 1000,
                  "message": "dead", "advice": "look"}]
    })");
    EXPECT_EQ(render_peer(peer, 1400s), R"(PROBLEM  dead
         stalled, since 6 min ago; to do: look

name          node-b
state         stalled
public key    AQ=
endpoint      203.0.113.7:51820, published as 192.168.50.2:51820
addresses     192.168.50.2
way           by eth0, packets of up to 1440 bytes
handshake     6 min ago
keepalive     25 s
received      10 B
sent          2.0 KiB
in WireGuard  not measured (wireguard-go, or crypto_latency is off)
dropped       1 packets
in clear      2 packets

DIRECTION  PACKETS  BYTES  REASON
out        1        84 B   stalled: the tunnel is dead; look there

prefix  10.2.0.0/24  pod
)");
}

TEST(RenderPeer, TellsHowLongItsPacketsAreInWireguard) {
    Json peer = Json::parse(R"({
      "name": "node-b", "state": "ready", "public_key": null, "endpoint": null,
      "published_endpoint": null, "addresses": [], "last_handshake": null, "rx_bytes": 0,
      "tx_bytes": 0, "dropped_packets": 0, "clear_packets": 0, "keepalive": 0, "way": null,
      "all_prefixes": [], "reasons": [], "alarms": [],
      "crypto_latency": {"samples": 7, "mean_us": 85.2, "p50_us": 9.94, "p99_us": 1234.5}
    })");
    EXPECT_NE(
        render_peer(peer, 0s).find("in WireGuard  half of the packets within 9.9us, 99% within "
                                   "1.2ms, mean 85us (7 samples)\n"),
        std::string::npos)
        << render_peer(peer, 0s);
    peer["crypto_latency"] = {{"samples", 0}, {"mean_us", nullptr}};
    EXPECT_NE(render_peer(peer, 0s).find("no sample yet"), std::string::npos);
    peer["crypto_latency"] = nullptr;
    EXPECT_NE(render_peer(peer, 0s).find("not measured (wireguard-go"), std::string::npos);
}

TEST(RenderPeers, ShowsNoHandshakeFromTheFuture) {
    const Json peers = Json::parse(R"([
      {"name": "b", "state": "ready", "endpoint": null, "prefixes": [], "last_handshake": 1000,
       "rx_bytes": 0, "tx_bytes": 0, "steered_packets": 0, "dropped_packets": 0}
    ])");
    EXPECT_NE(render_peers(peers, 990s).find("  0 s ago  "), std::string::npos);
}

TEST(RenderExplanation, OfASteeredPacket) {
    EXPECT_EQ(render_explanation({{"verdict", "steer"},
                                  {"reason", "steered"},
                                  {"text", "sent into the tunnel of a ready peer"},
                                  {"advice", ""},
                                  {"peer", "node-b"},
                                  {"prefix", "10.2.0.0/24"},
                                  {"tunnel", "wgsteer0"}}),
              R"(verdict  steer
reason   steered: sent into the tunnel of a ready peer
peer     node-b
prefix   10.2.0.0/24
tunnel   wgsteer0
)");
}

TEST(RenderExplanation, OfAStrangersPacketHasDashes) {
    EXPECT_EQ(render_explanation({{"verdict", "pass"},
                                  {"reason", "no_peer"},
                                  {"text", "destination belongs to no node of the mesh"},
                                  {"advice", "add the prefix to its node"},
                                  {"peer", nullptr},
                                  {"prefix", nullptr},
                                  {"tunnel", nullptr}}),
              R"(verdict  pass
reason   no_peer: destination belongs to no node of the mesh
peer     -
prefix   -
tunnel   -
to do    add the prefix to its node
)");
}

TEST(Health, NeedsSyncAndNoProblems) {
    EXPECT_TRUE(is_healthy(healthy_status()));
    Json out_of_sync = healthy_status();
    out_of_sync["in_sync"] = false;
    EXPECT_FALSE(is_healthy(out_of_sync));
    Json with_problem = healthy_status();
    with_problem["problems"] = {{{"object", "kernel"}, {"message", "no"}}};
    EXPECT_FALSE(is_healthy(with_problem));
}

// Each key of a healthy status taken away, or its value replaced by one of another type.
TEST(UnknownShape, OfAStatusIsAnError) {
    const Json healthy = healthy_status();
    for (const auto& [key, value] : healthy.items()) {
        if (key == "version") continue;  // for programs
        Json without = healthy;
        without.erase(key);
        EXPECT_THROW(render_status(without), Json::exception) << key;
        if (key == "node" || key == "policy" || key == "leaks") continue;  // any value can be shown
        Json other = healthy;
        other[key] = "text";
        EXPECT_THROW(render_status(other), Json::exception) << key;
    }
}

TEST(UnknownShape, OfAnyDocumentIsAnError) {
    for (const char* text : {"null", "5", "\"text\"", "{}", "[5]", "[[]]", "[{}]"}) {
        const Json document = Json::parse(text);
        EXPECT_THROW(render_status(document), Json::exception) << text;
        EXPECT_THROW(render_peers(document, 0s), Json::exception) << text;
        EXPECT_THROW(render_explanation(document), Json::exception) << text;
        EXPECT_THROW(is_healthy(document), Json::exception) << text;
    }
}

}  // namespace
}  // namespace wgs::cli
