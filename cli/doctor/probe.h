// SPDX-License-Identifier: Apache-2.0
// Packets to the peers, in clear or through the tunnel as the node's traffic to them goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/doctor/facts.h"
#include "model/ip.h"

namespace wgs::cli {

struct ProbeTarget {
    std::string peer;
    std::string state;
    IpAddress address;
    std::uint16_t port = 0;    // UDP, of its WireGuard
    bool inside = false;       // the node's packets to it go through the tunnel
    std::uint32_t wanted = 0;  // bytes of the IP packet that should pass unfragmented
};

// Asks all at once: echoes that may not be fragmented, a timestamp (RFC 792), a datagram for the
// UDP port. Takes a tenth of a second where all is well, four seconds where a size has to be found.
// Needs CAP_NET_RAW.
std::vector<ProbeFacts> probe(const std::vector<ProbeTarget>& targets);

}  // namespace wgs::cli
