// SPDX-License-Identifier: Apache-2.0
// The guard's decisions, compiled natively: which messages there can be, and what a bucket gives.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

// The shared headers are C.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include "bpf/lib/guard.h"
#pragma GCC diagnostic pop

namespace wgs {
namespace {

constexpr std::uint64_t kNow = 3600 * WGS_SECOND;

wgs_message_head head(std::uint8_t type, std::uint32_t size) {
    wgs_message_head head{};
    head.type = type;
    head.udp_length = WGS_SWAP16(static_cast<std::uint16_t>(size + WGS_UDP_HEADER_SIZE));
    return head;
}

// In a frame without padding.
bool is_message(std::uint8_t type, std::uint32_t size) {
    const wgs_message_head message = head(type, size);
    return wgs_is_message(&message, size + WGS_UDP_HEADER_SIZE, false);
}

TEST(Messages, OfFixedTypesHaveOneSize) {
    for (std::uint32_t size = 0; size <= 9000; ++size) {
        EXPECT_EQ(is_message(1, size), size == 148) << size;
        EXPECT_EQ(is_message(2, size), size == 92) << size;
        EXPECT_EQ(is_message(3, size), size == 64) << size;
    }
}

TEST(Messages, OfDataArePaddedUnlessTheMtuWasInTheWay) {
    for (std::uint32_t size = 0; size < 32 + 552; ++size)
        EXPECT_EQ(is_message(4, size), size >= 32 && size % 16 == 0) << size;
    for (std::uint32_t size = 32 + 552; size <= 9000; ++size)
        EXPECT_TRUE(is_message(4, size)) << size;
}

TEST(Messages, OfOtherTypesThereAreNone) {
    for (unsigned type = 0; type < 256; ++type) {
        if (type >= 1 && type <= 4) continue;
        for (const std::uint32_t size : {32U, 64U, 92U, 148U, 1452U})
            EXPECT_FALSE(is_message(static_cast<std::uint8_t>(type), size)) << type;
    }
}

TEST(Messages, ReserveThreeBytes) {
    for (std::size_t i = 0; i < 3; ++i) {
        wgs_message_head message = head(4, 96);
        message.reserved[i] = 1;
        EXPECT_FALSE(wgs_is_message(&message, 104, false));
        EXPECT_FALSE(wgs_is_message(&message, 104, true));
    }
}

TEST(Messages, FitTheirFrame) {
    const wgs_message_head message = head(4, 96);
    EXPECT_FALSE(wgs_is_message(&message, 103, false));
    EXPECT_TRUE(wgs_is_message(&message, 104, false));
    EXPECT_TRUE(wgs_is_message(&message, 110, false)) << "Ethernet pads short frames";
    for (std::uint16_t length = 0; length < WGS_UDP_HEADER_SIZE; ++length) {
        wgs_message_head cut = message;
        cut.udp_length = WGS_SWAP16(length);
        EXPECT_FALSE(wgs_is_message(&cut, 104, false)) << length;
    }
}

TEST(Messages, InFirstFragmentsAreJudgedByTheirTypeAlone) {
    const wgs_message_head data = head(4, 1471);
    EXPECT_TRUE(wgs_is_message(&data, 20, true));
    const wgs_message_head other = head(5, 1472);
    EXPECT_FALSE(wgs_is_message(&other, 20, true));
}

// Those admitted of one try every `interval` ns.
int admitted(const wgs_budget& budget, std::uint64_t interval, std::uint64_t duration) {
    std::uint64_t spent_until = 0;
    int count = 0;
    for (std::uint64_t now = kNow; now < kNow + duration; now += interval) {
        const std::uint64_t next = wgs_spend(spent_until, now, &budget);
        if (next == 0) continue;
        spent_until = next;
        ++count;
    }
    return count;
}

TEST(Buckets, GiveABurstAndThenTheirRate) {
    for (const wgs_budget& budget :
         {wgs_budget_of_stranger, wgs_budget_of_peer, wgs_budget_of_all_strangers}) {
        const auto burst = static_cast<int>(budget.burst);
        const auto per_second = static_cast<int>(WGS_SECOND / budget.interval);
        EXPECT_EQ(admitted(budget, 1, 10 * budget.burst), burst) << "at one moment";
        EXPECT_EQ(admitted(budget, WGS_SECOND / 100'000, 10 * WGS_SECOND),
                  burst + 10 * per_second - 1);
        EXPECT_EQ(admitted(budget, budget.interval, 100 * budget.interval), 100)
            << "as fast as they come back";
    }
}

TEST(Buckets, FillUpToTheBurstAndNotBeyond) {
    const wgs_budget budget = wgs_budget_of_stranger;
    std::uint64_t spent_until = 0;
    for (std::uint64_t i = 0; i < budget.burst; ++i)
        spent_until = wgs_spend(spent_until, kNow, &budget);
    EXPECT_EQ(wgs_spend(spent_until, kNow, &budget), 0U);
    EXPECT_EQ(wgs_spend(spent_until, kNow + budget.interval - 1, &budget), 0U);
    EXPECT_NE(wgs_spend(spent_until, kNow + budget.interval, &budget), 0U);
    const std::uint64_t later = kNow + 1000 * WGS_SECOND;
    for (std::uint64_t i = 0; i < budget.burst; ++i)
        spent_until = wgs_spend(spent_until, later, &budget);
    EXPECT_EQ(wgs_spend(spent_until, later, &budget), 0U);
}

TEST(Buckets, LastARestartOfANodeWithEveryTunnel) {
    EXPECT_GE(admitted(wgs_budget_of_peer, 1, 2 * WGS_MAX_TUNNELS), 2 * WGS_MAX_TUNNELS);
}

wgs_stranger stranger(wgs_packet_kind kind, const std::array<std::uint32_t, 4>& source) {
    wgs_packet packet{};
    packet.kind = kind;
    std::copy(source.begin(), source.end(), packet.source);
    return wgs_stranger_of(&packet);
}

auto words(const wgs_stranger& stranger) {
    return std::array{stranger.family, stranger.address[0], stranger.address[1]};
}

TEST(Strangers, AreOneIpv4AddressOrOneIpv6Network) {
    const auto v4 = stranger(WGS_PACKET_IPV4, {1, 0, 0, 0});
    const auto v6 = stranger(WGS_PACKET_IPV6, {1, 0, 0, 0});
    EXPECT_NE(words(v4), words(v6));
    EXPECT_NE(words(v4), words(stranger(WGS_PACKET_IPV4, {2, 0, 0, 0})));
    EXPECT_NE(words(v6), words(stranger(WGS_PACKET_IPV6, {1, 2, 0, 0})));
    EXPECT_EQ(words(v6), words(stranger(WGS_PACKET_IPV6, {1, 0, 7, 8})));
}

TEST(Strangers, AreAllButTheNodesOfPeers) {
    EXPECT_EQ(wgs_initiator(WGS_OWNER(WGS_PEER_FIRST + 5, WGS_CLASS_NODE)), WGS_PEER_FIRST + 5U);
    EXPECT_EQ(wgs_initiator(WGS_OWNER(WGS_PEER_FIRST + 5, WGS_CLASS_POD)), 0U);
    for (const std::uint32_t id : {WGS_PEER_NONE, WGS_PEER_SELF, WGS_PEER_CLUSTER, WGS_PEER_GONE})
        EXPECT_EQ(wgs_initiator(WGS_OWNER(id, WGS_CLASS_NODE)), 0U) << id;
}

}  // namespace
}  // namespace wgs
