// SPDX-License-Identifier: Apache-2.0
// Reading of the project's own values from YAML: lists, addresses, prefixes, names.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "base/yaml.h"
#include "model/ip.h"

namespace wgs {

Result<IpAddress> read_address(const YamlValue& value);
Result<Prefix> read_prefix(const YamlValue& value);
Result<std::string> read_node_name(const YamlValue& value);
// What the kernel accepts as the name of a network device (dev_valid_name in net/core/dev.c).
Result<std::string> read_interface_name(const YamlValue& value);
// An absolute one.
Result<std::filesystem::path> read_path(const YamlValue& value);
// "25s", "5m", "1h".
Result<std::chrono::seconds> read_duration(const YamlValue& value, std::chrono::seconds limit);

// A list of distinct values, each read by `read_item`.
template <class T>
Result<std::vector<T>> read_list(const YamlValue& value, Result<T> (*read_item)(const YamlValue&),
                                 std::size_t limit = std::numeric_limits<std::size_t>::max()) {
    if (value.kind() != YamlValue::Kind::list) return value.error("expected a list");
    if (value.items().size() > limit) {
        return value.error("more than " + std::to_string(limit) + " entries");
    }
    std::vector<T> result;
    std::set<T> seen;
    for (const YamlValue& item : value.items()) {
        T read = WGS_TRY(read_item(item));
        if (!seen.insert(read).second) return item.error("appears twice");
        result.push_back(std::move(read));
    }
    return result;
}

}  // namespace wgs
