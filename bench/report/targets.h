// SPDX-License-Identifier: Apache-2.0
// The figures that wgsteer is to reach, and whether a run does.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/measure/measurement.h"

namespace wgs::bench {

enum class Bound { at_least, at_most };

struct Target {
    std::string what;
    Bound bound = Bound::at_least;
    double limit = 0;
    std::string unit;                                        // "×" for a ratio
    std::function<std::optional<double>(const Run&)> value;  // none: not measured
};

const std::vector<Target>& targets();
bool is_reached(const Target& target, double value);

}  // namespace wgs::bench
