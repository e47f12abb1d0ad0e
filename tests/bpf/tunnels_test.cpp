// SPDX-License-Identifier: Apache-2.0
// Outer packets of more than one tunnel, at all hooks that have to know them.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "skeletons/test_run.h"
#include "world.h"

namespace wgs {
namespace {

constexpr World::Options kStrict{.require = true, .hosts = true, .overlay = true};

const World& two_tunnels() {
    static const World world({.require = true, .hosts = true, .overlay = true, .tunnels = 2});
    return world;
}

Packet leaving(std::uint16_t port) {
    return ethernet{} / ipv4{.src = "192.168.50.1", .dst = "192.168.50.3"} /
           udp{.sport = port, .dport = 7};
}

Packet arriving(std::uint16_t port) {
    return ethernet{} / ipv6{.src = "fd50::2", .dst = "fd50::1"} / udp{.sport = 7, .dport = port};
}

TEST(Tunnels, WhatLeavesFromAPortOfAnyIsAnOuterPacket) {
    for (const std::uint16_t port : {kPort, kSecondPort}) {
        two_tunnels().check(WGS_HOOK_NIC_OUT, leaving(port).bytes(), kFwmark,
                            {.action = TC_ACT_UNSPEC, .reason = WGS_REASON_outer});
    }
    const Expected waiting{.action = TC_ACT_SHOT, .reason = WGS_REASON_waiting, .peer = kWaiting};
    two_tunnels().check(WGS_HOOK_NIC_OUT, leaving(kSecondPort + 1).bytes(), kFwmark, waiting);
    two_tunnels().check(WGS_HOOK_NIC_OUT, leaving(kSecondPort).bytes(), 0, waiting);
    World::with(kStrict).check(WGS_HOOK_NIC_OUT, leaving(kSecondPort).bytes(), kFwmark, waiting);
}

TEST(Tunnels, WhatArrivesForAPortOfAnyIsAnOuterPacket) {
    for (const std::uint16_t port : {kPort, kSecondPort}) {
        two_tunnels().check(WGS_HOOK_NIC_IN, arriving(port).bytes(), 0,
                            {.action = TC_ACT_UNSPEC, .reason = WGS_REASON_outer_in});
    }
    const Expected clear{.action = TC_ACT_SHOT, .reason = WGS_REASON_clear_in, .peer = kReady};
    two_tunnels().check(WGS_HOOK_NIC_IN, arriving(kSecondPort + 1).bytes(), 0, clear);
    World::with(kStrict).check(WGS_HOOK_NIC_IN, arriving(kSecondPort).bytes(), 0, clear);
}

TEST(Tunnels, TheGuardJudgesWhatArrivesForEach) {
    constexpr wireguard kData{.type = 4, .size = 96};
    constexpr wireguard kNonsense{.type = 5, .size = 96};
    const int guard = two_tunnels().programs().at(WGS_HOOK_NIC_GUARD).fd.get();
    for (const std::uint16_t port : {kPort, kSecondPort}) {
        const auto good = test_run_xdp(guard, (arriving(port) / kData).bytes());
        const auto bad = test_run_xdp(guard, (arriving(port) / kNonsense).bytes());
        ASSERT_TRUE(good && bad);
        EXPECT_EQ(good->verdict, XDP_PASS) << port;
        EXPECT_EQ(bad->verdict, XDP_DROP) << port;
    }
}

TEST(Tunnels, APacketIsSteeredIntoTheTunnelOfItsPeer) {
    const Tables& tables = two_tunnels().programs().tables();
    wgs_peer row = world_peer(kReady);
    row.tunnel = 1;
    must(tables.peers.store(kReady, row));
    const Packet packet = ethernet{} / ipv4{.src = "10.1.0.5", .dst = "10.2.0.5"} / udp{};
    const auto probe = test_run(two_tunnels().programs().at(WGS_HOOK_NIC_OUT).fd.get(),
                                packet.bytes(), {.cb = {0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4}});
    must(tables.peers.store(kReady, world_peer(kReady)));
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_EQ(probe->context.cb[0], WGS_REASON_steered);
    EXPECT_EQ(probe->context.cb[2], 1U);
}

}  // namespace
}  // namespace wgs
