// SPDX-License-Identifier: Apache-2.0
// Prefixes that nodes no longer have by the word of the source, and keep until time confirms it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/ip.h"
#include "source/source.h"

namespace wgs {

class Withheld {
  public:
    struct Node {
        SteadyTime until;
        NodeInfo word;                 // the last one of the source on it
        std::vector<Prefix> prefixes;  // that are missing from it; sorted

        // What it counts as.
        [[nodiscard]] NodeInfo whole() const;
    };

    [[nodiscard]] bool empty() const { return nodes_.empty(); }
    // By name.
    [[nodiscard]] const std::map<std::string, Node, std::less<>>& nodes() const { return nodes_; }
    // Null: the node has lost nothing.
    [[nodiscard]] const Node* find(std::string_view name) const;

    // In the place of what was kept for the node, which decides until when if there was anything.
    void keep(const NodeInfo& word, std::vector<Prefix> prefixes, SteadyTime until);
    void forget(std::string_view name);
    // Somebody else has come to claim this prefix: it, and what was kept within it, has moved.
    // Returns those who have kept such, as they count from now on.
    std::vector<NodeInfo> give_up(const Prefix& claimed, std::string_view claimant);

  private:
    std::map<std::string, Node, std::less<>> nodes_;
    std::map<Prefix, std::string> keepers_;
};

}  // namespace wgs
