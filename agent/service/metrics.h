// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/bpf_steering.h"
#include "service/view.h"

namespace wgs {

// Of this process.
struct ProcessUsage {
    std::chrono::nanoseconds cpu_time{0};
    std::uint64_t resident_bytes = 0;
    Clock::time_point started;
};
[[nodiscard]] ProcessUsage process_usage();

struct EventUse {
    std::uint64_t listeners = 0;
    std::uint64_t lost = 0;
};

// What is read from the kernel for one answer.
struct Readings {
    std::vector<VerdictTotal> totals;
    PeerCounts counts;  // empty without `metrics_per_peer`
    std::vector<TableUse> tables;
    std::vector<ProgramCost> programs;  // empty: nobody asked the kernel to measure
    ProcessUsage process;
    EventUse events = {};
    PeerCrypto crypto = {};                     // like counts
    std::optional<wgs_crypto> all_crypto = {};  // none: packets are not timed
};

// Everything the agent counts, in Prometheus' text format; see metric_list.h.
std::string metrics_text(const AgentView& agent, const Readings& readings);

}  // namespace wgs
