// SPDX-License-Identifier: Apache-2.0
// wgs_wg_in: packets as a WireGuard device delivers them, without an Ethernet header.
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>

#include "skeletons/test_run.h"
#include "world.h"

namespace wgs {
namespace {

constexpr ethernet kReinjected{.src = WGS_REINJECT_SOURCE_MAC, .dst = {0x02, 0, 0, 0, 0, 0x0a}};

// A fresh world, since some tests take its tunnel away.
class WgIn : public testing::Test {
  protected:
    void expect_reinjected(const Packet& frame, std::uint32_t peer) const {
        world_.check(WGS_HOOK_WG_IN, frame.bytes(1), kForeignMark | kFwmark,
                     {.action = TC_ACT_REDIRECT,
                      .reason = WGS_REASON_decrypted,
                      .peer = peer,
                      .l3_offset = 0,
                      .packet = frame.bytes(),
                      .mark = kForeignMark | kDecrypted});
    }

    void expect_dropped(const Bytes& packet, wgs_reason reason, std::uint32_t peer) const {
        world_.check(WGS_HOOK_WG_IN, packet, 0,
                     {.action = TC_ACT_SHOT, .reason = reason, .peer = peer, .l3_offset = 0});
    }

    World world_{World::Options{}};
};

TEST_F(WgIn, GivesPacketsAnEthernetHeaderAndTheMark) {
    expect_reinjected(kReinjected / ipv4{.src = "10.2.0.5", .dst = "10.1.0.5"} / udp{} / payload{},
                      kReady);
    expect_reinjected(kReinjected / ipv6{.src = "fd10:2::5", .dst = "fd10:1::5"} / tcp{}, kReady);
    expect_reinjected(kReinjected / ipv4{.src = "192.168.50.3", .dst = "192.168.50.1"} / icmp{},
                      kWaiting);
    expect_reinjected(kReinjected / ipv6{.src = "fd50::5", .dst = "fd50::1"} / icmp6{.type = 135},
                      kConflict);
}

TEST_F(WgIn, FragmentsAndCutTransportHeadersAreLeftToTheReceiver) {
    expect_reinjected(kReinjected /
                          ipv4{.src = "10.2.0.5", .fragment_offset = 7, .protocol = IPPROTO_UDP} /
                          payload{1},
                      kReady);
    expect_reinjected(kReinjected / ipv4{.src = "10.2.0.5", .protocol = IPPROTO_UDP}, kReady);
    expect_reinjected(kReinjected / ipv6{.src = "fd10:2::5", .protocol = 0}, kReady);
}

TEST_F(WgIn, DropsWhatNoPeerOwns) {
    const auto bare = [](const char* source) {
        return (ethernet{} / ipv4{.src = source, .dst = "10.1.0.5"} / udp{}).bytes(1);
    };
    expect_dropped(bare("198.51.100.1"), WGS_REASON_unknown_inner, 0);
    expect_dropped(bare("10.1.0.9"), WGS_REASON_unknown_inner, WGS_PEER_SELF);
    expect_dropped(bare("10.99.0.9"), WGS_REASON_unknown_inner, WGS_PEER_CLUSTER);
    expect_dropped(bare("10.20.0.9"), WGS_REASON_unknown_inner, WGS_PEER_GONE);
    expect_dropped((ethernet{} / ipv6{.src = "2001:db8::1"} / udp{}).bytes(1),
                   WGS_REASON_unknown_inner, 0);
}

TEST_F(WgIn, DropsWhatIsNotIp) {
    expect_dropped((ethernet{} / ipv4{.src = "10.2.0.5", .first_byte = 0x55} / udp{}).bytes(1),
                   WGS_REASON_unknown_inner, 0);
    expect_dropped(Bytes(14, 0x45), WGS_REASON_unknown_inner, 0);
    expect_dropped(Bytes(39, 0x60), WGS_REASON_unknown_inner, 0);
}

TEST_F(WgIn, DropsWithoutAnUnderlay) {
    must(world_.programs().tables().underlays.store(0, {}));
    expect_dropped((ethernet{} / ipv4{.src = "10.2.0.5"} / udp{}).bytes(1), WGS_REASON_no_tunnel,
                   kReady);
}

}  // namespace
}  // namespace wgs
