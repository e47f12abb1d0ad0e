// SPDX-License-Identifier: Apache-2.0
// How often the reconciler has done its parts, and how long they took.
#pragma once

#include <chrono>
#include <cstdint>

namespace wgs {

struct Effort {
    std::uint64_t count = 0;
    std::chrono::nanoseconds time{0};

    void add(std::chrono::steady_clock::time_point begin) {
        ++count;
        time += std::chrono::steady_clock::now() - begin;
    }
};

// Since the start.
struct ReconcilerEffort {
    std::uint64_t runs = 0;
    std::uint64_t failures = 0;
    Effort looks_at_devices;
    Effort looks_at_all;
    std::chrono::system_clock::time_point last_look_at_all;
    Effort plans;
    Effort applications;  // slices
};

}  // namespace wgs
