// SPDX-License-Identifier: Apache-2.0
// Whether a program does what is measured of it: its own counters tell.
#pragma once

#include <fmt/format.h>

#include "bench/lab/dataplane.h"
#include "bench/lab/must.h"

namespace wgs::bench {

inline std::uint64_t counted(const Dataplane& dataplane, wgs_hook hook, wgs_reason reason) {
    const auto index = static_cast<std::uint32_t>(WGS_VERDICT_INDEX(hook, reason));
    return must(dataplane.tables().verdicts.sum(index)).packets;
}

// Throws unless `send` has this many packets counted there.
template <class Send>
void expect_counted(const Dataplane& dataplane, wgs_hook hook, wgs_reason reason,
                    std::uint64_t packets, const Send& send) {
    const std::uint64_t before = counted(dataplane, hook, reason);
    send();
    const std::uint64_t more = counted(dataplane, hook, reason) - before;
    if (more != packets) {
        throw Broken(fmt::format("{} counts {} of {} packets under reason {}", program_name(hook),
                                 more, packets, static_cast<int>(reason)));
    }
}

}  // namespace wgs::bench
