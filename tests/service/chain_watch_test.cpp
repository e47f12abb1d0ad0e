// SPDX-License-Identifier: Apache-2.0
#include "service/chain_watch.h"

#include <gtest/gtest.h>

namespace wgs {
namespace {

class ChainWatchTest : public testing::Test {
  protected:
    void note_often(const ChainWatch::Traffic& traffic) {
        for (int i = 0; i < 5; ++i)
            watch_.note(traffic);
    }
    [[nodiscard]] bool complains() const { return !watch_.problems().empty(); }

    ChainWatch watch_;
};

TEST_F(ChainWatchTest, ComplainsOfPacketsThatWereSentAndNotSeen) {
    watch_.note({.sent = 0, .received = 0, .seen = 0});
    note_often({.sent = 148, .received = 92, .seen = 0});
    EXPECT_TRUE(complains());
    watch_.note({.sent = 296, .received = 92, .seen = 1});
    EXPECT_FALSE(complains());
}

TEST_F(ChainWatchTest, GivesPacketsAMoment) {
    watch_.note({.sent = 0, .received = 0, .seen = 0});
    watch_.note({.sent = 148, .received = 92, .seen = 0});
    EXPECT_FALSE(complains());
    watch_.note({.sent = 148, .received = 92, .seen = 1});
    EXPECT_FALSE(complains());
}

TEST_F(ChainWatchTest, WhoGetsNoAnswerMayHaveSentNothing) {
    watch_.note({.sent = 0, .received = 0, .seen = 0});
    note_often({.sent = 14800, .received = 0, .seen = 0});
    EXPECT_FALSE(complains());
}

TEST_F(ChainWatchTest, StartsAnewWithTheCounters) {
    watch_.note({.sent = 5000, .received = 5000, .seen = 40});
    note_often({.sent = 148, .received = 92, .seen = 40});
    EXPECT_FALSE(complains());
}

TEST_F(ChainWatchTest, WhatIsSentWhileLookingMayHaveBeenSeenAlready) {
    watch_.note({.sent = 0, .received = 0, .seen = 1});
    note_often({.sent = 148, .received = 92, .seen = 1});
    EXPECT_FALSE(complains());
    note_often({.sent = 296, .received = 184, .seen = 1});
    EXPECT_TRUE(complains());
}

TEST_F(ChainWatchTest, QuietIsNoProblem) {
    note_often({.sent = 5000, .received = 5000, .seen = 40});
    EXPECT_FALSE(complains());
}

}  // namespace
}  // namespace wgs
