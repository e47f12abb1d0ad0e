// SPDX-License-Identifier: Apache-2.0
// Short notation for nodes in tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/node.h"

namespace wgs {

inline IpAddress ip(std::string_view text) {
    return IpAddress::parse(text).value();
}
inline Prefix prefix(std::string_view text) {
    return Prefix::parse(text).value();
}

// A well-formed key, the same for the same number.
inline PublicKey key(std::uint8_t number) {
    std::array<std::uint8_t, PublicKey::kSize> bytes{};
    bytes.front() = number;
    bytes.back() = 0x17;
    return PublicKey(bytes);
}

struct NodeText {
    std::string name;
    std::vector<std::string> addresses;
    std::vector<std::string> prefixes;
    std::uint8_t key = 0;  // 0: none
};

inline NodeInfo node(const NodeText& text) {
    NodeInfo info{.name = text.name, .addresses = {}, .prefixes = {}, .public_key = {}};
    for (const auto& address : text.addresses)
        info.addresses.push_back(ip(address));
    for (const auto& claimed : text.prefixes)
        info.prefixes.push_back(prefix(claimed));
    if (text.key != 0) info.public_key = key(text.key);
    return info;
}

}  // namespace wgs
