// SPDX-License-Identifier: Apache-2.0
// What `explain` makes of the answers of programs and routes.
#include "service/explain.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "example.h"

namespace wgs {
namespace {

using Json = nlohmann::json;
using Query = std::map<std::string, std::string>;

constexpr std::uint32_t kPodDevice = 7;
constexpr std::uint32_t kNic = 2;

std::uint16_t port_at(std::span<const std::uint8_t> packet, std::size_t offset) {
    return static_cast<std::uint16_t>(packet[offset] << 8 | packet[offset + 1]);
}

class ExplainDocument : public testing::Test {
  protected:
    ExplainDocument() {
        example_.actual.tunnels[0].sessions[key(2)].allowed_ips = {prefix("10.2.0.0/24")};
        example_.actual.steering.slots[8].record.public_key = key(2);
        example_.actual.steering.slots[8].way = {.mtu = 1420, .underlay = 0};
        example_.actual.steering.underlays[0] = {.ifindex = kNic};
        routes_ = {{"10.1.0.10", {.ifindex = kPodDevice}},
                   {"10.2.0.10", {.ifindex = kNic, .gateway = ip("192.168.50.2")}}};
        answers_ = {{HookPoint::nic_out, steered()},
                    {HookPoint::nic_in, {.reason = WGS_REASON_clear_in, .peer = 8}},
                    {HookPoint::wg_in,
                     {.verdict = Verdict::steer, .reason = WGS_REASON_decrypted, .peer = 8}}};
    }

    static Explanation steered() {
        return {.verdict = Verdict::steer, .reason = WGS_REASON_steered, .peer = 8};
    }
    static Explanation dropped(wgs_reason reason, PeerId peer) {
        return {.verdict = Verdict::drop, .reason = reason, .peer = peer};
    }

    Result<std::string> answer(Query query) {
        query.insert({{"src", "10.1.0.10"}, {"dst", "10.2.0.10"}});
        auto request = parse_explain_request(query);
        if (!request) return tl::unexpected(request.error());
        return explain_document(
            example_.view(), *request,
            {.judge = [this](auto packet, HookPoint point) { return judge(packet, point); },
             .route = [this](const IpAddress& to) { return route(to); },
             .device =
                 [](std::uint32_t index) {
                     return index == kNic ? "eth0" : index == kPodDevice ? "veth-a" : "other";
                 },
             .hooks = hooks_,
             .now = Clock::time_point(1700000003s)});
    }
    Json explained(Query query = {}) {
        const auto document = answer(std::move(query));
        if (!document) throw std::runtime_error(document.error().message);
        return Json::parse(*document);
    }
    std::string error_of(Query query) {
        const auto document = answer(std::move(query));
        return document ? "accepted" : document.error().message;
    }
    // From node-b's pod to ours.
    Json arriving(Query query = {}) {
        query.insert({{"src", "10.2.0.10"}, {"dst", "10.1.0.10"}});
        return explained(std::move(query));
    }

    Result<Explanation> judge(std::span<const std::uint8_t> packet, HookPoint point) {
        ++judged_;
        packet_.assign(packet.begin(), packet.end());
        if (by_port_ && point == HookPoint::nic_out) return by_port_(packet);
        return answers_.at(point);
    }
    Result<std::optional<RouteTo>> route(const IpAddress& to) {
        const auto found = routes_.find(to.to_string());
        return found == routes_.end() ? std::nullopt : std::optional(found->second);
    }

    // "step device verdict reason: text" of each step.
    static std::vector<std::string> lines(const Json& document) {
        std::vector<std::string> all;
        const auto word = [](const Json& value) {
            return value.is_null() ? std::string("-") : value.get<std::string>();
        };
        for (const Json& step : document.at("path"))
            all.push_back(word(step.at("step")) + " " + word(step.at("device")) + " " +
                          word(step.at("verdict")) + " " + word(step.at("reason")) + ": " +
                          word(step.at("text")));
        return all;
    }

    Example example_;
    std::map<HookPoint, Explanation> answers_;
    std::function<Explanation(std::span<const std::uint8_t>)> by_port_;
    std::map<std::string, RouteTo> routes_;
    std::vector<HookStatus> hooks_{
        {.hook = {kNic, HookPoint::nic_out}, .device = "eth0", .kind = "tcx"}};
    int judged_ = 0;
    std::vector<std::uint8_t> packet_;
};

using Lines = std::vector<std::string>;

TEST_F(ExplainDocument, NamesEachStepOfAPacketThatIsEncrypted) {
    Json document = explained();
    EXPECT_EQ(lines(document),
              (Lines{"pod veth-a - -: 10.1.0.10 is behind it",
                     "route eth0 - -: to 10.2.0.10 via 192.168.50.2",
                     "nic_out eth0 steer steered: sent into the tunnel of a ready peer",
                     "tunnel wgsteer0 - -: takes 1420 bytes: 40 fit",
                     "peer - - -: node-b is ready, at 203.0.113.7:51820, handshake 2 s ago",
                     "wire eth0 - -: encrypted to 203.0.113.7:51820, 108 bytes",
                     "wg_in - - -: on node-b: takes it if 10.1.0.0/24 is ours there too",
                     "nic_in - - -: on node-b: decrypted, goes on to 10.2.0.10"}));
    document.erase("path");
    EXPECT_EQ(document, Json::parse(R"({
      "direction": "out",
      "verdict": "steer",
      "reason": "steered",
      "text": "sent into the tunnel of a ready peer",
      "advice": "",
      "peer": "node-b",
      "prefix": "10.2.0.0/24",
      "tunnel": "wgsteer0",
      "size": 40
    })"));
}

TEST_F(ExplainDocument, HasNullsForAStrangersPacket) {
    answers_[HookPoint::nic_out] = {.reason = WGS_REASON_no_peer};
    routes_["203.0.113.1"] = {.ifindex = kNic};
    Json document = explained({{"dst", "203.0.113.1"}});
    EXPECT_EQ(lines(document).back(), "wire eth0 - -: leaves in clear");
    document.erase("path");
    EXPECT_EQ(document, Json::parse(R"({
      "direction": "out",
      "verdict": "pass",
      "reason": "no_peer",
      "text": "destination belongs to no node of the mesh",
      "advice": "if it should: add the prefix to its node",
      "peer": null,
      "prefix": null,
      "tunnel": null,
      "size": 40
    })"));
}

TEST_F(ExplainDocument, NamesOwnersThatAreNoPeers) {
    const auto owner = [&](const std::string& destination, PeerId id) {
        answers_[HookPoint::nic_out] = dropped(WGS_REASON_unclaimed, id);
        const Json document = explained({{"dst", destination}, {"way", "out"}});
        return document["peer"].get<std::string>() + " " + document["prefix"].get<std::string>();
    };
    EXPECT_EQ(owner("10.1.0.1", WGS_PEER_SELF), "node-a 10.1.0.0/24");
    EXPECT_EQ(owner("10.9.0.1", WGS_PEER_CLUSTER), "(no node) 10.0.0.0/8");
    EXPECT_EQ(owner("10.4.0.1", WGS_PEER_GONE), "(departed node) 10.4.0.0/24");
    EXPECT_EQ(owner("10.9.0.1", 1234), "1234 10.0.0.0/8");
}

TEST_F(ExplainDocument, EndsWhereThePacketDoes) {
    answers_[HookPoint::nic_out] = dropped(WGS_REASON_no_key, 9);
    const Lines dropped_there = lines(explained());
    ASSERT_EQ(dropped_there.size(), 4U);
    EXPECT_EQ(dropped_there[2], "nic_out eth0 drop no_key: the peer has published no key");
    EXPECT_EQ(dropped_there[3], "peer - - -: node-c is no_key; WireGuard does not know it");
    routes_.erase("10.2.0.10");
    const Json unreachable = explained();
    EXPECT_EQ(lines(unreachable).back(),
              "route - drop -: no route to 10.2.0.10: the packet does not come as far as the NIC");
    EXPECT_EQ(unreachable["advice"],
              "the node has no route to the destination; start wgsteerd there");
    EXPECT_EQ(unreachable["reason"], "no_key") << "what the program says all the same";
    routes_["10.2.0.10"] = {.ifindex = 1, .local = true};
    EXPECT_EQ(lines(explained()).back(),
              "route other - -: 10.2.0.10 is on this node: the packet does not leave");
    routes_["10.1.0.11"] = {.ifindex = kPodDevice};
    answers_[HookPoint::nic_out] = dropped(WGS_REASON_local, WGS_PEER_SELF);
    const Json neighbour = explained({{"dst", "10.1.0.11"}});
    EXPECT_EQ(lines(neighbour).back(),
              "route veth-a - -: 10.1.0.11 is on this node: the packet does not leave");
    EXPECT_EQ(neighbour["advice"], "none: what does not leave the node is not judged");
}

TEST_F(ExplainDocument, TellsOfADeviceWithoutOurPrograms) {
    hooks_.clear();
    const Json document = explained();
    EXPECT_EQ(lines(document)[1],
              "route eth0 - -: to 10.2.0.10 via 192.168.50.2; nic_out is not at this device, so "
              "what leaves by it is not encrypted");
    EXPECT_EQ(document["advice"], "name eth0 in 'underlay', or mend the route");
}

TEST_F(ExplainDocument, TellsWhereTheSourceIs) {
    routes_["10.1.0.10"] = {.ifindex = 1, .local = true};
    EXPECT_EQ(lines(explained())[0], "node other - -: 10.1.0.10 is this node's own");
    routes_["10.1.0.10"] = {.ifindex = kNic};
    EXPECT_EQ(lines(explained())[0],
              "elsewhere eth0 - -: 10.1.0.10 is not on this node: its route leads to the wire");
    routes_.erase("10.1.0.10");
    EXPECT_EQ(lines(explained())[0],
              "pod - - -: 10.1.0.10: no route leads there, so it is not on this node");
}

TEST_F(ExplainDocument, TakesTheFastPathWhereThePodsHookDoes) {
    example_.config.path = Path::fast;
    example_.actual.steering.pods[ip("10.1.0.10")] = {.ifindex = kPodDevice};
    const Lines fast = lines(explained());
    EXPECT_EQ(fast[1],
              "pod_out veth-a steer steered: into the tunnel at once, past the host's stack");
    EXPECT_EQ(fast[2], "tunnel wgsteer0 - -: takes 1420 bytes: 40 fit");
    answers_[HookPoint::nic_out].reason = WGS_REASON_in_pieces;
    const Lines slow = lines(explained());
    EXPECT_EQ(slow[1], "pod_out veth-a pass -: left to the host's stack, and nic_out behind it");
    EXPECT_EQ(slow[3].substr(0, 33), "nic_out eth0 steer in_pieces: lar");
}

TEST_F(ExplainDocument, JudgesAPacketOfTheSizeThatIsAskedFor) {
    Json document = explained({{"size", "1421"}});
    EXPECT_EQ(document["size"], 1421);
    EXPECT_EQ(packet_.size(), 14U + 1421U);
    EXPECT_EQ(packet_[14 + 6], 0x40) << "it may not be fragmented";
    EXPECT_EQ(lines(document)[3], "tunnel wgsteer0 - -: takes 1420 bytes: 1421 do not");
    answers_[HookPoint::nic_out] = dropped(WGS_REASON_too_big, 8);
    EXPECT_EQ(lines(explained({{"size", "1421"}}))[3],
              "tunnel wgsteer0 - -: takes 1420 bytes: 1421 do not");
    document = explained({{"size", "1421"}, {"fragment", "1"}});
    EXPECT_EQ(packet_[14 + 6], 0);
    EXPECT_NE(error_of({{"size", "3401"}}), "accepted");
}

TEST_F(ExplainDocument, FollowsAnArrivingPacketThroughTheTunnel) {
    const Json document = arriving();
    EXPECT_EQ(document["direction"], "in");
    EXPECT_EQ(document["verdict"], "steer");
    EXPECT_EQ(document["reason"], "decrypted");
    EXPECT_EQ(document["peer"], "node-b");
    EXPECT_EQ(document["tunnel"], "wgsteer0");
    EXPECT_EQ(lines(document),
              (Lines{"peer - - -: node-b is ready, at 203.0.113.7:51820, handshake 2 s ago",
                     "nic_in eth0 pass outer_in: encrypted packet for one of our tunnels",
                     "tunnel wgsteer0 pass -: 10.2.0.10 is an allowed IP of node-b",
                     "wg_in wgsteer0 steer decrypted: decrypted, came back from a tunnel",
                     "nic_in eth0 pass decrypted: decrypted, came back from a tunnel",
                     "pod veth-a - -: 10.1.0.10 is behind it",
                     "in_clear eth0 pass clear_in: if the peer sends it in clear: clear text from "
                     "a protected prefix"}));
}

TEST_F(ExplainDocument, TellsOfASourceThatWireguardRefuses) {
    example_.actual.tunnels[0].sessions[key(2)].allowed_ips = {};
    const Json document = arriving();
    EXPECT_EQ(document["verdict"], "drop");
    EXPECT_EQ(document["reason"], "unknown_inner");
    EXPECT_EQ(lines(document)[2],
              "tunnel wgsteer0 drop -: 10.2.0.10 is not an allowed IP of node-b");
}

TEST_F(ExplainDocument, APeerThatIsNotReadyCanOnlySendInClear) {
    example_.states["node-b"] = PeerState::waiting;
    answers_[HookPoint::nic_in].verdict = Verdict::drop;
    const Json document = arriving();
    EXPECT_EQ(document["verdict"], "drop");
    EXPECT_EQ(document["reason"], "clear_in");
    EXPECT_EQ(document["tunnel"], nullptr);
    EXPECT_EQ(lines(document).back(),
              "nic_in eth0 drop clear_in: clear text from a protected prefix");
}

TEST_F(ExplainDocument, KnowsTheGuard) {
    hooks_.push_back({.hook = {kNic, HookPoint::nic_guard}, .device = "eth0", .kind = "native"});
    EXPECT_EQ(lines(arriving())[1],
              "nic_guard eth0 - -: native: drops malformed and excess handshakes, and what nic_in "
              "would drop");
}

TEST_F(ExplainDocument, AnswersForBothDirections) {
    const Json document = explained({{"both", "1"}, {"sport", "40000"}, {"dport", "80"}});
    EXPECT_EQ(document["direction"], "out");
    EXPECT_EQ(document["reply"]["direction"], "in");
    EXPECT_EQ(document["reply"]["reason"], "decrypted");
    EXPECT_EQ(port_at(packet_, 20), 80) << "of the answer, which comes bare out of the tunnel";
    EXPECT_EQ(port_at(packet_, 22), 40000);
    EXPECT_EQ(packet_[20 + 13], 0x12) << "SYN, ACK";
    EXPECT_EQ(arriving({{"both", "1"}})["reply"]["direction"], "out");
}

TEST_F(ExplainDocument, PutsPortsWithOneAnswerTogether) {
    example_.actual.steering.bypass = {{.protocol = 6, .port = 8080}, {.protocol = 17, .port = 9}};
    by_port_ = [](std::span<const std::uint8_t> packet) {
        return port_at(packet, 14 + 22) == 8080
                   ? Explanation{.reason = WGS_REASON_bypass, .peer = 8}
                   : steered();
    };
    const Json document = explained({{"dport", "8000-9000"}});
    EXPECT_EQ(document["range_of"], "dport");
    Json expected = Json::array();
    for (const auto& [first, last] : {std::pair{8000, 8079}, {8080, 8080}, {8081, 9000}}) {
        const bool bypassed = first == 8080;
        expected.push_back({{"first", first},
                            {"last", last},
                            {"verdict", bypassed ? "pass" : "steer"},
                            {"reason", bypassed ? "bypass" : "steered"},
                            {"text", bypassed ? "matches the bypass table"
                                              : "sent into the tunnel of a ready peer"},
                            {"advice", ""}});
    }
    EXPECT_EQ(document["ranges"], expected);
    EXPECT_EQ(judged_, 4) << "the path of the first, and a packet of each piece";
    EXPECT_EQ(explained({{"sport", "1-65535"}})["ranges"].size(), 1U);
}

TEST_F(ExplainDocument, RefusesNonsense) {
    EXPECT_NE(error_of({{"dport", "9-8"}}).find("lowest"), std::string::npos);
    EXPECT_NE(error_of({{"dport", "1-65536"}}), "accepted");
    EXPECT_NE(error_of({{"dport", "-"}}), "accepted");
    EXPECT_NE(error_of({{"dport", "1-2"}, {"sport", "1-2"}}).find("only one"), std::string::npos);
    EXPECT_NE(error_of({{"dport", "1-2"}, {"proto", "icmp"}}), "accepted");
    EXPECT_NE(error_of({{"way", "up"}}).find("neither out nor in"), std::string::npos);
    EXPECT_NE(error_of({{"both", "yes"}}), "accepted");
    EXPECT_NE(error_of({{"colour", "red"}}).find("colour"), std::string::npos);
}

TEST(PiecesOfARange, AreCutAtSpecialPortsAndCoverAll) {
    EXPECT_EQ(pieces_of({0, 65535}, {}), (std::vector<PortRange>{{0, 65535}}));
    EXPECT_EQ(pieces_of({0, 65535}, {0, 1, 65535}),
              (std::vector<PortRange>{{0, 0}, {1, 1}, {2, 65534}, {65535, 65535}}));
    EXPECT_EQ(pieces_of({10, 20}, {9, 10, 15, 20, 21}),
              (std::vector<PortRange>{{10, 10}, {11, 14}, {15, 15}, {16, 19}, {20, 20}}));
}

}  // namespace
}  // namespace wgs
