// SPDX-License-Identifier: Apache-2.0
// What an observer on the underlay makes of a frame.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/ip.h"

namespace wgs::test {

enum class FrameKind {
    wireguard,  // a WireGuard message between WireGuard ports
    neighbour,  // ARP, IPv6 neighbour discovery and multicast listener reports
    clear,      // readable traffic between two protected addresses
    piece,      // any but the first fragment of something
    other,      // the rest
};

struct WireRules {
    std::vector<Prefix> protected_prefixes;
    std::set<std::uint16_t> wireguard_ports = {51820, 51821};
};

// `frame` starts with the Ethernet header, VLAN tags or not; its end may be cut off.
FrameKind classify(std::span<const std::uint8_t> frame, const WireRules& rules);

// The first bytes in hexadecimal, for failure messages.
std::string hex_head(std::span<const std::uint8_t> frame);

}  // namespace wgs::test
