// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <fmt/format.h>

#include <cstdint>

namespace wgs {
namespace {

constexpr std::size_t kQuotedLimit = 64;

bool is_printable_ascii(char c) {
    return c >= 0x20 && c < 0x7f;
}

bool is_forbidden_control(std::uint32_t code_point) {
    const bool control = code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
    return control && code_point != '\t' && code_point != '\n' && code_point != '\r';
}

// The form of a UTF-8 sequence, by its first byte. `smallest` rules out overlong encodings.
struct Sequence {
    std::size_t length;
    std::uint32_t lead_bits;
    std::uint32_t smallest;
};

std::optional<Sequence> classify(std::uint8_t lead) {
    if (lead < 0x80) return Sequence{.length = 1, .lead_bits = lead, .smallest = 0};
    if (lead >> 5 == 0x06)
        return Sequence{.length = 2, .lead_bits = lead & 0x1fu, .smallest = 0x80};
    if (lead >> 4 == 0x0e)
        return Sequence{.length = 3, .lead_bits = lead & 0x0fu, .smallest = 0x800};
    if (lead >> 3 == 0x1e) {
        return Sequence{.length = 4, .lead_bits = lead & 0x07u, .smallest = 0x10000};
    }
    return std::nullopt;
}

// Length of the acceptable character at the start of `text`; 0 if there is none.
std::size_t character_length(std::string_view text) {
    const auto sequence = classify(static_cast<std::uint8_t>(text.front()));
    if (!sequence || sequence->length > text.size()) return 0;
    std::uint32_t code_point = sequence->lead_bits;
    for (const char c : text.substr(1, sequence->length - 1)) {
        const auto byte = static_cast<std::uint8_t>(c);
        if (byte >> 6 != 0x02) return 0;
        code_point = (code_point << 6) | (byte & 0x3fu);
    }
    const bool surrogate = code_point >= 0xd800 && code_point < 0xe000;
    if (code_point < sequence->smallest || code_point > 0x10ffff || surrogate) return 0;
    return is_forbidden_control(code_point) ? 0 : sequence->length;
}

}  // namespace

std::string in_quotes(std::string_view text) {
    std::string result = "'";
    for (const char c : text.substr(0, kQuotedLimit)) {
        if (is_printable_ascii(c)) {
            result += c;
        } else {
            result += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(c));
        }
    }
    return result + (text.size() > kQuotedLimit ? "...'" : "'");
}

std::optional<std::size_t> find_non_text(std::string_view text) {
    std::size_t offset = 0;
    while (offset < text.size()) {
        const std::size_t length = character_length(text.substr(offset));
        if (length == 0) return offset;
        offset += length;
    }
    return std::nullopt;
}

}  // namespace wgs
