// SPDX-License-Identifier: Apache-2.0
// What a packet costs a node, from a pod's veth to the device by which it leaves.
#pragma once

#include "bench/measure/measurement.h"
#include "bench/plan.h"

namespace wgs::bench {

// Subject "path": labels steering, set, rules; nanoseconds, of which "dropped at once" is for
// making the packet. Throws if packets do not arrive where they should.
void measure_paths(const Plan& plan, Run& run);

// Subject "tax": what a packet outside every prefix pays for the steering, over none at all; labels
// direction, steering. Nanoseconds, by pairs of neighbouring samples.
void measure_tax(const Plan& plan, Run& run);

}  // namespace wgs::bench
