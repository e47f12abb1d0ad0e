// SPDX-License-Identifier: Apache-2.0
// Runs a loaded program on a packet, in the kernel, without sending anything.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"

namespace wgs {

// What of the packet's metadata goes in and comes out.
struct PacketContext {
    std::uint32_t mark = 0;
    std::array<std::uint32_t, 5> cb{};

    bool operator==(const PacketContext&) const = default;
};

struct TestRun {
    std::int32_t verdict = 0;  // TC_ACT_* or XDP_*
    std::vector<std::uint8_t> packet;
    PacketContext context;
    std::chrono::nanoseconds duration{0};  // mean of all repetitions
};

// `packet` has at least 14 bytes. With `repeat` > 1 each run gets the packet that the one before
// left.
Result<TestRun> test_run(int program, std::span<const std::uint8_t> packet,
                         const PacketContext& context, int repeat = 1);
// The same for an XDP program, whose frames have no metadata and may be longer than a page.
Result<TestRun> test_run_xdp(int program, std::span<const std::uint8_t> frame, int repeat = 1);

}  // namespace wgs
