// SPDX-License-Identifier: Apache-2.0
// Rows of the prefix tables.
#include <algorithm>
#include <functional>
#include <set>

#include "maps/layout.h"
#include "plan/planner.h"

namespace wgs {
namespace {

bool covered_by_other(const std::set<Prefix>& covers, const Prefix& prefix) {
    return std::ranges::any_of(
        covers, [&](const Prefix& cover) { return cover != prefix && cover.contains(prefix); });
}

}  // namespace

std::map<Prefix, Owner> Planner::wanted_prefixes() const {
    std::map<Prefix, Owner> wanted;
    for (const auto& [prefix, prefix_class] : desired_.self) {
        wanted.emplace(prefix, Owner{.peer = WGS_PEER_SELF, .prefix_class = prefix_class});
    }
    for (const auto& [name, pair] : pairs_) {
        if (pair.id == 0) continue;
        for (const auto& [prefix, prefix_class] : pair.wanted->prefixes) {
            wanted.emplace(prefix, Owner{.peer = pair.id, .prefix_class = prefix_class});
        }
    }
    for (const Prefix& prefix : desired_.cluster) {
        wanted.emplace(prefix, Owner{.peer = WGS_PEER_CLUSTER});
    }
    return wanted;
}

// Longer prefixes first: a shorter one that changes hands must not catch what a longer one is about
// to keep with its owner.
void Planner::point_prefixes(const std::map<Prefix, Owner>& wanted) {
    std::vector<SetPrefix> steps;
    for (const auto& [prefix, owner] : wanted) {
        const auto there = actual_.steering.prefixes.find(prefix);
        if (there == actual_.steering.prefixes.end() || there->second != owner) {
            steps.push_back({.prefix = prefix, .owner = owner});
        }
    }
    std::ranges::stable_sort(steps, std::ranges::greater{},
                             [](const SetPrefix& step) { return step.prefix.length(); });
    for (const SetPrefix& step : steps)
        emit(step);
}

// What becomes of a row that nobody wants any more; none: it goes.
std::optional<Owner> Planner::leftover(const Prefix& prefix, const Owner& owner) const {
    if (!desired_.complete) return owner;
    const bool was_peers = owner.peer >= WGS_PEER_FIRST || owner.peer == WGS_PEER_GONE;
    const bool keep_closed = desired_.policy == Policy::require && was_peers &&
                             !covered_by_other(desired_.cluster, prefix);
    if (!keep_closed) return std::nullopt;
    return Owner{.peer = WGS_PEER_GONE, .prefix_class = owner.prefix_class};
}

void Planner::remove_prefixes(const std::map<Prefix, Owner>& wanted) {
    for (const auto& [prefix, owner] : actual_.steering.prefixes) {
        if (wanted.contains(prefix)) continue;
        const std::optional<Owner> left = leftover(prefix, owner);
        if (!left) {
            emit(RemovePrefix{.prefix = prefix});
        } else if (*left != owner) {
            emit(SetPrefix{.prefix = prefix, .owner = *left});
        }
    }
}

}  // namespace wgs
