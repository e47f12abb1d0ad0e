// SPDX-License-Identifier: Apache-2.0
#include "cli/top/graph.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace wgs::cli {
namespace {

// Of a character's height.
constexpr std::size_t kLevels = 8;
constexpr std::array<const char*, kLevels + 1> kBlocks{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<const char*, kLevels + 1> kAscii{" ", ".", ".", ":", ":", "+", "+", "#", "#"};

// Handshakes and keepalives alone shall not look like a load, so this is the least full height.
constexpr float kLeastBits = 10'000;

}  // namespace

std::vector<std::string> graph(std::span<const float> values, std::size_t width, std::size_t lines,
                               TopLetters letters) {
    const auto& shapes = letters == TopLetters::utf8 ? kBlocks : kAscii;
    values = values.last(std::min(width, values.size()));
    const float most = values.empty() ? kLeastBits : std::max(kLeastBits, std::ranges::max(values));
    const auto whole = static_cast<float>(lines * kLevels);
    std::vector<std::string> picture(lines);
    for (const float value : values) {
        // What is there at all shows.
        const auto height =
            static_cast<std::size_t>(std::ceil(std::max(0.F, value) / most * whole));
        for (std::size_t line = 0; line < lines; ++line) {
            const std::size_t below = (lines - 1 - line) * kLevels;
            picture[line] += shapes.at(std::min(kLevels, height - std::min(height, below)));
        }
    }
    return picture;
}

std::string sparkline(std::span<const float> values, std::size_t width, TopLetters letters) {
    return graph(values, width, 1, letters).front();
}

}  // namespace wgs::cli
