// SPDX-License-Identifier: Apache-2.0
#include "service/counters.h"

#include <gtest/gtest.h>

#include <set>

namespace wgs {
namespace {

wgs_peer_stats counted(std::initializer_list<std::pair<wgs_reason, std::uint64_t>> packets,
                       std::uint64_t dropped) {
    wgs_peer_stats stats{};
    for (const auto& [reason, count] : packets)
        stats.by_reason[reason].packets = count;
    stats.dropped.packets = dropped;
    return stats;
}

TEST(Reasons, AreFoundByTheirNumber) {
    EXPECT_EQ(reason_info(WGS_REASON_none).name, "none");
    EXPECT_EQ(reason_info(WGS_REASON_steered).name, "steered");
    EXPECT_EQ(reason_info(WGS_REASON_steered).direction, "out");
    EXPECT_EQ(reason_info(WGS_REASON_unknown_inner).name, "unknown_inner");
    EXPECT_EQ(reason_info(WGS_REASON_unknown_inner).direction, "in");
    EXPECT_EQ(reason_info(WGS_REASON_not_ip).text, "neither IPv4 nor IPv6 (ARP and the like)");
}

TEST(Reasons, OfANewerProgramReadAsNone) {
    EXPECT_EQ(reason_info(static_cast<wgs_reason>(WGS_REASON_COUNT - 1)).name, "none");
}

TEST(Reasons, HaveNamesThatAreUniqueAndFitForLabels) {
    std::set<std::string_view> names;
    for (const ReasonInfo& reason : kReasons) {
        EXPECT_TRUE(names.insert(reason.name).second) << reason.name;
        EXPECT_EQ(reason.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"),
                  std::string_view::npos);
        EXPECT_TRUE(reason.direction == "in" || reason.direction == "out") << reason.name;
        EXPECT_FALSE(reason.text.empty()) << reason.name;
    }
}

TEST(PeerTotals, TellSteeredDroppedClearAndDecryptedApart) {
    const auto stats = counted(
        {{WGS_REASON_steered, 100}, {WGS_REASON_waiting, 7}, {WGS_REASON_decrypted, 50}}, 3);
    EXPECT_EQ(peer_totals(stats),
              (PeerTotals{.steered = 100, .dropped = 3, .clear = 4, .decrypted = 50}));
}

TEST(PeerTotals, LeaveOutOuterPacketsWhichAreNotClear) {
    const auto stats = counted({{WGS_REASON_steered, 5}, {WGS_REASON_outer, 5}}, 0);
    EXPECT_EQ(peer_totals(stats), (PeerTotals{.steered = 5}));
}

TEST(PeerTotals, NeverGoBelowZero) {
    const auto arriving_drops = counted({{WGS_REASON_decrypted, 2}}, 2);
    EXPECT_EQ(peer_totals(arriving_drops), (PeerTotals{.dropped = 2, .decrypted = 2}));
    const auto read_late = counted({{WGS_REASON_waiting, 9}}, 10);
    EXPECT_EQ(peer_totals(read_late), (PeerTotals{.dropped = 10}));
}

TEST(PeerTotals, AddUp) {
    PeerTotals sum{.steered = 1, .dropped = 2, .clear = 3, .decrypted = 4};
    sum += {.steered = 10, .dropped = 20, .clear = 30, .decrypted = 40};
    EXPECT_EQ(sum, (PeerTotals{.steered = 11, .dropped = 22, .clear = 33, .decrypted = 44}));
}

}  // namespace
}  // namespace wgs
