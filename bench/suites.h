// SPDX-License-Identifier: Apache-2.0
// The whole of what can be measured.
#pragma once

#include <array>
#include <string_view>

#include "base/error.h"
#include "bench/measure/measurement.h"
#include "bench/plan.h"

namespace wgs::bench {

struct Suite {
    std::string_view name;
    std::string_view description;
    void (*measure)(const Plan&, Run&);
};

extern const std::array<Suite, 11> kSuites;

// Those that the plan names, or all. Needs root.
Result<Run> run_suites(const Plan& plan);

}  // namespace wgs::bench
