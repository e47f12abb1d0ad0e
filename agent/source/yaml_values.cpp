// SPDX-License-Identifier: Apache-2.0
#include "source/yaml_values.h"

#include <net/if.h>

#include <algorithm>

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

}  // namespace wgs
