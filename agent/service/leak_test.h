// SPDX-License-Identifier: Apache-2.0
// The watcher's self-test: the loaded program judges packets that nobody sends.
#pragma once

#include <optional>

#include "model/ip.h"
#include "service/bpf_steering.h"
#include "service/flow.h"
#include "service/leak_watch.h"

namespace wgs {

// A flow which must be called a leak with these rows (their flags are of enum wgs_watch); none:
// they watch nothing.
[[nodiscard]] std::optional<Flow> leaking_flow(const WatchTable& watched);

// Shows the watcher such a flow in clear, then what WireGuard would send with this mark and port.
// Counts nothing.
[[nodiscard]] SelfTestReport test_leak_watch(const BpfSteering& steering,
                                             const SteeringState& state, std::uint32_t fwmark);

}  // namespace wgs
