// SPDX-License-Identifier: Apache-2.0
// Lookups alone: what finding the owner of an address costs, by kind of table.
#pragma once

#include "bench/measure/measurement.h"
#include "bench/plan.h"

namespace wgs::bench {

// Subject "lookup", nanoseconds; labels kind, family, size, set. The empty loop has been taken off.
// Throws if two kinds do not give the same answers.
void measure_lookups(const Plan& plan, Run& run);

}  // namespace wgs::bench
