// SPDX-License-Identifier: Apache-2.0
// wgs_nic_out: every reason, in every family, form and policy.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>

#include <vector>

#include "world.h"

namespace wgs {
namespace {

// What the policy does to a packet that has a reason not to be steered.
enum class Fate { pass, steer, protect };  // protect: drop under require

struct Flow {
    const char* name;
    std::string src4, dst4, src6, dst6;
    wgs_reason reason;
    std::uint32_t peer;
    Fate fate;
};

Flow flow(const char* name, const std::string& source, const std::string& destination,
          wgs_reason reason, std::uint32_t peer, Fate fate) {
    const auto v6 = [](const std::string& v4) {
        int node = 0;
        int host = 0;
        if (std::sscanf(v4.c_str(), "10.%d.0.%d", &node, &host) == 2)
            return fmt::format("fd10:{}::{}", node, host);
        if (std::sscanf(v4.c_str(), "192.168.50.%d", &host) == 1)
            return fmt::format("fd50::{}", host);
        return std::string("2001:db8::1");
    };
    return {.name = name,
            .src4 = source,
            .dst4 = destination,
            .src6 = v6(source),
            .dst6 = v6(destination),
            .reason = reason,
            .peer = peer,
            .fate = fate};
}

std::vector<Flow> flows() {
    return {
        flow("pod to ready peer", "10.1.0.5", "10.2.0.5", WGS_REASON_steered, kReady, Fate::steer),
        flow("pod to node", "10.1.0.5", "192.168.50.2", WGS_REASON_steered, kReady, Fate::steer),
        flow("node to pod", "192.168.50.1", "10.2.0.5", WGS_REASON_steered, kReady, Fate::steer),
        flow("waiting", "10.1.0.5", "10.3.0.5", WGS_REASON_waiting, kWaiting, Fate::protect),
        flow("no key", "10.1.0.5", "10.4.0.5", WGS_REASON_no_key, kNoKey, Fate::protect),
        flow("conflict", "10.1.0.5", "10.5.0.5", WGS_REASON_conflict, kConflict, Fate::protect),
        flow("stalled", "10.1.0.5", "10.6.0.5", WGS_REASON_stalled, kStalled, Fate::protect),
        flow("no tunnel", "10.1.0.5", "10.7.0.5", WGS_REASON_no_tunnel, kTunnelMissing,
             Fate::protect),
        flow("unused slot", "10.1.0.5", "10.8.0.5", WGS_REASON_waiting, kUnused, Fate::protect),
        flow("id outside the table", "10.1.0.5", "10.9.0.5", WGS_REASON_waiting, kOutsideTable,
             Fate::protect),
        flow("unclaimed", "10.1.0.5", "10.99.0.5", WGS_REASON_unclaimed, WGS_PEER_CLUSTER,
             Fate::protect),
        flow("gone", "10.1.0.5", "10.20.0.5", WGS_REASON_gone, WGS_PEER_GONE, Fate::protect),
        flow("own pods on the wire", "10.1.0.5", "10.1.0.6", WGS_REASON_local, WGS_PEER_SELF,
             Fate::protect),
        flow("peer to own pod, sent back", "10.2.0.5", "10.1.0.6", WGS_REASON_local, WGS_PEER_SELF,
             Fate::protect),
        flow("from the world to an own pod", "198.51.100.1", "10.1.0.6", WGS_REASON_foreign_source,
             WGS_PEER_SELF, Fate::pass),
        flow("to the world", "10.1.0.5", "198.51.100.1", WGS_REASON_no_peer, 0, Fate::pass),
        flow("from the world", "198.51.100.1", "10.2.0.5", WGS_REASON_foreign_source, kReady,
             Fate::pass),
        flow("another's source", "10.3.0.5", "10.2.0.5", WGS_REASON_wrong_source, kReady,
             Fate::protect),
        flow("unclaimed source", "10.99.0.5", "10.2.0.5", WGS_REASON_wrong_source, kReady,
             Fate::protect),
    };
}

std::int32_t action_of(Fate fate, const World& world) {
    if (fate == Fate::steer) return TC_ACT_REDIRECT;
    return fate == Fate::protect && world.options().require ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

void check_out(const World& world, const Packet& packet, const Flow& flow, std::size_t l3 = 14) {
    world.check(WGS_HOOK_NIC_OUT, packet.bytes(), kForeignMark,
                {.action = action_of(flow.fate, world),
                 .reason = flow.reason,
                 .peer = flow.peer,
                 .l3_offset = l3});
}

class NicOut : public testing::TestWithParam<World::Options> {
  protected:
    [[nodiscard]] static const World& world() { return World::with(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(, NicOut, testing::ValuesIn(kAllOptions), options_name);

TEST_P(NicOut, JudgesEveryFlowInBothFamilies) {
    for (const Flow& flow : flows()) {
        SCOPED_TRACE(flow.name);
        const ipv4 header4{.src = flow.src4, .dst = flow.dst4};
        const ipv6 header6{.src = flow.src6, .dst = flow.dst6};
        check_out(world(), ethernet{} / header4 / udp{} / payload{100}, flow);
        check_out(world(), ethernet{} / header4 / tcp{} / payload{3}, flow);
        check_out(world(), ethernet{} / header4 / icmp{} / payload{}, flow);
        check_out(world(), ethernet{} / header6 / udp{} / payload{100}, flow);
        check_out(world(), ethernet{} / header6 / tcp{} / payload{3}, flow);
        check_out(world(), ethernet{} / header6 / icmp6{} / payload{}, flow);
    }
}

TEST_P(NicOut, LongestPrefixWins) {
    check_out(world(), ethernet{} / ipv4{.src = "10.1.0.5", .dst = "10.3.0.128"} / udp{},
              flow("upper half", "", "", WGS_REASON_steered, kReady, Fate::steer));
    check_out(world(), ethernet{} / ipv4{.src = "10.1.0.5", .dst = "10.3.0.127"} / udp{},
              flow("lower half", "", "", WGS_REASON_waiting, kWaiting, Fate::protect));
}

TEST_P(NicOut, NodeToNodeDependsOnHosts) {
    Flow expected =
        flow("", "192.168.50.1", "192.168.50.2", WGS_REASON_hosts_off, kReady, Fate::pass);
    if (GetParam().hosts) {
        expected.reason = WGS_REASON_steered;
        expected.fate = Fate::steer;
    }
    check_out(world(), ethernet{} / ipv4{.src = expected.src4, .dst = expected.dst4} / tcp{},
              expected);
    check_out(world(), ethernet{} / ipv6{.src = expected.src6, .dst = expected.dst6} / tcp{},
              expected);
}

TEST_P(NicOut, OverlaysBetweenNodesAreSteered) {
    Flow expected =
        flow("", "192.168.50.1", "192.168.50.2", WGS_REASON_hosts_off, kReady, Fate::pass);
    if (GetParam().hosts || GetParam().overlay) {
        expected.reason = WGS_REASON_steered;
        expected.fate = Fate::steer;
    }
    const ipv4 nodes4{.src = expected.src4, .dst = expected.dst4};
    const ipv6 nodes6{.src = expected.src6, .dst = expected.dst6};
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{4789, 8472, 6081}) {
        check_out(world(), ethernet{} / nodes4 / udp{.dport = port} / payload{}, expected);
        check_out(world(), ethernet{} / nodes6 / udp{.dport = port} / payload{}, expected);
    }
    const ipv4 ip_in_ip{.src = expected.src4, .dst = expected.dst4, .protocol = IPPROTO_IPIP};
    check_out(world(), ethernet{} / ip_in_ip / ipv4{} / udp{}, expected);
    const ipv4 piece{
        .src = expected.src4, .dst = expected.dst4, .fragment_offset = 9, .protocol = IPPROTO_UDP};
    check_out(world(), ethernet{} / piece / payload{}, expected);
}

TEST_P(NicOut, BypassedServicesOfNodesPass) {
    const bool hosts = GetParam().hosts;
    const Flow bypass = flow("", "192.168.50.1", "192.168.50.2",
                             hosts ? WGS_REASON_bypass : WGS_REASON_hosts_off, kReady, Fate::pass);
    const ipv4 nodes{.src = bypass.src4, .dst = bypass.dst4};
    check_out(world(), ethernet{} / nodes / tcp{.dport = kBypassedPort}, bypass);
    check_out(world(), ethernet{} / nodes / tcp{.sport = kBypassedPort}, bypass);
    check_out(world(), ethernet{} / nodes / icmp{}, bypass);
    check_out(world(), ethernet{} / ipv6{.src = bypass.src6, .dst = bypass.dst6} / icmp6{}, bypass);
    const Flow steered = flow("", "", "", WGS_REASON_steered, kReady, Fate::steer);
    check_out(world(), ethernet{} / ipv4{} / tcp{.dport = kBypassedPort}, steered);
    if (hosts) check_out(world(), ethernet{} / nodes / udp{.dport = kBypassedPort}, steered);
}

TEST_P(NicOut, WhatStaysOnTheLinkPasses) {
    const Flow link = flow("", "", "", WGS_REASON_link_scope, 0, Fate::pass);
    for (const char* destination : {"255.255.255.255", "224.0.0.18", "239.1.2.3", "169.254.1.1"})
        check_out(world(), ethernet{} / ipv4{.dst = destination} / udp{}, link);
    for (const char* destination : {"ff02::1:2", "ff3e::1", "fe80::7"})
        check_out(world(), ethernet{} / ipv6{.dst = destination} / udp{}, link);
}

TEST_P(NicOut, DhcpBetweenNodesPasses) {
    Flow dhcp =
        flow("", "192.168.50.1", "192.168.50.3", WGS_REASON_hosts_off, kWaiting, Fate::pass);
    if (GetParam().hosts) dhcp.reason = WGS_REASON_link_scope;
    const ipv4 nodes{.src = dhcp.src4, .dst = dhcp.dst4};
    check_out(world(), ethernet{} / nodes / udp{.sport = 68, .dport = 67}, dhcp);
    check_out(
        world(),
        ethernet{} / ipv6{.src = dhcp.src6, .dst = dhcp.dst6} / udp{.sport = 546, .dport = 547},
        dhcp);
    const Flow pods = flow("", "", "", WGS_REASON_steered, kReady, Fate::steer);
    check_out(world(), ethernet{} / ipv4{} / udp{.sport = 68, .dport = 67}, pods);
}

TEST_P(NicOut, NodeToUnreadyNodeIsProtectedOnlyWithHosts) {
    Flow expected =
        flow("", "192.168.50.1", "192.168.50.3", WGS_REASON_hosts_off, kWaiting, Fate::pass);
    if (GetParam().hosts) {
        expected.reason = WGS_REASON_waiting;
        expected.fate = Fate::protect;
    }
    check_out(world(), ethernet{} / ipv4{.src = expected.src4, .dst = expected.dst4} / tcp{},
              expected);
}

TEST_P(NicOut, OuterPacketsPass) {
    const Expected outer{.action = TC_ACT_UNSPEC, .reason = WGS_REASON_outer};
    const udp tunnel{.sport = kPort, .dport = 7};
    for (const std::uint32_t mark : {kFwmark, kFwmark | kForeignMark}) {
        world().check(
            WGS_HOOK_NIC_OUT,
            (ethernet{} / ipv4{.src = "192.168.50.1", .dst = "192.168.50.2"} / tunnel).bytes(),
            mark, outer);
        world().check(WGS_HOOK_NIC_OUT,
                      (ethernet{} / ipv6{.src = "fd50::1", .dst = "fd50::2"} / tunnel).bytes(),
                      mark, outer);
    }
}

TEST_P(NicOut, AMarkOrAPortAloneProvesNothing) {
    const Expected steered{.action = TC_ACT_REDIRECT, .reason = WGS_REASON_steered, .peer = kReady};
    const auto check = [&](const Packet& packet, std::uint32_t mark) {
        world().check(WGS_HOOK_NIC_OUT, packet.bytes(), mark, steered);
    };
    const ipv4 header{.src = "10.1.0.5", .dst = "10.2.0.5"};
    check(ethernet{} / header / udp{.sport = kPort, .dport = kPort}, 0);
    check(ethernet{} / header / udp{.sport = kPort, .dport = kPort}, kMask);
    check(ethernet{} / header / udp{.sport = kPort, .dport = kPort}, kDecrypted);
    check(ethernet{} / header / udp{.sport = 1, .dport = kPort}, kFwmark);
    check(ethernet{} / header / tcp{.sport = kPort, .dport = kPort}, kFwmark);
    check(ethernet{} / header / icmp{}, kFwmark);
    check(ethernet{} /
              ipv4{.src = "10.1.0.5",
                   .dst = "10.2.0.5",
                   .fragment_offset = 9,
                   .protocol = IPPROTO_UDP} /
              payload{40},
          kFwmark);
}

TEST_P(NicOut, LaterPiecesOfOuterPacketsPass) {
    const Expected outer{.action = TC_ACT_UNSPEC, .reason = WGS_REASON_outer, .peer = kReady};
    world().check(WGS_HOOK_NIC_OUT,
                  (ethernet{} /
                   ipv4{.src = "192.168.50.1",
                        .dst = "192.168.50.2",
                        .fragment_offset = 100,
                        .protocol = IPPROTO_UDP} /
                   payload{64})
                      .bytes(),
                  kFwmark, outer);
    world().check(WGS_HOOK_NIC_OUT,
                  (ethernet{} / ipv6{.src = "fd50::1", .dst = "fd50::2"} /
                   fragment{.offset = 100, .protocol = IPPROTO_UDP} / payload{64})
                      .bytes(),
                  kFwmark, outer);
}

TEST_P(NicOut, FragmentsAreJudgedByAddress) {
    const Flow steered = flow("", "", "", WGS_REASON_steered, kReady, Fate::steer);
    check_out(world(), ethernet{} / ipv4{.more_fragments = true} / udp{} / payload{}, steered);
    check_out(world(),
              ethernet{} /
                  ipv4{.fragment_offset = 1, .more_fragments = true, .protocol = IPPROTO_TCP} /
                  payload{1},
              steered);
    check_out(world(), ethernet{} / ipv6{} / fragment{.more_fragments = true} / udp{}, steered);
    check_out(world(),
              ethernet{} / ipv6{} / fragment{.offset = 3, .protocol = IPPROTO_TCP} / payload{1},
              steered);
    check_out(world(), ethernet{} / ipv6{} / fragment{} / udp{}, steered);
}

TEST_P(NicOut, FollowsExtensionHeaders) {
    const Expected outer{.action = TC_ACT_UNSPEC, .reason = WGS_REASON_outer};
    const ipv6 header{.src = "fd50::1", .dst = "fd50::2"};
    const udp tunnel{.sport = kPort, .dport = 7};
    const auto check = [&](const Packet& packet) {
        world().check(WGS_HOOK_NIC_OUT, packet.bytes(), kFwmark, outer);
    };
    check(ethernet{} / header / extension{.type = 0} / tunnel);
    check(ethernet{} / header / extension{.type = 43, .length = 4} / tunnel);
    check(ethernet{} / header / extension{.type = 60, .length = 20} / tunnel);
    check(ethernet{} / header / authentication{} / tunnel);
    check(ethernet{} / header / fragment{.more_fragments = true} / tunnel);
    check(ethernet{} / header / extension{.type = 0, .length = 1} / extension{.type = 60} /
          extension{.type = 43} / fragment{} / authentication{.length = 7} / extension{.type = 60} /
          tunnel);
}

TEST_P(NicOut, TooManyExtensionHeadersLeaveOnlyTheAddresses) {
    Packet packet = ethernet{} / ipv6{};
    for (int i = 0; i < 7; ++i)
        packet = packet / extension{};
    check_out(world(), packet / icmp6{.type = 135},
              flow("", "", "", WGS_REASON_steered, kReady, Fate::steer));
}

TEST_P(NicOut, Ipv4OptionsAreSkipped) {
    const Expected outer{.action = TC_ACT_UNSPEC, .reason = WGS_REASON_outer};
    for (const std::uint8_t words : std::initializer_list<std::uint8_t>{1, 5, 10})
        world().check(WGS_HOOK_NIC_OUT,
                      (ethernet{} / ipv4{.option_words = words} / udp{.sport = kPort}).bytes(),
                      kFwmark, outer);
}

TEST_P(NicOut, NotIpPasses) {
    const Flow not_ip = flow("", "", "", WGS_REASON_not_ip, 0, Fate::pass);
    check_out(world(), ethernet{} / payload{46}, not_ip);
    check_out(world(), ethernet{.ethertype = 0x88cc} / payload{46}, not_ip);
    check_out(world(), ethernet{} / vlan{} / payload{46}, not_ip, 18);
}

TEST_P(NicOut, NeighbourDiscoveryPassesButOnlyFromTheLink) {
    const Flow neighbour = flow("", "", "", WGS_REASON_neighbour, 0, Fate::pass);
    const Flow routed = flow("", "", "", WGS_REASON_steered, kReady, Fate::steer);
    for (int type = 132; type <= 138; ++type) {
        SCOPED_TRACE(type);
        const icmp6 message{.type = static_cast<std::uint8_t>(type)};
        const bool discovery = type >= 133 && type <= 137;
        check_out(world(), ethernet{} / ipv6{.hop_limit = 255} / message / payload{},
                  discovery ? neighbour : routed);
        check_out(world(), ethernet{} / ipv6{.hop_limit = 254} / message / payload{}, routed);
    }
}

TEST_P(NicOut, SteersWithoutVlanTags) {
    const Bytes bare = (ethernet{} / ipv4{} / udp{} / payload{}).bytes();
    const auto check = [&](const Packet& packet, std::size_t l3_offset, const Bytes& out) {
        world().check(WGS_HOOK_NIC_OUT, packet.bytes(), 0,
                      {.action = TC_ACT_REDIRECT,
                       .reason = WGS_REASON_steered,
                       .peer = kReady,
                       .l3_offset = l3_offset,
                       .packet = out});
    };
    check(ethernet{} / vlan{.id = 5} / ipv4{} / udp{} / payload{}, 18, bare);
    check(
        ethernet{} / vlan{.id = 5, .tag_type = 0x88a8} / vlan{.id = 6} / ipv4{} / udp{} / payload{},
        22, bare);
    check(ethernet{} / vlan{} / ipv6{} / tcp{}, 18, (ethernet{} / ipv6{} / tcp{}).bytes());
}

TEST_P(NicOut, PassesWithVlanTags) {
    check_out(world(), ethernet{} / vlan{.id = 5} / ipv4{.dst = "198.51.100.1"} / udp{},
              flow("", "", "", WGS_REASON_no_peer, 0, Fate::pass), 18);
    check_out(world(), ethernet{} / vlan{.id = 5} / ipv4{.dst = "10.3.0.1"} / udp{},
              flow("", "", "", WGS_REASON_waiting, kWaiting, Fate::protect), 18);
}

TEST_P(NicOut, MalformedHeadersAreTruncated) {
    const Flow truncated = flow("", "", "", WGS_REASON_truncated, 0, Fate::protect);
    check_out(world(), ethernet{} / ipv4{.first_byte = 0x44} / udp{}, truncated);
    check_out(world(), ethernet{} / ipv4{.first_byte = 0x65} / udp{}, truncated);
    check_out(world(), ethernet{} / ipv6{.first_byte = 0x40} / udp{}, truncated);
    check_out(world(), ethernet{.ethertype = 0x86dd} / ipv4{} / udp{} / payload{}, truncated);
}

TEST_P(NicOut, AddressesAreEnough) {
    check_out(world(), ethernet{} / ipv4{.first_byte = 0x4f} / udp{},
              flow("", "", "", WGS_REASON_steered, kReady, Fate::steer));
}

Bytes first_bytes(const Bytes& bytes, std::size_t length) {
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)};
}

// Cut at each length: before the last needed byte the packet is truncated, from there on it is
// steered. The frame is tagged, because a test run refuses untagged ones that end inside the IP
// header.
void check_cuts(const World& world, const Packet& ip, std::size_t needed) {
    constexpr std::size_t kL3Offset = 18;
    const Bytes untagged = (ethernet{} / ip).bytes();
    const Bytes tagged = (ethernet{} / vlan{} / ip).bytes();
    for (std::size_t length = 14; length <= tagged.size(); ++length) {
        SCOPED_TRACE(length);
        const bool enough = length >= kL3Offset + needed;
        Expected expected{.action = action_of(Fate::protect, world),
                          .reason = WGS_REASON_truncated,
                          .l3_offset = length < kL3Offset ? 14 : kL3Offset};
        if (enough)
            expected = {.action = TC_ACT_REDIRECT,
                        .reason = WGS_REASON_steered,
                        .peer = kReady,
                        .l3_offset = kL3Offset,
                        .packet = first_bytes(untagged, length - 4)};
        world.check(WGS_HOOK_NIC_OUT, first_bytes(tagged, length), 0, expected);
    }
}

TEST_P(NicOut, TruncationAtEveryLength) {
    check_cuts(world(), ipv4{} / udp{}, 20);
    check_cuts(world(), ipv4{.option_words = 3} / tcp{}, 20);
    check_cuts(world(), ipv4{} / icmp{}, 20);
    check_cuts(world(), ipv6{} / tcp{}, 40);
    check_cuts(world(), ipv6{} / icmp6{}, 40);
    check_cuts(world(), ipv6{} / extension{.length = 1} / fragment{} / udp{}, 40);
}

}  // namespace
}  // namespace wgs
