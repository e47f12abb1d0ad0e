// SPDX-License-Identifier: Apache-2.0
#include "service/leak_watch.h"

#include <gtest/gtest.h>

#include "service/leak_test.h"
#include "tests/unit/node_builder.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

constexpr auto kNow = Clock::time_point(1700000000s);

LeakFlow leak(std::uint16_t port, Clock::time_point last = kNow) {
    return {.flow = {.source = ip("10.1.0.10"),
                     .destination = ip("10.2.0.10"),
                     .protocol = 17,
                     .source_port = port,
                     .destination_port = 53},
            .device = "eth0",
            .packets = 1,
            .bytes = 28,
            .first = last,
            .last = last};
}

std::string line(std::uint16_t port) {
    return "LEAK: left in clear: 10.1.0.10:" + std::to_string(port) +
           " > 10.2.0.10:53 udp by eth0: 1 packets";
}

std::vector<LeakFlow> leaks(std::uint16_t count, Clock::time_point last = kNow) {
    std::vector<LeakFlow> flows;
    for (std::uint16_t port = 1; port <= count; ++port)
        flows.push_back(leak(port, last));
    return flows;
}

using Lines = std::vector<std::string>;

TEST(LeakFlow, IsToldInWords) {
    LeakFlow flow = leak(1000);
    EXPECT_EQ(to_string(flow), "10.1.0.10:1000 > 10.2.0.10:53 udp by eth0: 1 packets");
    flow.flow = {.source = ip("fd10:1::1"), .destination = ip("fd10:2::1"), .protocol = 58};
    EXPECT_EQ(to_string(flow), "fd10:1::1 > fd10:2::1 icmp by eth0: 1 packets");
    flow.flow.protocol = 132;
    EXPECT_EQ(to_string(flow), "fd10:1::1 > fd10:2::1 protocol 132 by eth0: 1 packets");
    flow.flow.protocol = 6;
    flow.flow.source_port = 8;
    EXPECT_EQ(to_string(flow), "[fd10:1::1]:8 > fd10:2::1 tcp by eth0: 1 packets");
}

TEST(LeakWatch, FlowsAreReadOnlyWhenTheCounterHasMoved) {
    LeakWatch watch;
    EXPECT_FALSE(watch.has_moved({}));
    EXPECT_TRUE(watch.has_moved({.packets = 1}));
    watch.note({.packets = 1}, {leak(1)}, kNow);
    EXPECT_FALSE(watch.has_moved({.packets = 1}));
    EXPECT_EQ(watch.note({.packets = 1}, {}, kNow), Lines());
    EXPECT_EQ(watch.flows().size(), 1U);
}

TEST(LeakWatch, EachNewFlowIsLoggedOnce) {
    LeakWatch watch;
    EXPECT_EQ(watch.note({.packets = 1}, leaks(1), kNow), Lines{line(1)});
    EXPECT_EQ(watch.note({.packets = 2}, leaks(1), kNow), Lines());
    EXPECT_EQ(watch.note({.packets = 3}, leaks(2), kNow), Lines{line(2)});
}

TEST(LeakWatch, TenLinesAMinuteAndTheNumberOfTheRest) {
    LeakWatch watch;
    EXPECT_EQ(watch.note({.packets = 25}, leaks(25), kNow).size(), 10U);
    EXPECT_EQ(watch.note({.packets = 26}, leaks(26), kNow + 59s), Lines());
    EXPECT_EQ(watch.note({.packets = 26}, {}, kNow + 60s),
              Lines{"LEAK: 16 more flows have left in clear"});
    EXPECT_EQ(watch.note({.packets = 27}, leaks(27), kNow + 61s), Lines{line(27)});
}

TEST(LeakWatch, WhatIsLongAgoIsNeitherLoggedNorAProblem) {
    LeakWatch watch;
    EXPECT_EQ(watch.note({.packets = 1}, leaks(1, kNow - 6min), kNow), Lines());
    EXPECT_EQ(watch.total().packets, 1U);
    EXPECT_TRUE(watch.problems(kNow).empty());
}

TEST(LeakWatch, ALeakIsAProblemForSomeMinutes) {
    LeakWatch watch;
    EXPECT_TRUE(watch.problems(kNow).empty());
    watch.note({.packets = 7}, {leak(1, kNow - 1s), leak(2)}, kNow);
    ASSERT_EQ(watch.problems(kNow + 4min).size(), 1U);
    EXPECT_EQ(watch.problems(kNow + 4min).front(),
              (Problem{.object = "leaks",
                       .message = "7 packets left in clear; the last: 10.1.0.10:2 > 10.2.0.10:53 "
                                  "udp by eth0: 1 packets"}));
    EXPECT_TRUE(watch.problems(kNow + 5min).empty());
}

TEST(LeakWatch, ALeakWithoutASampleIsAProblemToo) {
    LeakWatch watch;
    watch.note({.packets = 1}, {}, kNow);
    EXPECT_EQ(watch.problems(kNow).front().message, "1 packets left in clear");
}

TEST(LeakWatch, ShowsTheNewestTenFlows) {
    std::vector<LeakFlow> flows;
    for (std::uint16_t port = 1; port <= 12; ++port)
        flows.push_back(leak(port, kNow - std::chrono::seconds(port)));
    LeakWatch watch;
    watch.note({.packets = 12}, flows, kNow);
    ASSERT_EQ(watch.flows().size(), 10U);
    EXPECT_EQ(watch.flows().front().flow.source_port, 1);
    EXPECT_EQ(watch.flows().back().flow.source_port, 10);
}

TEST(LeakWatch, OnlyAFailedSelfTestIsAProblem) {
    LeakWatch watch;
    EXPECT_EQ(watch.self_test().outcome, SelfTest::nothing_yet);
    watch.note({.outcome = SelfTest::failed, .detail = "does not see"});
    EXPECT_EQ(watch.problems(kNow),
              (std::vector{Problem{.object = "leak watch", .message = "does not see"}}));
    watch.note({.outcome = SelfTest::passed, .detail = "sees"});
    EXPECT_TRUE(watch.problems(kNow).empty());
}

class LeakingFlow : public testing::Test {
  protected:
    [[nodiscard]] std::string found() const {
        const auto flow = leaking_flow(rows_);
        return flow ? flow->source.to_string() + " > " + flow->destination.to_string() : "none";
    }
    static constexpr std::uint32_t kFrom = WGS_WATCH_FROM;
    static constexpr std::uint32_t kTo = WGS_WATCH_TO;
    WatchTable rows_;
};

TEST_F(LeakingFlow, NeedsBothEndsInOneFamily) {
    EXPECT_EQ(found(), "none");
    rows_[prefix("10.1.0.0/24")] = kFrom | WGS_WATCH_POD;
    rows_[prefix("10.9.0.0/24")] = 0;
    rows_[prefix("fd10:2::/64")] = kTo | WGS_WATCH_POD;
    EXPECT_EQ(found(), "none");
    rows_[prefix("10.2.0.0/24")] = kTo | WGS_WATCH_POD;
    EXPECT_EQ(found(), "10.1.0.0 > 10.2.0.0");
}

TEST_F(LeakingFlow, IsNotFromNodeToNodeUnlessThatIsWatched) {
    rows_[prefix("192.0.2.1/32")] = kFrom;
    rows_[prefix("192.0.2.2/32")] = kTo;
    EXPECT_EQ(found(), "none");
    rows_[prefix("192.0.2.1/32")] |= WGS_WATCH_HOSTS;
    rows_[prefix("192.0.2.2/32")] |= WGS_WATCH_HOSTS;
    EXPECT_EQ(found(), "192.0.2.1 > 192.0.2.2");
}

TEST_F(LeakingFlow, UsesNoAddressThatALongerRowHides) {
    rows_[prefix("10.1.0.0/24")] = kFrom | WGS_WATCH_POD;
    rows_[prefix("10.2.0.0/24")] = kTo | WGS_WATCH_POD;
    rows_[prefix("10.2.0.0/26")] = 0;
    EXPECT_EQ(found(), "none");
    rows_[prefix("10.2.0.128/25")] = kTo | WGS_WATCH_POD;
    EXPECT_EQ(found(), "10.1.0.0 > 10.2.0.128");
}

TEST_F(LeakingFlow, UsesNoAddressThatStaysOnTheLink) {
    rows_[prefix("10.1.0.0/24")] = kFrom | WGS_WATCH_POD;
    for (const char* text : {"0.0.0.0/0", "224.0.0.0/4", "169.254.0.0/16"})
        rows_[prefix(text)] = kTo | WGS_WATCH_POD;
    EXPECT_EQ(found(), "none");
}

}  // namespace
}  // namespace wgs
