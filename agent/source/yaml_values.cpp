// SPDX-License-Identifier: Apache-2.0
#include "source/yaml_values.h"

#include <net/if.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "model/node.h"

namespace wgs {
namespace {

bool is_interface_name(std::string_view name) {
    const auto allowed = [](char c) { return c > 0x20 && c < 0x7f && c != '/' && c != ':'; };
    return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
           std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace

Result<IpAddress> read_address(const YamlValue& value) {
    const auto address = IpAddress::parse(WGS_TRY(value.as_string()));
    if (!address) return value.error(address.error().message);
    return address;
}

Result<Prefix> read_prefix(const YamlValue& value) {
    const auto prefix = Prefix::parse(WGS_TRY(value.as_string()));
    if (!prefix) return value.error(prefix.error().message);
    return prefix;
}

Result<std::string> read_node_name(const YamlValue& value) {
    std::string name = WGS_TRY(value.as_string());
    if (is_valid_node_name(name)) return name;
    return value.error(in_quotes(name) + " is not a node name (a DNS name in lower case)");
}

Result<std::string> read_interface_name(const YamlValue& value) {
    std::string name = WGS_TRY(value.as_string());
    if (is_interface_name(name)) return name;
    return value.error(in_quotes(name) + " is not a device name (1 to 15 characters)");
}

Result<std::filesystem::path> read_path(const YamlValue& value) {
    const std::filesystem::path path = WGS_TRY(value.as_string());
    if (path.is_absolute()) return path;
    return value.error("expected an absolute path");
}

// "25s", "5m", "1h".
Result<std::chrono::seconds> read_duration(const YamlValue& value, std::chrono::seconds limit) {
    const std::string text = WGS_TRY(value.as_string());
    std::int32_t count = -1;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, count);
    const std::string_view unit(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
    const int seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
    if (parsed.ec != std::errc() || seconds == 0 || count < 0) {
        return value.error("expected a duration such as 25s, 5m or 1h");
    }
    const auto duration = std::chrono::seconds(seconds) * std::int64_t{count};
    if (duration > limit) {
        return value.error("longer than " + std::to_string(limit.count()) + "s");
    }
    return duration;
}

}  // namespace wgs
