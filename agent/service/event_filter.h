// SPDX-License-Identifier: Apache-2.0
// Which packets a listener wants to hear of.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "maps/events.h"
#include "model/config.h"
#include "model/ip.h"
#include "model/state.h"

namespace wgs {

struct EventFilter {
    std::uint32_t verdicts = ~0U;   // bits
    std::uint64_t reasons = ~0ULL;  // bits
    std::uint32_t hooks = ~0U;      // bits
    std::string peer;               // by name; empty: any
    std::optional<Prefix> prefix;   // holds source or destination
    std::uint16_t port = 0;         // of either; 0: any
    std::uint8_t protocol = 0;      // 0: any
    std::uint32_t sample = 1;       // one packet in so many, and the first drop of each flow
    bool first = false;             // of each flow, hook and reason
    bool twice = false;             // decrypted packets at their second hook as well
    std::uint32_t snapshot = 0;     // bytes of the packet
};

// From the query of a request: lists of names separated by commas for `verdict`, `reason` and
// `hook`; `peer`, `prefix`, `port`, `proto`, `sample`, `snaplen`; `first`, `outer` are 0 or 1.
// Without `outer`, and unless `reason` names them, outer packets do not fit. Unknown names are
// errors.
Result<EventFilter> parse_event_filter(const std::map<std::string, std::string>& query);

// A node has one in each of our tunnels; 0: none there.
using PeerIdsOfNode = std::array<PeerId, tunnel_count(true)>;

// As the programs read it, but for `until` and `serial`. `peer`: the ids of the one it names.
wgs_listener to_listener(const EventFilter& filter, const PeerIdsOfNode& peer);

// What a node with this policy may drop. Bits.
[[nodiscard]] std::uint64_t reasons_to_drop(Policy policy);

}  // namespace wgs
