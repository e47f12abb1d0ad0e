// SPDX-License-Identifier: Apache-2.0
// History as a picture made of characters.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "cli/top/line.h"

namespace wgs::cli {

// The newest values, the last one on the right, as wide as they are many but not beyond `width`.
[[nodiscard]] std::string sparkline(std::span<const float> values, std::size_t width,
                                    TopLetters letters);
// The same, some lines high; the first is the top.
[[nodiscard]] std::vector<std::string> graph(std::span<const float> values, std::size_t width,
                                             std::size_t lines, TopLetters letters);

}  // namespace wgs::cli
