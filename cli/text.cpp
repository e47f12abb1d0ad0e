// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <fmt/format.h>

#include <algorithm>

namespace wgs::cli {

// Columns as wide as their widest cell; the last one is not padded.
std::string table(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths;
    for (const Row& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const Row& row : rows) {
        for (std::size_t i = 0; i + 1 < row.size(); ++i) {
            text += fmt::format("{:<{}}  ", row[i], widths[i]);
        }
        text += row.back() + "\n";
    }
    return text;
}

// For loops: nlohmann-json's own would take a single value for a list of one.
const Json::array_t& items(const Json& list) {
    return list.get_ref<const Json::array_t&>();
}

std::string text_or_dash(const Json& value) {
    if (value.is_null()) return "-";
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string joined(const Json& list, std::size_t most) {
    std::string text;
    std::size_t count = 0;
    for (const Json& item : items(list)) {
        if (++count <= most) text += (text.empty() ? "" : " ") + text_or_dash(item);
    }
    if (count > most) text += fmt::format(" and {} more", count - most);
    return text.empty() ? "-" : text;
}

std::string duration(std::chrono::seconds time) {
    const std::int64_t seconds = std::max<std::int64_t>(0, time.count());
    if (seconds < 300) return fmt::format("{} s", seconds);
    if (seconds < 3 * 3600) return fmt::format("{} min", seconds / 60);
    if (seconds < 3 * 86400) return fmt::format("{} h", seconds / 3600);
    return fmt::format("{} d", seconds / 86400);
}

std::string age(const Json& handshake, std::chrono::seconds now) {
    if (handshake.is_null()) return "never";
    return duration(now - std::chrono::seconds(handshake.get<std::int64_t>())) + " ago";
}

std::string bytes(const Json& count) {
    auto value = count.get<double>();
    for (const char* unit : {"B", "KiB", "MiB", "GiB"}) {
        if (value < 1024) return fmt::format("{:.{}f} {}", value, *unit == 'B' ? 0 : 1, unit);
        value /= 1024;
    }
    return fmt::format("{:.1f} TiB", value);
}

std::string printable(std::string text) {
    std::ranges::replace_if(
        text, [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
    return text;
}

std::string short_time(double microseconds) {
    const auto in = [](double value, const char* unit) {
        return fmt::format("{:.{}f}{}", value, value < 9.95 ? 1 : 0, unit);
    };
    if (microseconds < 999.5) return in(microseconds, "us");
    if (microseconds < 999.5e3) return in(microseconds / 1e3, "ms");
    return in(microseconds / 1e6, "s");
}

std::string scaled(double value) {
    if (value < 999.5) return fmt::format("{:.0f}", value);
    for (const char unit : {'k', 'M', 'G', 'T'}) {
        value /= 1000;
        if (value < 9.95) return fmt::format("{:.1f}{}", value, unit);
        if (value < 999.5) return fmt::format("{:.0f}{}", value, unit);
    }
    return fmt::format("{:.0f}T", value);
}

}  // namespace wgs::cli
