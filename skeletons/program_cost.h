// SPDX-License-Identifier: Apache-2.0
// What programs cost, as the kernel measures it when asked to.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/error.h"
#include "base/unique_fd.h"

namespace wgs {

// The kernel measures the run time of every BPF program of the machine, which costs each run some
// 20 ns, until the descriptor is closed.
Result<UniqueFd> measure_programs();

// Since the program was loaded, while the kernel measured.
struct RunTotal {
    std::uint64_t runs = 0;
    std::chrono::nanoseconds time{0};
};
Result<RunTotal> run_total(int program);

}  // namespace wgs
