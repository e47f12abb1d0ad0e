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
};

// From the arguments `src`, `dst`, `proto` (tcp, udp, icmp or a number), `sport`, `dport`.
Result<Flow> parse_flow(const std::map<std::string, std::string>& arguments);

// An Ethernet frame with the flow's IP and transport header and no payload; checksums are zero,
// since the programs do not look at them.
std::vector<std::uint8_t> first_packet(const Flow& flow);

}  // namespace wgs
