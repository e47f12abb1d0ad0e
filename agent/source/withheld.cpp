// SPDX-License-Identifier: Apache-2.0
#include "source/withheld.h"

#include <utility>

namespace wgs {

NodeInfo Withheld::Node::whole() const {
    NodeInfo node = word;
    node.prefixes.insert(node.prefixes.end(), prefixes.begin(), prefixes.end());
    return node;
}

const Withheld::Node* Withheld::find(std::string_view name) const {
    const auto node = nodes_.find(name);
    return node == nodes_.end() ? nullptr : &node->second;
}

void Withheld::keep(const NodeInfo& word, std::vector<Prefix> prefixes, SteadyTime until) {
    if (const Node* known = find(word.name)) until = known->until;
    forget(word.name);
    for (const Prefix& prefix : prefixes)
        keepers_.insert_or_assign(prefix, word.name);
    nodes_.insert_or_assign(word.name,
                            Node{.until = until, .word = word, .prefixes = std::move(prefixes)});
}

void Withheld::forget(std::string_view name) {
    const auto node = nodes_.find(name);
    if (node == nodes_.end()) return;
    for (const Prefix& prefix : node->second.prefixes)
        keepers_.erase(prefix);
    nodes_.erase(node);
}

// What lies within a prefix follows it in order.
std::vector<NodeInfo> Withheld::give_up(const Prefix& claimed, std::string_view claimant) {
    std::vector<NodeInfo> losers;
    auto kept = keepers_.lower_bound(claimed);
    while (kept != keepers_.end() && claimed.contains(kept->first)) {
        const auto node = nodes_.find(kept->second);
        if (kept->second == claimant || node == nodes_.end()) {
            ++kept;
            continue;
        }
        std::erase(node->second.prefixes, kept->first);
        losers.push_back(node->second.whole());
        if (node->second.prefixes.empty()) nodes_.erase(node);
        kept = keepers_.erase(kept);
    }
    return losers;
}

}  // namespace wgs
