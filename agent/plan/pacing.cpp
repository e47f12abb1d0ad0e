// SPDX-License-Identifier: Apache-2.0
#include "plan/pacing.h"

#include <algorithm>

namespace wgs {

using std::chrono::milliseconds;

namespace {

constexpr int kIdleShare = 50;
// Of a large mesh, where a look takes longer than this.
constexpr milliseconds kDearLook{20};
constexpr int kDearIdleShare = 300;
constexpr int kEagerShare = 4;  // and as much again for each second that passes
// Of plans while the source is telling: those of a small mesh come at once, others take one part in
// nine of a core.
constexpr milliseconds kDearPlan{3};
constexpr int kPlanShare = 8;
constexpr milliseconds kLongestGathering{500};

}  // namespace

milliseconds time_to_next_look(std::optional<std::chrono::steady_clock::duration> wait,
                               std::chrono::steady_clock::duration cost) {
    const auto whole_cost = std::chrono::ceil<milliseconds>(cost);
    const int share = whole_cost < kDearLook ? kIdleShare : kDearIdleShare;
    const milliseconds idle = std::max(kIdleLook, whole_cost * share);
    if (!wait) return idle;
    const auto age = std::chrono::duration_cast<milliseconds>(*wait);
    const auto seconds = std::max<milliseconds::rep>(1, age / std::chrono::seconds(1));
    return std::min(idle, std::max({kShortestLook, age / 8, whole_cost * kEagerShare * seconds}));
}

milliseconds time_to_next_plan(std::chrono::steady_clock::duration cost) {
    if (cost < kDearPlan) return milliseconds(0);
    return std::min(std::chrono::ceil<milliseconds>(cost * kPlanShare), kLongestGathering);
}

}  // namespace wgs
