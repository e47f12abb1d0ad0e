// SPDX-License-Identifier: Apache-2.0
#include "cli/top/line.h"

#include <algorithm>
#include <sstream>

namespace wgs::cli {
namespace {

bool begins_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
}

std::string_view cut_text(std::string_view text, std::size_t width) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (begins_character(text[i]) && count++ == width) return text.substr(0, i);
    return text;
}

}  // namespace

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, &begins_character));
}

std::size_t width_of(const TopLine& line) {
    std::size_t width = 0;
    for (const TopSpan& span : line)
        width += width_of(span.text);
    return width;
}

TopLine cut(const TopLine& line, std::size_t width) {
    TopLine result;
    for (const TopSpan& span : line) {
        const std::string_view text = cut_text(span.text, width);
        width -= width_of(text);
        if (!text.empty()) result.push_back({.text = std::string(text), .style = span.style});
    }
    return result;
}

std::string text_of(const TopLine& line) {
    std::string text;
    for (const TopSpan& span : line)
        text += span.text;
    return text;
}

TopLine highlighted(const TopLine& line, std::size_t width) {
    std::string text = text_of(cut(line, width));
    text.append(width - std::min(width, width_of(text)), ' ');
    return {{.text = std::move(text), .style = TopStyle::reverse}};
}

std::vector<std::string> wrapped(const std::string& text, std::size_t width, std::size_t indent) {
    indent = std::min(indent, width / 2);
    std::vector<std::string> lines(1);
    std::istringstream stream(text);
    for (std::string word; stream >> word;) {
        for (;;) {
            const std::size_t begun = lines.size() == 1 ? 0 : indent;
            const bool first = lines.back().size() == begun;
            const std::size_t room = width - std::min(width, lines.back().size() + (first ? 0 : 1));
            if (word.size() <= room) break;
            if (first) {
                lines.back() += word.substr(0, room);
                word.erase(0, room);
            }
            if (first && room == 0) break;
            lines.emplace_back(indent, ' ');
        }
        const std::size_t begun = lines.size() == 1 ? 0 : indent;
        lines.back() += (lines.back().size() == begun ? "" : " ") + word;
    }
    return lines;
}

TopLine fitting(const std::vector<TopLine>& variants, std::size_t width) {
    for (const TopLine& line : variants)
        if (width_of(line) <= width) return line;
    return variants.empty() ? TopLine() : cut(variants.back(), width);
}

TopStyle style_of_state(std::string_view state) {
    if (state == "ready") return TopStyle::good;
    return state == "stalled" || state == "conflict" ? TopStyle::bad : TopStyle::warning;
}

}  // namespace wgs::cli
