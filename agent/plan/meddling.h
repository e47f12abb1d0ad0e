// SPDX-License-Identifier: Apache-2.0
// What somebody else has done to a tunnel of ours that is still there. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "model/state.h"

namespace wgs {

// By tunnel, what was done, as in "somebody has set it down". `known` is how we left the tunnels,
// `found` what a look shows now; one that was lost or made anew is none of this.
using Meddling = std::map<TunnelIndex, std::set<std::string_view>>;
[[nodiscard]] Meddling find_meddling(const std::map<TunnelIndex, TunnelState>& known,
                                     const std::map<TunnelIndex, TunnelState>& found);

}  // namespace wgs
