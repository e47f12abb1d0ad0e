// SPDX-License-Identifier: Apache-2.0
// Our WireGuard devices, by number. There is one, or one for each family of addresses: then what
// IPv4 prefixes send goes through the first, to endpoints of that family, and IPv6 through the
// second.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "model/ip.h"

namespace wgs {

using TunnelIndex = std::uint8_t;  // row of the tunnel table

[[nodiscard]] constexpr TunnelIndex tunnel_count(bool per_family) {
    return per_family ? 2 : 1;
}
// Where there is one for each.
[[nodiscard]] constexpr Family family_of(TunnelIndex tunnel) {
    return tunnel == 0 ? Family::v4 : Family::v6;
}

// A node in one of our tunnels: what the programs call a peer. A mere name stands for the first.
struct PeerNameView {
    std::string_view node;
    TunnelIndex tunnel = 0;

    PeerNameView(std::string_view name, TunnelIndex index = 0) : node(name), tunnel(index) {}
    PeerNameView(const std::string& name) : node(name) {}
    PeerNameView(const char* name) : node(name) {}
    auto operator<=>(const PeerNameView&) const = default;
};

struct PeerName {
    std::string node;
    TunnelIndex tunnel = 0;

    PeerName() = default;
    PeerName(std::string name, TunnelIndex index = 0) : node(std::move(name)), tunnel(index) {}
    PeerName(const char* name) : node(name) {}
    explicit PeerName(const PeerNameView& view) : node(view.node), tunnel(view.tunnel) {}
    operator PeerNameView() const { return {node, tunnel}; }
    bool operator==(const PeerName&) const = default;
};

// Orders maps by PeerName, and finds in them without making one.
struct PeerNameLess {
    using is_transparent = void;
    bool operator()(const PeerNameView& a, const PeerNameView& b) const { return a < b; }
};

}  // namespace wgs
