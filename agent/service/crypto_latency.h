// SPDX-License-Identifier: Apache-2.0
// What timed packets say of the time in WireGuard (maps/crypto.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "maps/crypto.h"
#include "model/config.h"
#include "model/state.h"
#include "model/tunnels.h"

namespace wgs {

// By name; those in the tables only. Empty where packets are not timed.
using PeerCrypto = std::map<PeerName, wgs_crypto, PeerNameLess>;

// Whether packets are timed at all: wireguard-go does not let a flow hash through.
[[nodiscard]] bool times_packets(const Config& config, BackendKind backend);

// The longest time that this bucket counts; of the last one there is none.
[[nodiscard]] std::chrono::nanoseconds limit_of(std::size_t bucket);

[[nodiscard]] std::uint64_t samples_of(const wgs_crypto& crypto);
// None: there are no samples.
[[nodiscard]] std::optional<std::chrono::nanoseconds> mean_of(const wgs_crypto& crypto);
// That many of the samples, 0 to 1, took at most so long: spread evenly over the bucket in which it
// lies, of which the last one counts as its lower limit. None: there are no samples.
[[nodiscard]] std::optional<std::chrono::nanoseconds> quantile_of(const wgs_crypto& crypto,
                                                                  double part);

}  // namespace wgs
