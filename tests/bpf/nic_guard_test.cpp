// SPDX-License-Identifier: Apache-2.0
// wgs_nic_guard: what is dropped before the kernel spends an skb on it, and that nothing else is.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <chrono>
#include <map>

#include "sandbox.h"
#include "skeletons/test_run.h"
#include "world.h"

namespace wgs {
namespace {

constexpr udp kToTunnel{.sport = 7, .dport = kPort};
constexpr wireguard kInitiation{.type = 1, .size = 148};

std::vector<wgs_counter> counters(const World& world) {
    const Tables& tables = world.programs().tables();
    auto all = tables.verdicts.sums().value();
    const auto peers = tables.stats.sums().value();
    for (const wgs_peer_stats& peer : peers) {
        all.insert(all.end(), std::begin(peer.by_reason), std::end(peer.by_reason));
        all.push_back(peer.dropped);
    }
    return all;
}

// All counters together.
wgs_counter total(const World& world) {
    wgs_counter sum{};
    for (const wgs_counter& counter : counters(world)) {
        sum.packets += counter.packets;
        sum.bytes += counter.bytes;
    }
    return sum;
}

std::uint64_t dropped(const World& world, wgs_reason reason) {
    const auto index = static_cast<std::uint32_t>(WGS_VERDICT_INDEX(WGS_HOOK_NIC_GUARD, reason));
    return world.programs().tables().verdicts.sum(index)->packets;
}

std::uint32_t run(const World& world, const Bytes& frame) {
    const auto result = test_run_xdp(world.programs().at(WGS_HOOK_NIC_GUARD).fd.get(), frame);
    EXPECT_TRUE(result) << result.error().message;
    if (!result) return XDP_ABORTED;
    EXPECT_TRUE(same_bytes(frame, result->packet));
    return static_cast<std::uint32_t>(result->verdict);
}

// Passes, as it is, and no counter moves.
void expect_pass(const World& world, const Packet& packet) {
    const wgs_counter before = total(world);
    EXPECT_EQ(run(world, packet.bytes()), XDP_PASS) << hex_dump(packet.bytes());
    EXPECT_EQ(total(world).packets, before.packets) << "what passes is not counted";
}

// Is dropped, and counted once at the hook, and if it is a peer's, twice there.
void expect_drop(const World& world, const Packet& packet, wgs_reason reason,
                 std::uint32_t peer = 0, std::size_t l3_offset = 14) {
    const Bytes frame = packet.bytes();
    const bool counted_for_peer = peer >= WGS_PEER_FIRST && peer < kOutsideTable;
    const std::uint64_t times = counted_for_peer ? 3 : 1;
    const wgs_counter before = total(world);
    const std::uint64_t drops = dropped(world, reason);
    const auto peer_before = world.programs().tables().stats.sum(peer).value();
    EXPECT_EQ(run(world, frame), XDP_DROP) << hex_dump(frame);
    EXPECT_EQ(dropped(world, reason), drops + 1);
    EXPECT_EQ(total(world).packets, before.packets + times);
    EXPECT_EQ(total(world).bytes, before.bytes + times * (frame.size() - l3_offset));
    if (!counted_for_peer) return;
    const auto peer_after = world.programs().tables().stats.sum(peer).value();
    EXPECT_EQ(peer_after.by_reason[reason].packets, peer_before.by_reason[reason].packets + 1);
    EXPECT_EQ(peer_after.dropped.packets, peer_before.dropped.packets + 1);
}

const World& prefer() {
    return World::with({});
}

TEST(NicGuard, PassesEveryWireguardMessage) {
    for (const wireguard message :
         {wireguard{.type = 2, .size = 92}, wireguard{.type = 3, .size = 64},
          wireguard{.type = 4, .size = 32}, wireguard{.type = 4, .size = 1472},
          // A padding that the MTU 1420 has cut.
          wireguard{.type = 4, .size = 1452}}) {
        expect_pass(prefer(), ethernet{} / ipv4{.src = "192.168.50.2", .dst = "192.168.50.1"} /
                                  kToTunnel / message);
        expect_pass(prefer(),
                    ethernet{} / ipv6{.src = "fd50::2", .dst = "fd50::1"} / kToTunnel / message);
        expect_pass(prefer(), ethernet{} / ipv4{.src = "198.51.100.7", .dst = "192.168.50.1"} /
                                  kToTunnel / message);
    }
    expect_pass(prefer(), ethernet{} / ipv4{.src = "192.168.50.2", .dst = "192.168.50.1"} /
                              kToTunnel / kInitiation);
}

TEST(NicGuard, DropsWhatIsNoMessage) {
    for (const wireguard message :
         {wireguard{.type = 0, .size = 148}, wireguard{.type = 5, .size = 96},
          wireguard{.type = 1, .size = 147}, wireguard{.type = 1, .size = 149},
          wireguard{.type = 2, .size = 148}, wireguard{.type = 3, .size = 92},
          wireguard{.type = 4, .size = 16}, wireguard{.type = 4, .size = 97},
          wireguard{.type = 4, .size = 96, .reserved = {0, 0, 1}},
          wireguard{.type = 1, .size = 148, .reserved = {1, 0, 0}}}) {
        SCOPED_TRACE(fmt::format("type {} size {}", message.type, message.size));
        expect_drop(
            prefer(),
            ethernet{} / ipv4{.src = "192.168.50.2", .dst = "192.168.50.1"} / kToTunnel / message,
            WGS_REASON_bad_message, kReady);
        expect_drop(prefer(),
                    ethernet{} / ipv6{.src = "2001:db8::7", .dst = "fd50::1"} / kToTunnel / message,
                    WGS_REASON_bad_message);
    }
}

TEST(NicGuard, DropsMessagesTooShortToHaveAType) {
    for (std::size_t size = 0; size < 4; ++size)
        expect_drop(prefer(),
                    ethernet{} / ipv4{.src = "198.51.100.7", .dst = "192.168.50.1"} / kToTunnel /
                        payload{size},
                    WGS_REASON_bad_message);
}

TEST(NicGuard, ReadsBehindTagsOptionsAndExtensions) {
    const ipv4 options{.src = "192.168.50.3", .dst = "192.168.50.1", .option_words = 10};
    const ipv6 v6{.src = "fd50::3", .dst = "fd50::1"};
    const wireguard good{.type = 4, .size = 96};
    const wireguard bad{.type = 4, .size = 95};
    expect_pass(prefer(), ethernet{} / options / kToTunnel / good);
    expect_drop(prefer(), ethernet{} / options / kToTunnel / bad, WGS_REASON_bad_message, kWaiting);
    expect_pass(prefer(), ethernet{} / v6 / extension{.length = 2} / kToTunnel / good);
    expect_drop(prefer(), ethernet{} / v6 / extension{.length = 2} / kToTunnel / bad,
                WGS_REASON_bad_message, kWaiting);
    expect_pass(prefer(), ethernet{} / vlan{} / vlan{.tag_type = 0x88a8} / v6 / kToTunnel / good);
    expect_drop(prefer(), ethernet{} / vlan{} / vlan{} / options / kToTunnel / bad,
                WGS_REASON_bad_message, kWaiting, 22);
}

TEST(NicGuard, BelievesTheUdpLengthAsFarAsTheFrameGoes) {
    const Packet ip = ethernet{} / ipv4{.src = "192.168.50.2", .dst = "192.168.50.1"};
    const wireguard message{.type = 4, .size = 96};
    const auto with_length = [&](std::uint16_t length) {
        return ip / udp{.sport = 7, .dport = kPort, .length = length} / message;
    };
    expect_pass(prefer(), with_length(8 + 80));  // the rest is padding
    expect_drop(prefer(), with_length(8 + 81), WGS_REASON_bad_message, kReady);
    expect_drop(prefer(), with_length(8 + 112), WGS_REASON_bad_message, kReady);
    expect_drop(prefer(), with_length(7), WGS_REASON_bad_message, kReady);
    expect_drop(prefer(), with_length(0), WGS_REASON_bad_message, kReady);
}

TEST(NicGuard, JudgesFirstFragmentsByTypeAndPassesLaterOnes) {
    const auto pieces = [](bool more, std::uint16_t offset) {
        return ethernet{} / ipv4{.src = "192.168.50.2",
                                 .dst = "192.168.50.1",
                                 .fragment_offset = offset,
                                 .more_fragments = more,
                                 .protocol = IPPROTO_UDP};
    };
    const udp whole{.sport = 7, .dport = kPort, .length = 1500};
    expect_pass(prefer(), pieces(true, 0) / whole / wireguard{.type = 4, .size = 97});
    expect_drop(prefer(), pieces(true, 0) / whole / wireguard{.type = 6, .size = 96},
                WGS_REASON_bad_message, kReady);
    expect_pass(prefer(), pieces(true, 90) / payload{600});
    expect_pass(prefer(), pieces(false, 180) / payload{60});

    const ipv6 v6{.src = "fd50::2", .dst = "fd50::1"};
    expect_pass(prefer(), ethernet{} / v6 / fragment{.more_fragments = true} / whole /
                              wireguard{.type = 4, .size = 97});
    expect_drop(prefer(),
                ethernet{} / v6 / fragment{.more_fragments = true} / whole /
                    wireguard{.type = 4, .size = 96, .reserved = {0, 1, 0}},
                WGS_REASON_bad_message, kReady);
}

TEST(NicGuard, ReadsFramesOfSeveralPages) {
    const ipv4 ip{.src = "192.168.50.2", .dst = "192.168.50.1"};
    expect_pass(prefer(), ethernet{} / ip / kToTunnel / wireguard{.type = 4, .size = 8960});
    expect_drop(prefer(), ethernet{} / ip / kToTunnel / wireguard{.type = 1, .size = 8960},
                WGS_REASON_bad_message, kReady);
    expect_drop(prefer(),
                ethernet{} / ip / udp{.sport = 7, .dport = kPort, .length = 8960 + 16} /
                    wireguard{.type = 4, .size = 8944},
                WGS_REASON_bad_message, kReady);
}

TEST(NicGuard, LeavesAloneWhatIsNotForOurTunnel) {
    const wireguard bad{.type = 9, .size = 10};
    // A pod of ours with a WireGuard of its own, another node, another port, another protocol.
    expect_pass(prefer(),
                ethernet{} / ipv4{.src = "198.51.100.7", .dst = "10.1.0.5"} / kToTunnel / bad);
    expect_pass(prefer(),
                ethernet{} / ipv6{.src = "2001:db8::7", .dst = "fd10:1::5"} / kToTunnel / bad);
    expect_pass(prefer(),
                ethernet{} / ipv4{.src = "198.51.100.7", .dst = "192.168.50.2"} / kToTunnel / bad);
    expect_pass(prefer(),
                ethernet{} / ipv4{.src = "198.51.100.7", .dst = "203.0.113.1"} / kToTunnel / bad);
    expect_pass(prefer(), ethernet{} / ipv4{.src = "192.168.50.2", .dst = "192.168.50.1"} /
                              udp{.sport = kPort, .dport = 53} / bad);
    expect_pass(prefer(), ethernet{} / ipv4{.src = "192.168.50.2", .dst = "192.168.50.1"} /
                              tcp{.sport = 7, .dport = kPort} / payload{});
    expect_pass(prefer(), ethernet{} / payload{46});
}

// What happens to so many initiations, each from the address that `source` names.
struct Flooded {
    int passed = 0;
    std::chrono::duration<double> took{};

    // No fewer than the burst, no more than came back in the meantime.
    void expect(double rate, int burst) const {
        EXPECT_GE(passed, burst);
        EXPECT_LE(passed, burst + 1 + static_cast<int>(rate * took.count()));
    }
};

Flooded flood(const World& world, int count, const std::function<Packet(int)>& from) {
    Flooded result;
    const std::uint64_t before = dropped(world, WGS_REASON_flood);
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i)
        result.passed +=
            run(world, (ethernet{} / from(i) / kToTunnel / kInitiation).bytes()) == XDP_PASS;
    result.took = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(dropped(world, WGS_REASON_flood) - before,
              static_cast<std::uint64_t>(count - result.passed));
    return result;
}

Packet v4_from(const std::string& source) {
    return ipv4{.src = source, .dst = "192.168.50.1"};
}

Packet v6_from(const std::string& source) {
    return ipv6{.src = source, .dst = "fd50::1"};
}

// Each has buckets of its own, full at the start.
class NicGuardFlood : public testing::Test {
  protected:
    const World world_{World::Options{}};
};

TEST_F(NicGuardFlood, AStrangerMayBeginTwentyHandshakesASecond) {
    flood(world_, 500, [](int) { return v4_from("198.51.100.7"); }).expect(20, 5);
    flood(world_, 500, [](int i) {
        return v6_from(fmt::format("2001:db8::{:x}", i));
    }).expect(20, 5);
}

TEST_F(NicGuardFlood, OneStrangerDoesNotTakeTheBudgetOfAnother) {
    flood(world_, 500, [](int) { return v4_from("198.51.100.7"); });
    EXPECT_EQ(flood(world_, 5, [](int) { return v4_from("198.51.100.8"); }).passed, 5);
    EXPECT_EQ(flood(world_, 5, [](int) { return v6_from("2001:db8:1::1"); }).passed, 5);
}

TEST_F(NicGuardFlood, AddressesWithoutEndGetOneBudgetTogether) {
    flood(world_, 2000, [](int i) {
        return v4_from(fmt::format("198.51.{}.{}", i / 250, i % 250));
    }).expect(200, 50);
}

TEST_F(NicGuardFlood, PeersHaveBudgetsOfTheirOwn) {
    flood(world_, 2000,
          [](int i) { return v4_from(fmt::format("198.51.{}.{}", i / 250, i % 250)); });
    flood(world_, 500, [](int) { return v4_from("192.168.50.2"); }).expect(20, 32);
    EXPECT_EQ(flood(world_, 32, [](int) { return v4_from("192.168.50.3"); }).passed, 32);
}

TEST_F(NicGuardFlood, APeerHasOneBudgetForAllItsAddresses) {
    flood(world_, 500, [](int i) {
        return i % 2 == 0 ? v4_from("192.168.50.2") : v6_from("fd50::2");
    }).expect(20, 32);
}

TEST_F(NicGuardFlood, PodsAndOurselvesAreStrangersHere) {
    for (const char* source : {"10.2.0.5", "192.168.50.1", "192.168.50.20", "192.168.50.9"})
        flood(world_, 100, [=](int) { return v4_from(source); }).expect(20, 5);
}

TEST_F(NicGuardFlood, OtherMessagesOfTheFloodingAddressPass) {
    flood(world_, 500, [](int) { return v4_from("192.168.50.2"); });
    for (const wireguard message :
         {wireguard{.type = 2, .size = 92}, wireguard{.type = 3, .size = 64},
          wireguard{.type = 4, .size = 96}})
        expect_pass(world_, ethernet{} / v4_from("192.168.50.2") / kToTunnel / message);
}

TEST_F(NicGuardFlood, MalformedInitiationsSpendNothing) {
    for (int i = 0; i < 500; ++i)
        run(world_,
            (ethernet{} / v4_from("198.51.100.7") / kToTunnel / wireguard{.type = 1, .size = 149})
                .bytes());
    EXPECT_EQ(flood(world_, 5, [](int) { return v4_from("198.51.100.7"); }).passed, 5);
}

const Packet kClearText =
    ethernet{} / ipv4{.src = "10.2.0.5", .dst = "10.1.0.5"} / tcp{} / payload{};

TEST(NicGuardClearText, IsDroppedUnderRequire) {
    const World& world = World::with({.require = true});
    expect_drop(world, kClearText, WGS_REASON_clear_in, kReady);
    expect_drop(world, ethernet{} / vlan{} / ipv6{.src = "fd10:3::5", .dst = "fd50::1"} / udp{},
                WGS_REASON_clear_in, kWaiting, 18);
    expect_drop(world, ethernet{} / ipv4{.src = "10.99.0.5", .dst = "10.1.0.5"} / icmp{},
                WGS_REASON_clear_in);
    expect_drop(world, ethernet{} / ipv4{.src = "10.20.0.5", .dst = "10.1.0.5"} / icmp{},
                WGS_REASON_clear_in);
}

TEST(NicGuardClearText, PassesUnderPrefer) {
    expect_pass(prefer(), kClearText);
}

TEST(NicGuardClearText, KeepsTheExemptions) {
    const World& world = World::with({.require = true});
    const ipv4 nodes{.src = "192.168.50.2", .dst = "192.168.50.1"};
    expect_pass(world, ethernet{} / nodes / tcp{});  // hosts are off
    expect_drop(World::with({.require = true, .hosts = true}), ethernet{} / nodes / tcp{},
                WGS_REASON_clear_in, kReady);
    expect_pass(world, ethernet{} / ipv6{.src = "fd50::2", .dst = "fd50::1", .hop_limit = 255} /
                           icmp6{.type = 135} / payload{});
    expect_pass(World::with({.require = true, .hosts = true}), ethernet{} /
                                                                   ipv4{.src = "192.168.50.2",
                                                                        .dst = "192.168.50.1",
                                                                        .fragment_offset = 9,
                                                                        .protocol = IPPROTO_UDP} /
                                                                   payload{});
    expect_pass(world, ethernet{} / ipv4{.src = "198.51.100.1", .dst = "10.1.0.5"} / udp{});
    expect_pass(world, ethernet{} / ipv4{.src = "10.2.0.5", .dst = "198.51.100.1"} / udp{});
    expect_pass(world, ethernet{} / ipv4{.src = "10.1.0.5", .dst = "10.1.0.6"} / udp{});
}

// Generic XDP sees what wgs_wg_in has put back into the NIC, and looks just like clear text there.
TEST(NicGuardClearText, PassesWhereItMayBeDecrypted) {
    const World world{World::Options{.require = true, .guard_sees_decrypted = true}};
    expect_pass(world, kClearText);
    expect_drop(world,
                ethernet{} / ipv4{.src = "192.168.50.2", .dst = "192.168.50.1"} / kToTunnel /
                    wireguard{.type = 9},
                WGS_REASON_bad_message, kReady);
}

}  // namespace
}  // namespace wgs
