// SPDX-License-Identifier: Apache-2.0
// The set of flows that go past the host's stack: what a line remembers, and what it forgets first.
#include "maps/flows.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace wgs {
namespace {

constexpr std::uint64_t kSeed = 0x0123456789abcdef;

wgs_flow flow(std::uint8_t family) {
    return {.pod = {1, 2, 3, 4},
            .other = {5, 6, 7, 8},
            .pod_port = 9,
            .other_port = 10,
            .protocol = 6,
            .family = family,
            .reserved = 0};
}

std::uint64_t hash(const wgs_flow& flow, std::uint64_t seed = kSeed) {
    return wgs_flow_hash(&flow, seed);
}

std::uint64_t tag_of(std::uint64_t number) {
    return wgs_flow_tag(number * 0x9e3779b97f4a7c15);
}

// Tags 1-8, seen one after the other from `first` on.
wgs_flow_line full_line(std::uint64_t first) {
    wgs_flow_line line{};
    for (std::uint64_t i = 0; i < WGS_FLOW_PLACES; ++i)
        line.places[i] = tag_of(i + 1) | ((first + i) & WGS_FLOW_AGE);
    return line;
}

TEST(Flows, EveryFieldOfAFlowCounts) {
    for (const std::uint8_t family : {std::uint8_t{4}, std::uint8_t{6}}) {
        std::vector<wgs_flow> others(5 + (family == 6 ? 8 : 2), flow(family));
        others[0].pod_port = 8;
        others[1].other_port = 11;
        others[2].protocol = 17;
        others[3].family = 10 - family;
        std::swap(others[4].pod_port, others[4].other_port);
        for (std::size_t i = 5; i < others.size(); ++i)
            ++(i % 2 == 1 ? others[i].pod : others[i].other)[(i - 5) / 2];
        std::set<std::uint64_t> hashes{hash(flow(family))};
        for (const wgs_flow& other : others)
            hashes.insert(hash(other));
        EXPECT_EQ(hashes.size(), others.size() + 1);
    }
}

TEST(Flows, TheSeedDecidesWhoMeetsWhom) {
    EXPECT_NE(wgs_flow_row(hash(flow(4), 1)), wgs_flow_row(hash(flow(4), 2)));
    EXPECT_NE(wgs_flow_tag(hash(flow(4), 1)), wgs_flow_tag(hash(flow(4), 2)));
}

TEST(Flows, NeighbouringFlowsSpreadOverTheLines) {
    constexpr std::uint32_t kFlows = 32'768;
    std::vector<std::uint32_t> in_line(WGS_FLOW_ROWS);
    for (std::uint32_t i = 0; i < kFlows; ++i) {
        wgs_flow one = flow(4);
        one.other[0] = i / 16;
        one.other_port = static_cast<std::uint16_t>(i % 16);
        ++in_line.at(wgs_flow_row(hash(one)));
    }
    EXPECT_EQ(in_line[WGS_FLOW_SEED_ROW], 0U);
    std::uint32_t crowded_out = 0;
    for (const std::uint32_t count : in_line)
        crowded_out += count > WGS_FLOW_PLACES ? count - WGS_FLOW_PLACES : 0;
    EXPECT_LT(crowded_out, kFlows / 1000) << "a hash without bias: 12";
}

TEST(Flows, AFlowIsFoundWhereItWasEnteredWhateverItsAge) {
    const wgs_flow_line line = full_line(WGS_FLOW_AGE - 3);
    for (std::uint32_t i = 0; i < WGS_FLOW_PLACES; ++i)
        EXPECT_EQ(wgs_flow_find(&line, tag_of(i + 1)), i);
    EXPECT_EQ(wgs_flow_find(&line, tag_of(9)), WGS_FLOW_PLACES);
}

TEST(Flows, AFreePlaceIsNoFlow) {
    const wgs_flow_line line{};
    EXPECT_EQ(wgs_flow_find(&line, wgs_flow_tag(0)), WGS_FLOW_PLACES);
}

TEST(Flows, FreePlacesAreTakenFirst) {
    wgs_flow_line line = full_line(100);
    line.places[5] = 0;
    EXPECT_EQ(wgs_flow_oldest(&line, 60'000), 5U);
}

TEST(Flows, TheOneSeenLongestAgoGoesFirstAcrossTheEndOfTheClock) {
    wgs_flow_line line = full_line(WGS_FLOW_AGE - 3);
    const std::uint64_t now = 10;
    EXPECT_EQ(wgs_flow_oldest(&line, now), 0U);
    line.places[0] = tag_of(1) | now;
    EXPECT_EQ(wgs_flow_oldest(&line, now), 1U);
}

}  // namespace
}  // namespace wgs
