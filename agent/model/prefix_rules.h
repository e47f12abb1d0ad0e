// SPDX-License-Identifier: Apache-2.0
// Which prefixes a node may claim at all, whoever else claims them.
#pragma once

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "model/ip.h"
#include "model/node.h"

namespace wgs {

enum class PrefixClass : std::uint8_t { pod = 0, node = 1 };

// Sorted by prefix, each once.
using ClassedPrefixes = std::vector<std::pair<Prefix, PrefixClass>>;

// Touches loopback, link-local, multicast, "this network", the reserved class E or IPv4-mapped
// IPv6.
[[nodiscard]] bool is_reserved(const Prefix& prefix);

// Whether single addresses within a node's own prefixes may be other nodes', as where Calico lends
// them out of a node's block.
enum class Lending { never, single_addresses };

// Refers to its arguments.
class PrefixRules {
  public:
    using OnRefusal = std::function<void(const Prefix&, std::string_view reason)>;

    // No cluster prefixes: no limit but the length, at least /8 for IPv4 and /16 for IPv6.
    PrefixRules(const NodeInfo& self, const std::vector<Prefix>& cluster_prefixes,
                std::size_t max_prefixes, Lending lending = Lending::never)
        : self_(self),
          cluster_prefixes_(cluster_prefixes),
          max_prefixes_(max_prefixes),
          lending_(lending) {}

    // What the node may claim of what it lists. An address is a /32 or /128 of class `node`, also
    // when it is listed as a prefix too.
    [[nodiscard]] ClassedPrefixes claims_of(const NodeInfo& node,
                                            const OnRefusal& on_refusal = {}) const;

  private:
    [[nodiscard]] bool is_own(const Prefix& prefix) const;
    [[nodiscard]] std::string_view reason_to_refuse(const Prefix& prefix,
                                                    PrefixClass prefix_class) const;

    const NodeInfo& self_;
    const std::vector<Prefix>& cluster_prefixes_;
    std::size_t max_prefixes_;
    Lending lending_;
};

}  // namespace wgs
