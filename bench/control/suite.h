// SPDX-License-Identifier: Apache-2.0
// What a change and a full sync cost the agent in meshes of several sizes.
#pragma once

#include "bench/measure/measurement.h"
#include "bench/plan.h"

namespace wgs::bench {

// Subject "control": microseconds; labels what, nodes (with ten prefixes each).
void measure_control_path(const Plan& plan, Run& run);

}  // namespace wgs::bench
