// SPDX-License-Identifier: Apache-2.0
// Changing the tables: how fast, at what cost in memory, and what lookups feel of it.
#pragma once

#include "bench/measure/measurement.h"
#include "bench/plan.h"

namespace wgs::bench {

// Subject "update": prefixes a second into an empty table; labels family, way, size.
// Subject "memory": MiB of the IPv4 tables in the kernel; labels kind, size.
void measure_updates(const Plan& plan, Run& run);

// Subject "writer": nanoseconds of a lookup alone; labels kind, table: quiet, or busy with a writer
// on another CPU that moves one prefix after the other as fast as it can.
void measure_beside_writer(const Plan& plan, Run& run);

}  // namespace wgs::bench
