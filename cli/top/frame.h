// SPDX-License-Identifier: Apache-2.0
// One look at the peers for a file, a pipe or a program.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "cli/top/model.h"

namespace wgs::cli {

// What the screen shows, without keys; at most so many peers.
[[nodiscard]] std::string plain_frame(const TopModel& model, const TopOrder& order,
                                      std::size_t peers, std::chrono::seconds now_since_epoch);
// The same as JSON: rates are numbers per second, or null if they are not known.
[[nodiscard]] std::string json_frame(const TopModel& model, const TopOrder& order,
                                     std::size_t peers);

}  // namespace wgs::cli
