// SPDX-License-Identifier: Apache-2.0
// Measurements that are to be compared take turns, so that what else happens on the machine happens
// to all of them.
#pragma once

#include <functional>
#include <vector>

#include "bench/measure/measurement.h"

namespace wgs::bench {

struct Turn {
    Measurement* result = nullptr;   // borrowed
    std::function<double()> sample;  // in the result's unit
};

// One round that does not count, then `rounds` that do; every other one backwards.
void take_turns(const std::vector<Turn>& turns, int rounds);

}  // namespace wgs::bench
