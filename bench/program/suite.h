// SPDX-License-Identifier: Apache-2.0
// Whole programs, as they are attached, by test runs in the kernel.
#pragma once

#include "bench/measure/measurement.h"
#include "bench/plan.h"

namespace wgs::bench {

// Subject "program": wgs_nic_out steering, over an empty program; labels kind (the real one, or the
// same source over LPM_TRIE), family, size, set. Nanoseconds.
void measure_programs(const Plan& plan, Run& run);

// Subject "verdict": what each program costs over an empty one, by verdict; labels program and
// verdict. IPv4, one flow, 1,000 prefixes. Nanoseconds.
void measure_verdicts(const Plan& plan, Run& run);

// Subject "extra": what wgs_nic_out costs over an empty one with events and timing, and without;
// labels packet and kind. Nanoseconds.
void measure_extras(const Plan& plan, Run& run);

}  // namespace wgs::bench
