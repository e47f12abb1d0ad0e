// SPDX-License-Identifier: Apache-2.0
// A flow as an operator names it, and a packet of it to be judged by the programs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/ip.h"

namespace wgs {

struct Flow {
    IpAddress source;
    IpAddress destination;
    std::uint8_t protocol = 6;  // IP protocol number: TCP
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint32_t size = 0;     // of the packet, bytes from the IP header on; 0: headers alone
    bool may_fragment = false;  // a packet of a size, by a router; without a size it always may
    bool is_answer = false;     // it is the first packet that comes back
};

// The kernel judges no larger packets for a test.
inline constexpr std::uint32_t kMostTestBytes = 3400;

// From the arguments `src`, `dst`, `proto` (tcp, udp, icmp or a number), `sport`, `dport`, `size`.
Result<Flow> parse_flow(const std::map<std::string, std::string>& arguments);

// `name` is for the error.
Result<std::uint16_t> parse_port(const std::string& name, const std::string& text);

// Of its first packet, bytes from the IP header on.
[[nodiscard]] std::uint32_t size_of(const Flow& flow);

// Of the answers.
[[nodiscard]] Flow reverse(const Flow& flow);

// An Ethernet frame with the flow's IP and transport header and, up to its size, zeros; checksums
// are zero, since the programs do not look at them.
std::vector<std::uint8_t> first_packet(const Flow& flow);
// The same without the Ethernet header.
std::vector<std::uint8_t> first_bare_packet(const Flow& flow);

}  // namespace wgs
