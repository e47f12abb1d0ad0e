// SPDX-License-Identifier: Apache-2.0
#include "bench/report/grid.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace wgs::bench {
namespace {

// As a terminal shows it: bytes that only continue a character take no room.
std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::vector<std::size_t> widths_of(const Grid& grid) {
    std::vector<std::size_t> widths(grid.rows.front().size());
    for (const auto& row : grid.rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    return widths;
}

// The first column to the left, figures to the right.
std::string pad(const std::string& text, std::size_t width, bool left) {
    const std::string room(width - width_of(text), ' ');
    return left ? text + room : room + text;
}

}  // namespace

std::string to_text(const Grid& grid) {
    const auto widths = widths_of(grid);
    std::string text = grid.title + "\n";
    for (const auto& row : grid.rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += "  " + pad(row[i], widths[i], i == 0);
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

std::string to_markdown(const Grid& grid) {
    std::string text = fmt::format("**{}**\n\n", grid.title);
    for (const auto& row : grid.rows) {
        text += fmt::format("| {} |\n", fmt::join(row, " | "));
        if (&row != &grid.rows.front()) continue;
        text += "|---|";
        for (std::size_t i = 1; i < row.size(); ++i)
            text += "--:|";
        text += "\n";
    }
    return text;
}

std::string to_words(double value) {
    const double size = std::abs(value);
    if (size >= 1'000'000) return to_words(value / 1'000'000) + " M";
    if (size < 100) return fmt::format("{:.{}f}", value, size < 10 ? 2 : 1);
    const auto whole = static_cast<long>(std::lround(value));
    if (size < 1'000) return std::to_string(whole);
    return fmt::format("{},{:03}", whole / 1'000, std::abs(whole) % 1'000);
}

}  // namespace wgs::bench
