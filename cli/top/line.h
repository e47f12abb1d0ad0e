// SPDX-License-Identifier: Apache-2.0
// Lines of a screen: text with styles, no wider than they should be. Knows no terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace wgs::cli {

enum class TopStyle { plain, bold, reverse, good, warning, bad };

struct TopSpan {
    std::string text;
    TopStyle style = TopStyle::plain;

    bool operator==(const TopSpan&) const = default;
};

using TopLine = std::vector<TopSpan>;

struct TopSize {
    std::size_t columns = 80;
    std::size_t lines = 24;
};

enum class TopLetters { ascii, utf8 };

// Columns that UTF-8 text takes; all our characters take one.
[[nodiscard]] std::size_t width_of(std::string_view text);
[[nodiscard]] std::size_t width_of(const TopLine& line);
// No wider than `width`.
[[nodiscard]] TopLine cut(const TopLine& line, std::size_t width);
// As one span that fills the width.
[[nodiscard]] TopLine highlighted(const TopLine& line, std::size_t width);
[[nodiscard]] std::string text_of(const TopLine& line);
// At blanks; lines after the first are indented. Words that are too long are cut in pieces.
[[nodiscard]] std::vector<std::string> wrapped(const std::string& text, std::size_t width,
                                               std::size_t indent);
// The first of these that fits, or the last one, cut.
[[nodiscard]] TopLine fitting(const std::vector<TopLine>& variants, std::size_t width);
[[nodiscard]] TopStyle style_of_state(std::string_view state);

}  // namespace wgs::cli
