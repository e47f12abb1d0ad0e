// SPDX-License-Identifier: Apache-2.0
// What would happen to a packet now, and why: what programs answer, and what the agent knows of the
// rest of the packet's way.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/rtnetlink.h"
#include "model/state.h"
#include "service/bpf_steering.h"
#include "service/explain_request.h"
#include "service/view.h"

namespace wgs {

// Those who are asked.
struct Oracle {
    // See BpfSteering::explain().
    std::function<Result<Explanation>(std::span<const std::uint8_t> packet, HookPoint point)> judge;
    std::function<Result<std::optional<RouteTo>>(const IpAddress& address)> route;
    std::function<std::string(std::uint32_t ifindex)> device;  // its name
    std::vector<HookStatus> hooks;                             // that are attached
    Clock::time_point now;
};

// {"direction", "verdict", "reason", "text", "advice", "peer", "prefix", "tunnel", "size", "path":
// [{"step", "device", "verdict", "reason", "text"}]}; with a range of ports "ranges": [{"first",
// "last", "verdict", "reason", "text", "advice"}] of the named side, and then the rest is about its
// first port; with `both` the same of the answer as "reply".
Result<std::string> explain_document(const AgentView& agent, const ExplainRequest& request,
                                     const Oracle& oracle);

}  // namespace wgs
