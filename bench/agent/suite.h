// SPDX-License-Identifier: Apache-2.0
// The real wgsteerd, as a process, in a large mesh.
#pragma once

#include "bench/measure/measurement.h"
#include "bench/plan.h"

namespace wgs::bench {

// Subject "agent": labels what (with its unit), nodes (with ten prefixes each). The source is a
// directory, WireGuard one in memory that answers as wireguard-go does, so that only the agent is
// measured. Both programs are looked for beside this one; without them nothing is measured.
void measure_agent(const Plan& plan, Run& run);

}  // namespace wgs::bench
