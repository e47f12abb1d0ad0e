// SPDX-License-Identifier: Apache-2.0
// The lines above the list of peers, in the most words that fit.
#pragma once

#include <cstddef>

#include "cli/top/line.h"
#include "cli/top/model.h"

namespace wgs::cli {

// Node, policy, peers by state.
[[nodiscard]] TopLine top_title(const TopModel& model, std::size_t width);
// The rates of all peers together.
[[nodiscard]] TopLine top_totals(const TopModel& model, std::size_t width);
// The worst alarm, and how many there are.
[[nodiscard]] TopLine top_alarm(const TopModel& model, std::size_t width);

}  // namespace wgs::cli
