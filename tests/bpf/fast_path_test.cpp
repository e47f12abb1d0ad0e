// SPDX-License-Identifier: Apache-2.0
// `path: fast`: wgs_pod_out takes pods' packets at their veth, wgs_wg_in delivers into it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <numeric>

#include "skeletons/test_run.h"
#include "world.h"

namespace wgs {
namespace {

constexpr std::uint32_t kLoopback = 1;  // where test runs take place: the veth of these tests
constexpr Mac kPodMac{0x02, 0, 0, 0, 0, 0x99};
constexpr Mac kGatewayMac{0x02, 0, 0, 0, 0, 0x88};
constexpr ethernet kFromPod{.src = kPodMac, .dst = kGatewayMac};
constexpr ethernet kToPod{.src = kGatewayMac, .dst = kPodMac};
constexpr ethernet kReinjected{.src = WGS_REINJECT_SOURCE_MAC, .dst = {0x02, 0, 0, 0, 0, 0x0a}};
constexpr std::size_t kTunnelMtu = kMtu;
constexpr std::size_t kTtlOffset = 14 + 8;
constexpr std::size_t kHopLimitOffset = 14 + 7;

wgs_pod_key pod_key(const std::string& address) {
    wgs_pod_key key{};
    const bool v4 = address.find(':') == std::string::npos;
    const std::string mapped = v4 ? "::ffff:" + address : address;
    EXPECT_EQ(inet_pton(AF_INET6, mapped.c_str(), key.address), 1) << address;
    return key;
}

class FastPath : public testing::Test {
  protected:
    void SetUp() override {
        for (const char* address : {"10.1.0.5", "fd10:1::5"})
            add_pod(address, kLoopback);
    }

    void add_pod(const std::string& address, std::uint32_t ifindex) const {
        wgs_pod pod{.ifindex = ifindex};
        std::ranges::copy(kPodMac, pod.mac);
        std::ranges::copy(kGatewayMac, pod.gateway_mac);
        must(world_.programs().tables().pods.store(pod_key(address), pod));
    }

    void expect_steered(const Packet& sent, const Packet& forwarded) const {
        world_.check(WGS_HOOK_POD_OUT, sent.bytes(), kForeignMark,
                     {.action = TC_ACT_REDIRECT,
                      .reason = WGS_REASON_steered,
                      .peer = kReady,
                      .packet = forwarded.bytes()});
    }

    void expect_left_to_the_stack(const Bytes& sent) const { expect_left(world_, sent); }

    static void expect_left(const World& world, const Bytes& sent) {
        const auto counters = [&] {
            std::vector<std::uint64_t> packets;
            const auto sums = world.programs().tables().verdicts.sums();
            for (const wgs_counter& counter : sums.value())
                packets.push_back(counter.packets);
            return packets;
        };
        const auto before = counters();
        const auto run = test_run(world.programs().at(WGS_HOOK_POD_OUT).fd.get(), sent, {});
        ASSERT_TRUE(run) << run.error().message;
        EXPECT_EQ(run->verdict, TC_ACT_UNSPEC);
        EXPECT_TRUE(same_bytes(sent, run->packet));
        EXPECT_EQ(counters(), before) << "nic_out counts it";
    }

    // A pod's packet, so that the pod has been heard and its flow is known.
    void pod_sends(const Packet& packet) const {
        const auto run = test_run(world_.programs().at(WGS_HOOK_POD_OUT).fd.get(),
                                  (kFromPod / packet).bytes(), {});
        ASSERT_TRUE(run) << run.error().message;
        ASSERT_EQ(run->verdict, TC_ACT_REDIRECT);
    }

    void expect_delivered(const Bytes& bare, const Bytes& frame) const {
        world_.check(WGS_HOOK_WG_IN, bare, kForeignMark,
                     {.action = TC_ACT_REDIRECT,
                      .reason = WGS_REASON_delivered,
                      .peer = kReady,
                      .l3_offset = 0,
                      .packet = frame,
                      .mark = 0});
    }
    void expect_delivered(const Packet& in, const Packet& out) const {
        expect_delivered((kToPod / in).bytes(1), (kToPod / out).bytes());
    }

    void expect_transparent(const Packet& in, std::uint32_t peer = kReady) const {
        const Packet frame = kReinjected / in;
        world_.check(WGS_HOOK_WG_IN, frame.bytes(1), 0,
                     {.action = TC_ACT_REDIRECT,
                      .reason = WGS_REASON_decrypted,
                      .peer = peer,
                      .l3_offset = 0,
                      .packet = frame.bytes(),
                      .mark = kDecrypted});
    }

    World world_{World::Options{.fast = true}};
};

constexpr std::uint8_t kHops = 64;

ipv4 out4(std::uint8_t ttl = kHops) {
    return {.src = "10.1.0.5", .dst = "10.2.0.5", .ttl = ttl};
}
ipv6 out6(std::uint8_t hops = kHops) {
    return {.src = "fd10:1::5", .dst = "fd10:2::5", .hop_limit = hops};
}
ipv4 in4(std::uint8_t ttl = kHops) {
    return {.src = "10.2.0.5", .dst = "10.1.0.5", .ttl = ttl};
}
ipv6 in6(std::uint8_t hops = kHops) {
    return {.src = "fd10:2::5", .dst = "fd10:1::5", .hop_limit = hops};
}

TEST_F(FastPath, PodsPacketsAreSteeredWithOneHopLess) {
    expect_steered(kFromPod / out4() / udp{} / payload{}, kFromPod / out4(63) / udp{} / payload{});
    expect_steered(kFromPod / out4(2) / icmp{}, kFromPod / out4(1) / icmp{});
    expect_steered(kFromPod / out6() / tcp{}, kFromPod / out6(63) / tcp{});
    expect_steered(kFromPod / out6() / extension{} / udp{},
                   kFromPod / out6(63) / extension{} / udp{});
}

TEST_F(FastPath, FragmentsAreSteeredToo) {
    const auto piece = [](std::uint8_t ttl, std::uint16_t offset) {
        return kFromPod /
               ipv4{.src = "10.1.0.5",
                    .dst = "10.2.0.5",
                    .ttl = ttl,
                    .fragment_offset = offset,
                    .more_fragments = true,
                    .protocol = IPPROTO_UDP} /
               payload{64};
    };
    expect_steered(piece(64, 0), piece(63, 0));
    expect_steered(piece(64, 8), piece(63, 8));
}

TEST_F(FastPath, WhatIsNotForAReadyPeerIsLeftToTheStack) {
    for (const char* destination : {"10.3.0.5", "10.4.0.5", "10.5.0.5", "10.6.0.5", "10.7.0.5",
                                    "10.20.0.5", "10.99.0.5", "10.1.0.6", "198.51.100.1"}) {
        SCOPED_TRACE(destination);
        expect_left_to_the_stack(
            (kFromPod / ipv4{.src = "10.1.0.5", .dst = destination} / udp{}).bytes());
    }
}

TEST_F(FastPath, OnlyPlainFramesFromThePodToItsGatewayAreTaken) {
    add_pod("10.1.0.6", kTunnelIfindex);
    const Packet packet = out4() / udp{};
    const ipv4 stranger{.src = "10.1.0.7", .dst = "10.2.0.5"};
    const ipv4 elsewhere{.src = "10.1.0.6", .dst = "10.2.0.5"};
    const ethernet neighbour{.src = kPodMac, .dst = {0x02, 0, 0, 0, 0, 0x77}};
    const ethernet broadcast{.src = kPodMac, .dst = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    expect_left_to_the_stack((kFromPod / stranger / udp{}).bytes());
    expect_left_to_the_stack((kFromPod / elsewhere / udp{}).bytes());
    expect_left_to_the_stack((neighbour / packet).bytes());
    expect_left_to_the_stack((broadcast / packet).bytes());
    expect_left_to_the_stack((kFromPod / vlan{} / packet).bytes());
    expect_left_to_the_stack((kFromPod / payload{64}).bytes());
    expect_left_to_the_stack(
        (kFromPod / ipv4{.src = "10.1.0.5", .dst = "10.2.0.5", .first_byte = 0x4f} / udp{})
            .bytes());
}

TEST_F(FastPath, TheHostAnswersWhereTheHopLimitEnds) {
    expect_left_to_the_stack((kFromPod / out4(1) / udp{}).bytes());
    expect_left_to_the_stack((kFromPod / out4(0) / udp{}).bytes());
    expect_left_to_the_stack((kFromPod / out6(1) / udp{}).bytes());
}

TEST_F(FastPath, TheStackAnswersForWhatTheTunnelDoesNotTake) {
    constexpr std::size_t kHeaders4 = 20 + 8;
    constexpr std::size_t kHeaders6 = 40 + 8;
    const payload fits4{kTunnelMtu - kHeaders4};
    const payload fits6{kTunnelMtu - kHeaders6};
    expect_steered(kFromPod / out4() / udp{} / fits4, kFromPod / out4(63) / udp{} / fits4);
    expect_steered(kFromPod / out6() / udp{} / fits6, kFromPod / out6(63) / udp{} / fits6);
    expect_left_to_the_stack((kFromPod / out4() / udp{} / payload{fits4.size + 1}).bytes());
    expect_left_to_the_stack((kFromPod / out6() / udp{} / payload{fits6.size + 1}).bytes());
}

TEST_F(FastPath, ASwitchedOffProgramDoesNothing) {
    const World world(World::Options{.fast = false});
    wgs_pod pod{.ifindex = kLoopback};
    std::ranges::copy(kGatewayMac, pod.gateway_mac);
    must(world.programs().tables().pods.store(pod_key("10.1.0.5"), pod));
    expect_left(world, (kFromPod / out4() / udp{}).bytes());
}

// ---- MSS

std::uint16_t ones_complement_sum(const Bytes& bytes, std::size_t from) {
    std::uint32_t sum = 0;
    for (std::size_t i = from; i < bytes.size(); ++i)
        sum += static_cast<std::uint32_t>(i % 2 == from % 2 ? bytes[i] << 8U : bytes[i]);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16U);
    return static_cast<std::uint16_t>(sum);
}

// A TCP segment whose options are these; `flags` as on the wire. The checksum is right.
Bytes segment(const Packet& ip, std::size_t ip_size, std::uint8_t flags, const Bytes& options) {
    Bytes bytes = (kFromPod / ip / tcp{} / payload{options.size()}).bytes();
    const std::size_t at = 14 + ip_size;
    bytes[at + 12] = static_cast<std::uint8_t>((5 + options.size() / 4) << 4U);
    bytes[at + 13] = flags;
    std::ranges::copy(options, bytes.begin() + static_cast<std::ptrdiff_t>(at + 20));
    bytes[at + 16] = bytes[at + 17] = 0;
    const std::size_t addresses = ip_size == 20 ? 14 + 12 : 14 + 8;
    const std::uint32_t pseudo =
        static_cast<std::uint32_t>(bytes.size() - at) + IPPROTO_TCP +
        ones_complement_sum(Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(addresses),
                                  bytes.begin() + static_cast<std::ptrdiff_t>(at)),
                            0) +
        ones_complement_sum(bytes, at);
    const std::uint32_t folded = (pseudo & 0xffff) + (pseudo >> 16U);
    const auto checksum = static_cast<std::uint16_t>(~((folded & 0xffff) + (folded >> 16U)));
    bytes[at + 16] = static_cast<std::uint8_t>(checksum >> 8U);
    bytes[at + 17] = static_cast<std::uint8_t>(checksum);
    return bytes;
}

class FastPathMss : public FastPath {
  protected:
    static constexpr std::uint8_t kSyn = 0x02;
    static constexpr std::uint8_t kSynAck = 0x12;

    void expect_options(std::uint8_t flags, const Bytes& sent, const Bytes& forwarded) const {
        check(segment(out4(), 20, flags, sent), segment(out4(63), 20, flags, forwarded));
    }
    void check(const Bytes& sent, const Bytes& forwarded) const {
        world_.check(WGS_HOOK_POD_OUT, sent, 0,
                     {.action = TC_ACT_REDIRECT,
                      .reason = WGS_REASON_steered,
                      .peer = kReady,
                      .packet = forwarded});
    }
};

TEST_F(FastPathMss, ASynOffersNoMoreThanTheTunnelTakes) {
    // 1460 becomes 1400: 1440 less the headers of IPv4 and TCP
    expect_options(kSyn, {2, 4, 0x05, 0xb4}, {2, 4, 0x05, 0x78});
    expect_options(kSynAck, {2, 4, 0x05, 0xb4}, {2, 4, 0x05, 0x78});
    expect_options(kSyn, {2, 4, 0xff, 0xff}, {2, 4, 0x05, 0x78});
    check(segment(out6(), 40, kSyn, {2, 4, 0x05, 0xa0}),
          segment(out6(63), 40, kSyn, {2, 4, 0x05, 0x64}));
}

TEST_F(FastPathMss, TheOptionIsFoundWhereverItIs) {
    expect_options(kSyn, {1, 2, 4, 0x05, 0xb4, 1, 1, 0}, {1, 2, 4, 0x05, 0x78, 1, 1, 0});
    expect_options(kSyn, {4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 0x05, 0xb4},
                   {4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 0x05, 0x78});
    Bytes many(16, 1);
    const Bytes option{2, 4, 0x05, 0xb4};
    std::ranges::copy(option, many.end() - 4);
    Bytes lowered = many;
    lowered.back() = 0x78;
    expect_options(kSyn, many, lowered);
}

TEST_F(FastPathMss, OtherSegmentsStayAsTheyAre) {
    const Bytes small{2, 4, 0x02, 0x18};
    const Bytes large{2, 4, 0x05, 0xb4};
    expect_options(kSyn, small, small);
    expect_options(kSyn, {}, {});
    expect_options(0x10, large, large);
    const Bytes ended{0, 2, 4, 0x05, 0xb4, 0, 0, 0};
    expect_options(kSyn, ended, ended);
    const Bytes endless{3, 0, 2, 4, 0x05, 0xb4, 0, 0};
    expect_options(kSyn, endless, endless);
}

// ---- the way in

TEST_F(FastPath, AnswersToWhatPodOutHasTakenAreDelivered) {
    pod_sends(out4() / udp{.sport = 1000, .dport = 2000});
    expect_delivered(in4() / udp{.sport = 2000, .dport = 1000} / payload{},
                     in4(63) / udp{.sport = 2000, .dport = 1000} / payload{});
    pod_sends(out6() / udp{.sport = 1000, .dport = 2000});
    expect_delivered(in6() / udp{.sport = 2000, .dport = 1000},
                     in6(63) / udp{.sport = 2000, .dport = 1000});
}

// Among them answers to what the stack has translated: only it can translate them back.
TEST_F(FastPath, OtherPacketsGoThroughTheStack) {
    pod_sends(out4() / udp{.sport = 1000, .dport = 2000});
    expect_transparent(in4() / udp{.sport = 2001, .dport = 1000});
    expect_transparent(in4() / udp{.sport = 2000, .dport = 1001});
    expect_transparent(ipv4{.src = "10.2.0.6", .dst = "10.1.0.5"} /
                       udp{.sport = 2000, .dport = 1000});
    expect_transparent(in6() / udp{.sport = 2000, .dport = 1000});
    expect_transparent(ipv4{.src = "10.2.0.5", .dst = "10.1.0.77"} / udp{.sport = 2000});
}

TEST_F(FastPath, AFlowThatComesOutOfTheStackGoesBackThroughIt) {
    const Packet packet = out4() / udp{.sport = 1000, .dport = 2000};
    const Packet answer = in4() / udp{.sport = 2000, .dport = 1000};
    pod_sends(packet);
    const auto run = test_run(world_.programs().at(WGS_HOOK_NIC_OUT).fd.get(),
                              (ethernet{} / packet).bytes(), {});
    ASSERT_TRUE(run) << run.error().message;
    ASSERT_EQ(run->verdict, TC_ACT_REDIRECT);
    expect_transparent(answer);
    pod_sends(packet);
    expect_delivered(answer, in4(63) / udp{.sport = 2000, .dport = 1000});
}

TEST_F(FastPath, AProbeMakesNothingForgotten) {
    const Packet packet = out4() / udp{.sport = 1000, .dport = 2000};
    pod_sends(packet);
    const auto run =
        test_run(world_.programs().at(WGS_HOOK_NIC_OUT).fd.get(), (ethernet{} / packet).bytes(),
                 {.cb = {0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4}});
    ASSERT_TRUE(run) << run.error().message;
    ASSERT_EQ(run->context.cb[0], WGS_REASON_steered);
    expect_delivered(in4() / udp{.sport = 2000, .dport = 1000},
                     in4(63) / udp{.sport = 2000, .dport = 1000});
}

TEST_F(FastPath, ConversationsMayBeginOutsideOnceThePodHasBeenHeard) {
    expect_transparent(in4() / tcp{});
    expect_transparent(in6() / icmp6{});
    pod_sends(out4() / udp{});
    pod_sends(out6() / udp{});
    expect_delivered(in4() / tcp{}, in4(63) / tcp{});
    expect_delivered(in4() / icmp{}, in4(63) / icmp{});
    expect_delivered(in6() / icmp6{}, in6(63) / icmp6{});
    expect_transparent(in4() / icmp{.type = 0});
    expect_transparent(in4() / udp{.sport = 1});
}

TEST_F(FastPath, APodIsHeardInWhateverItSends) {
    expect_left_to_the_stack(
        (kFromPod / ipv4{.src = "10.1.0.5", .dst = "10.1.0.6"} / udp{}).bytes());
    expect_delivered(in4() / tcp{}, in4(63) / tcp{});
}

TEST_F(FastPath, PiecesGoTheWayOfPieces) {
    const auto piece = [](ipv4 ip) {
        ip.more_fragments = true;
        ip.protocol = IPPROTO_UDP;
        return ip / payload{64};
    };
    pod_sends(out4() / udp{});
    expect_transparent(piece(in4()));
    pod_sends(piece(out4()));
    expect_delivered(piece(in4()), piece(in4(63)));
}

TEST_F(FastPath, ErrorsFollowThePacketThatTheyQuote) {
    const auto error = [](std::uint8_t ttl, std::uint16_t port) {
        return ipv4{.src = "192.168.50.2", .dst = "10.1.0.5", .ttl = ttl} / icmp{.type = 3} /
               out4() / udp{.sport = 1000, .dport = port};
    };
    pod_sends(out4() / udp{.sport = 1000, .dport = 2000});
    expect_delivered(error(64, 2000), error(63, 2000));
    expect_transparent(error(64, 2001));

    const auto error6 = [](std::uint8_t hops) {
        return ipv6{.src = "fd50::2", .dst = "fd10:1::5", .hop_limit = hops} / icmp6{.type = 2} /
               out6() / udp{.sport = 1000, .dport = 2000};
    };
    expect_transparent(error6(64));
    pod_sends(out6() / udp{.sport = 1000, .dport = 2000});
    expect_delivered(error6(64), error6(63));
}

TEST_F(FastPath, ThePodIsReachedTheWayItsOwnPacketsGo) {
    pod_sends(out4() / udp{});
    expect_transparent(in4(1) / tcp{});
    expect_transparent(ipv4{.src = "10.3.0.5", .dst = "10.1.0.5"} / tcp{}, kWaiting);
    must(world_.programs().tables().pods.erase(pod_key("10.1.0.5")));
    expect_transparent(in4() / tcp{});
}

}  // namespace
}  // namespace wgs
