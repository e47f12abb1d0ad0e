// SPDX-License-Identifier: Apache-2.0
#include "plan/pacing.h"

#include <gtest/gtest.h>

namespace wgs::test {
namespace {

using namespace std::chrono_literals;

TEST(Pacing, ASmallMeshIsLookedAtTwiceASecond) {
    EXPECT_EQ(time_to_next_look(std::nullopt, 1ms), 500ms);
    EXPECT_EQ(time_to_next_look(std::nullopt, 10ms), 500ms);
}

TEST(Pacing, LookingIsFastAtFirstSlowerLaterAndIdleInTheEnd) {
    EXPECT_EQ(time_to_next_look(0ms, 1ms), 25ms);
    EXPECT_EQ(time_to_next_look(2400ms, 1ms), 300ms);
    EXPECT_EQ(time_to_next_look(60s, 1ms), 500ms);
}

TEST(Pacing, LookingTakesAShareOfACoreHoweverDearItIs) {
    EXPECT_EQ(time_to_next_look(std::nullopt, 200ms), 60s);
    EXPECT_EQ(time_to_next_look(0ms, 200ms), 800ms);
    EXPECT_EQ(time_to_next_look(10s, 200ms), 8s);
    EXPECT_EQ(time_to_next_look(120s, 200ms), 60s);
}

TEST(Pacing, PlansWhileTheSourceIsTellingTakeAShareOfACore) {
    EXPECT_EQ(time_to_next_plan(1ms), 0ms) << "a small mesh forms at once";
    EXPECT_EQ(time_to_next_plan(20ms), 160ms);
    EXPECT_EQ(time_to_next_plan(2s), 500ms);
}

}  // namespace
}  // namespace wgs::test
