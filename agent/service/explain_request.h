// SPDX-License-Identifier: Apache-2.0
// What somebody wants to have explained.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/config.h"
#include "service/flow.h"

namespace wgs {

// Of a packet, as this node sees it.
enum class Way { out, in };

// Both are in it.
struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    bool operator==(const PortRange&) const = default;
};

struct ExplainRequest {
    Flow flow;               // of a range, its first port
    std::optional<Way> way;  // none: by who owns the addresses
    bool both = false;       // the answer's way as well
    // At most one of them.
    std::optional<PortRange> source_ports;
    std::optional<PortRange> destination_ports;
};

// From the query of a request: `src`, `dst`, `proto`, `sport`, `dport` (numbers, or one of them a
// range like 8000-9000), `size`, `fragment` (0 or 1), `way` (out or in), `both` (0 or 1).
Result<ExplainRequest> parse_explain_request(const std::map<std::string, std::string>& query);

// The ports that programs treat like no other, when they come with this protocol.
std::set<std::uint16_t> special_ports(std::uint8_t protocol, const std::set<Service>& bypass,
                                      const std::vector<TunnelConfig>& tunnels);

// The range cut where programs may judge differently: each special port is a piece of its own.
std::vector<PortRange> pieces_of(const PortRange& range, const std::set<std::uint16_t>& special);

}  // namespace wgs
