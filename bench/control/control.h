// SPDX-License-Identifier: Apache-2.0
// The agent's way from the source to the kernel's tables, in a large mesh.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/error.h"

namespace wgs {

struct ControlLoad {
    std::uint32_t nodes = 10'000;
    std::uint32_t prefixes_per_node = 10;
    std::uint32_t changes = 1'000;  // of one prefix each, one after the other
};

struct ControlNumbers {
    std::chrono::nanoseconds load{0};         // nodes into the peer cache, resolved
    std::chrono::nanoseconds full_sync{0};    // a loaded cache into empty tables, WireGuard apart
    std::chrono::nanoseconds longest_run{0};  // without a return to the event loop, of these
    std::chrono::nanoseconds all_ready{0};    // every peer's first handshake is seen and acted upon
    std::chrono::nanoseconds change{0};       // median, from the event to the last store
    std::chrono::nanoseconds change_p99{0};
    std::chrono::nanoseconds look{0};  // at everything, and a plan that finds nothing to do
};

// The real tables of this network namespace, below `/tmp/bpf`, and a WireGuard in memory.
Result<ControlNumbers> measure_control(const ControlLoad& load);

}  // namespace wgs
