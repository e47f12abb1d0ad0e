// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "service/bpf_steering.h"
#include "service/view.h"

namespace wgs {

// Everything the agent counts, in Prometheus' text format.
std::string metrics_text(const AgentView& agent, const std::vector<VerdictTotal>& totals,
                         const PeerCounts& counts);

}  // namespace wgs
