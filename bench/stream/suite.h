// SPDX-License-Identifier: Apache-2.0
// TCP between pods of two nodes, through real WireGuard.
#pragma once

#include "bench/measure/measurement.h"
#include "bench/plan.h"

namespace wgs::bench {

// Subjects "stream", Gbit/s, and "stream cpu", seconds of all CPUs a gigabyte, which other work on
// the machine adds to; labels steering, rules.
void measure_streams(const Plan& plan, Run& run);

}  // namespace wgs::bench
