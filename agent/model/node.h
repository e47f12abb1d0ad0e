// SPDX-License-Identifier: Apache-2.0
// What a source says about one node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ip.h"
#include "model/key.h"

namespace wgs {

struct NodeInfo {
    std::string name;
    std::vector<IpAddress> addresses;  // underlay addresses, preferred first
    std::vector<Prefix> prefixes;      // pod prefixes
    std::optional<PublicKey> public_key;
    std::uint16_t port = 51820;  // UDP, host byte order
    // Where each family has a tunnel of its own: of the one for IPv6. Those above are then of the
    // one for IPv4.
    std::optional<PublicKey> public_key_v6;
    std::uint16_t port_v6 = 51821;
    // Ids of the cluster secrets it knows, newest first.
    std::vector<std::string> secrets = {};

    bool operator==(const NodeInfo&) const = default;
};

// Node names are DNS subdomain names (RFC 1123): they become file names, map records and labels.
[[nodiscard]] bool is_valid_node_name(std::string_view name);

}  // namespace wgs
