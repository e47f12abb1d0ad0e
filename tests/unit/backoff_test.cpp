// SPDX-License-Identifier: Apache-2.0
#include "base/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace wgs {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToTheLongestWithUpToAFifthTakenOff) {
    Backoff backoff(50ms, 300ms);
    for (const auto full : {50ms, 100ms, 200ms, 300ms, 300ms, 300ms}) {
        const auto pause = backoff.next();
        EXPECT_LE(pause, full);
        EXPECT_GE(pause, full * 4 / 5);
    }
}

TEST(Backoff, BeginsAgainAfterAReset) {
    Backoff backoff(50ms, 5s);
    for (int i = 0; i < 5; ++i)
        backoff.next();
    backoff.reset();
    EXPECT_LE(backoff.next(), 50ms);
    EXPECT_GE(backoff.next(), 80ms);
}

TEST(Backoff, SpreadsThoseThatFailedTogether) {
    std::set<Backoff::Pause> pauses;
    for (int i = 0; i < 30; ++i)
        pauses.insert(Backoff(1s, 5s).next());
    EXPECT_GT(pauses.size(), 10U);
}

}  // namespace
}  // namespace wgs
