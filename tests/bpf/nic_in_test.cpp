// SPDX-License-Identifier: Apache-2.0
// wgs_nic_in: recognises what came back from the tunnel, and counts clear text, which policy
// require drops.
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>

#include "world.h"

namespace wgs {
namespace {

class NicIn : public testing::TestWithParam<World::Options> {
  protected:
    [[nodiscard]] static const World& world() { return World::with(GetParam()); }

    static void expect(const Packet& packet, wgs_reason reason, std::uint32_t peer,
                       std::size_t l3_offset = 14, std::uint32_t mark = kForeignMark) {
        world().check(
            WGS_HOOK_NIC_IN, packet.bytes(), mark,
            {.action =
                 reason == WGS_REASON_clear_in && GetParam().require ? TC_ACT_SHOT : TC_ACT_UNSPEC,
             .reason = reason,
             .peer = peer,
             .l3_offset = l3_offset});
    }
};

INSTANTIATE_TEST_SUITE_P(, NicIn, testing::ValuesIn(kAllOptions), options_name);

TEST_P(NicIn, TakesTheMarkOffDecryptedPackets) {
    world().check(WGS_HOOK_NIC_IN,
                  (ethernet{} / ipv4{.src = "10.2.0.5", .dst = "10.1.0.5"} / udp{}).bytes(),
                  kDecrypted | kForeignMark,
                  {.action = TC_ACT_UNSPEC, .reason = WGS_REASON_decrypted, .mark = kForeignMark});
    world().check(WGS_HOOK_NIC_IN, (ethernet{} / ipv6{.src = "fd10:2::5"} / tcp{}).bytes(),
                  kDecrypted, {.action = TC_ACT_UNSPEC, .reason = WGS_REASON_decrypted, .mark = 0});
}

TEST_P(NicIn, OtherMarksAreNotTheDecryptedOne) {
    for (const std::uint32_t mark : {kFwmark, kMask})
        expect(ethernet{} / ipv4{.src = "10.2.0.5", .dst = "10.1.0.5"} / udp{}, WGS_REASON_clear_in,
               kReady, 14, mark);
}

TEST_P(NicIn, KnowsOuterPacketsByTheirPort) {
    const udp tunnel{.sport = 7, .dport = kPort};
    expect(ethernet{} / ipv4{.src = "192.168.50.2", .dst = "192.168.50.1"} / tunnel,
           WGS_REASON_outer_in, 0);
    expect(ethernet{} / vlan{} / ipv6{.src = "fd50::2", .dst = "fd50::1"} / tunnel,
           WGS_REASON_outer_in, 0, 18);
    expect(ethernet{} / ipv6{.src = "2001:db8::7", .dst = "fd50::1"} / extension{} / tunnel,
           WGS_REASON_outer_in, 0);
    expect(ethernet{} / ipv4{.src = "10.2.0.5", .dst = "10.1.0.1"} / tcp{.dport = kPort},
           WGS_REASON_clear_in, kReady);
}

TEST_P(NicIn, ThePortOfAPodIsItsOwn) {
    expect(ethernet{} / ipv4{.src = "10.2.0.5", .dst = "10.1.0.5"} / udp{.dport = kPort},
           WGS_REASON_clear_in, kReady);
    expect(ethernet{} / ipv6{.src = "fd50::2", .dst = "fd10:1::5"} / udp{.dport = kPort},
           WGS_REASON_clear_in, kReady);
}

TEST_P(NicIn, UnknownPodsAreProtectedToo) {
    expect(ethernet{} / ipv4{.src = "10.2.0.5", .dst = "10.99.0.5"} / udp{}, WGS_REASON_clear_in,
           kReady);
    expect(ethernet{} / ipv4{.src = "10.2.0.5", .dst = "10.20.0.5"} / udp{}, WGS_REASON_clear_in,
           kReady);
}

TEST_P(NicIn, BypassedServicesOfNodesPass) {
    const wgs_reason reason = GetParam().hosts ? WGS_REASON_bypass_in : WGS_REASON_other_in;
    const ipv4 nodes{.src = "192.168.50.2", .dst = "192.168.50.1"};
    expect(ethernet{} / nodes / tcp{.dport = kBypassedPort}, reason, kReady);
    expect(ethernet{} / nodes / tcp{.sport = kBypassedPort}, reason, kReady);
    expect(ethernet{} / nodes / icmp{}, reason, kReady);
    expect(ethernet{} / ipv4{.src = "10.2.0.5", .dst = "10.1.0.5"} / tcp{.dport = kBypassedPort},
           WGS_REASON_clear_in, kReady);
}

TEST_P(NicIn, OverlaysBetweenNodesAreProtected) {
    const bool scoped = GetParam().hosts || GetParam().overlay;
    const wgs_reason reason = scoped ? WGS_REASON_clear_in : WGS_REASON_other_in;
    const ipv4 nodes{.src = "192.168.50.2", .dst = "192.168.50.1"};
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{4789, 8472, 6081})
        expect(ethernet{} / nodes / udp{.dport = port}, reason, kReady);
}

TEST_P(NicIn, WhatStaysOnTheLinkPasses) {
    for (const char* destination : {"255.255.255.255", "224.0.0.18", "169.254.1.1"})
        expect(ethernet{} / ipv4{.src = "10.2.0.5", .dst = destination} / udp{},
               WGS_REASON_other_in, 0);
    for (const char* destination : {"ff02::1", "fe80::7"})
        expect(ethernet{} / ipv6{.src = "fd10:2::5", .dst = destination} / udp{},
               WGS_REASON_other_in, 0);
    expect(ethernet{} / ipv4{.src = "192.168.50.2", .dst = "192.168.50.1"} /
               udp{.sport = 67, .dport = 68},
           WGS_REASON_other_in, kReady);
}

TEST_P(NicIn, LaterPiecesBetweenNodesMayBeOuterOnes) {
    expect(ethernet{} /
               ipv4{.src = "192.168.50.2",
                    .dst = "192.168.50.1",
                    .fragment_offset = 9,
                    .protocol = IPPROTO_UDP} /
               payload{},
           WGS_REASON_outer_in, kReady);
    expect(ethernet{} /
               ipv4{.src = "10.2.0.2",
                    .dst = "10.1.0.1",
                    .fragment_offset = 9,
                    .protocol = IPPROTO_UDP} /
               payload{},
           WGS_REASON_clear_in, kReady);
}

TEST_P(NicIn, CountsClearTextOfTheMesh) {
    expect(ethernet{} / ipv4{.src = "10.2.0.5", .dst = "10.1.0.5"} / udp{}, WGS_REASON_clear_in,
           kReady);
    expect(ethernet{} / ipv6{.src = "fd10:3::5", .dst = "fd50::1"} / tcp{}, WGS_REASON_clear_in,
           kWaiting);
    expect(ethernet{} / vlan{} / vlan{} / ipv4{.src = "10.99.0.5", .dst = "10.1.0.5"} / tcp{},
           WGS_REASON_clear_in, WGS_PEER_CLUSTER, 22);
    expect(ethernet{} / ipv4{.src = "10.20.0.5", .dst = "10.1.0.5"} / icmp{}, WGS_REASON_clear_in,
           WGS_PEER_GONE);
}

TEST_P(NicIn, NodeToNodeIsClearTextOnlyWithHosts) {
    const wgs_reason reason = GetParam().hosts ? WGS_REASON_clear_in : WGS_REASON_other_in;
    expect(ethernet{} / ipv4{.src = "192.168.50.2", .dst = "192.168.50.1"} / tcp{}, reason, kReady);
    expect(ethernet{} / ipv6{.src = "fd50::3", .dst = "fd50::1"} / udp{}, reason, kWaiting);
}

TEST_P(NicIn, TheRestIsOther) {
    expect(ethernet{} / ipv4{.src = "198.51.100.1", .dst = "10.1.0.5"} / udp{}, WGS_REASON_other_in,
           0);
    expect(ethernet{} / ipv4{.src = "10.2.0.5", .dst = "198.51.100.1"} / udp{}, WGS_REASON_other_in,
           0);
    expect(ethernet{} / ipv4{.src = "10.2.0.5", .dst = "10.3.0.1"} / udp{}, WGS_REASON_other_in, 0);
    expect(ethernet{} / ipv4{.src = "10.1.0.5", .dst = "10.1.0.6"} / udp{}, WGS_REASON_other_in,
           WGS_PEER_SELF);
    expect(ethernet{} / ipv6{.src = "fd50::2", .dst = "fd50::1", .hop_limit = 255} /
               icmp6{.type = 135} / payload{},
           WGS_REASON_other_in, 0);
    expect(ethernet{} / payload{46}, WGS_REASON_other_in, 0);
    expect(ethernet{} / ipv4{.src = "10.2.0.5", .first_byte = 0x44} / udp{}, WGS_REASON_other_in,
           0);
}

}  // namespace
}  // namespace wgs
