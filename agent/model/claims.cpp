// SPDX-License-Identifier: Apache-2.0
#include "model/claims.h"

#include <algorithm>
#include <utility>

namespace wgs {

void Claims::replace(std::string_view node, const PrefixSet& before,
                     const ClassedPrefixes& claims) {
    const auto prefix_of = [](const auto& claim) { return claim.first; };
    for (const Prefix& prefix : before) {
        if (std::ranges::binary_search(claims, prefix, {}, prefix_of)) continue;
        const auto claim = table_.find({.prefix = prefix, .node = node});
        if (claim == table_.end()) continue;
        unsettled_[prefix] |= claim->second.holds;
        table_.erase(claim);
    }
    for (const auto& [prefix, prefix_class] : claims) {
        const auto [claim, added] = table_.try_emplace({.prefix = prefix, .node = node},
                                                       Claim{.prefix_class = prefix_class});
        if (!added && claim->second.prefix_class == prefix_class) continue;
        unsettled_[prefix] |= claim->second.holds;
        claim->second.prefix_class = prefix_class;
    }
}

void Claims::seed(const Prefix& prefix, const std::string& node) {
    seeds_[prefix] = *seeded_.insert(node).first;
    unsettled_.try_emplace(prefix);
}

void Claims::release_seeds() {
    for (const auto& [prefix, node] : seeds_)
        unsettled_.try_emplace(prefix);
    seeds_.clear();
    seeded_.clear();
}

Claims::Table::iterator Claims::first_of(const Prefix& prefix) {
    return table_.lower_bound({.prefix = prefix, .node = {}});
}

Claims::Table::const_iterator Claims::first_of(const Prefix& prefix) const {
    return table_.lower_bound({.prefix = prefix, .node = {}});
}

// Empty: nobody.
std::string_view Claims::choose(const Prefix& prefix) const {
    if (const auto seed = seeds_.find(prefix); seed != seeds_.end()) return seed->second;
    const auto first = first_of(prefix);
    if (first == table_.end() || first->first.prefix != prefix) return {};
    for (auto claim = first; claim != table_.end() && claim->first.prefix == prefix; ++claim) {
        if (claim->second.holds) return claim->first.node;
    }
    return first->first.node;
}

void Claims::settle(const OnMove& on_move, const OnOutcome& on_outcome) {
    for (const auto& [prefix, changed] : std::exchange(unsettled_, {})) {
        bool moves = changed;
        bool contested = false;
        const std::string_view holder = choose(prefix);
        for (auto claim = first_of(prefix); claim != table_.end() && claim->first.prefix == prefix;
             ++claim) {
            const bool holds = claim->first.node == holder;
            const bool flips = std::exchange(claim->second.holds, holds) != holds;
            if (flips || (changed && holds)) on_outcome(claim->first.node);
            moves = moves || flips;
            contested = contested || !holds;
        }
        if (contested)
            contested_.insert(prefix);
        else
            contested_.erase(prefix);
        if (moves) on_move(prefix);
    }
}

ClassedPrefixes Claims::held(std::string_view node, const PrefixSet& of) const {
    ClassedPrefixes result;
    for (const Prefix& prefix : of) {
        const auto claim = table_.find({.prefix = prefix, .node = node});
        if (claim != table_.end() && claim->second.holds)
            result.emplace_back(prefix, claim->second.prefix_class);
    }
    result.shrink_to_fit();
    return result;
}

void Claims::losses(const OnLoss& on_loss) const {
    for (const Prefix& prefix : contested_) {
        const std::string_view holder = choose(prefix);
        for (auto claim = first_of(prefix); claim != table_.end() && claim->first.prefix == prefix;
             ++claim) {
            if (!claim->second.holds) on_loss(claim->first.node, prefix, holder);
        }
    }
}

}  // namespace wgs
