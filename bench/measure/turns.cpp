// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/turns.h"

#include <algorithm>

namespace wgs::bench {
namespace {

void take(const Turn& turn) {
    turn.result->samples.push_back(turn.sample());
}

}  // namespace

void take_turns(const std::vector<Turn>& turns, int rounds) {
    for (const Turn& turn : turns)
        turn.sample();
    for (int round = 0; round < rounds; ++round) {
        if (round % 2 == 0)
            std::ranges::for_each(turns, take);
        else
            std::for_each(turns.rbegin(), turns.rend(), take);
    }
}

}  // namespace wgs::bench
