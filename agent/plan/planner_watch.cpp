// SPDX-License-Identifier: Apache-2.0
// Rows of the watcher's tables: they mirror the prefix tables, and their flags say what of a prefix
// may not leave in clear.
#include <algorithm>

#include "maps/layout.h"
#include "plan/planner.h"

namespace wgs {
namespace {

std::uint32_t flags_of(PrefixClass prefix_class, const DesiredState& desired) {
    if (prefix_class == PrefixClass::pod) return WGS_WATCH_POD;
    return (desired.hosts ? WGS_WATCH_HOSTS : 0) | (desired.overlay ? WGS_WATCH_OVERLAY : 0);
}

// Walks two sorted ranges of pairs at once: visit(prefix, left or null, right or null).
template <class Left, class Right, class Visit>
void walk(const Left& left, const Right& right, const Visit& visit) {
    auto l = left.begin();
    auto r = right.begin();
    while (l != left.end() || r != right.end()) {
        const bool here = r == right.end() || (l != left.end() && l->first <= r->first);
        const bool there = l == left.end() || (r != right.end() && r->first <= l->first);
        visit(here ? l->first : r->first, here ? &l->second : nullptr,
              there ? &r->second : nullptr);
        if (here) ++l;
        if (there) ++r;
    }
}

}  // namespace

// Those in state `ready` once the plan is carried out.
std::set<PeerId> Planner::steered_peers() const {
    std::set<PeerId> steered;
    for (const auto& [name, pair] : pairs_) {
        if (pair.state == PeerState::ready) steered.insert(pair.id);
    }
    if (desired_.complete) return steered;
    for (const auto& [id, slot] : actual_.steering.slots) {
        const bool unknown = !pairs_.contains(slot.record.name);
        if (unknown && slot.state == WGS_STATE_READY) steered.insert(id);
    }
    return steered;
}

// Under `prefer` clear text for a peer that is not steered is as it should be, and so is what this
// node forwards for others. A prefix of which nothing is watched has a row all the same: a shorter
// one must not speak for it.
Planner::WatchRows Planner::wanted_watch(const std::map<Prefix, Owner>& prefixes) const {
    WatchRows rows;
    if (!desired_.leak_watch) return rows;
    const std::set<PeerId> steered = steered_peers();
    const auto flags = [&](const Owner& owner) -> std::uint32_t {
        const std::uint32_t own = flags_of(owner.prefix_class, desired_);
        if (owner.peer == WGS_PEER_SELF) return own | WGS_WATCH_FROM;
        if (desired_.policy == Policy::require) return own | WGS_WATCH_FROM | WGS_WATCH_TO;
        return steered.contains(owner.peer) ? own | WGS_WATCH_TO : 0;
    };
    walk(prefixes, actual_.steering.prefixes,
         [&](const Prefix& prefix, const Owner* wanted, const Owner* there) {
             const auto owner = wanted != nullptr ? *wanted : leftover(prefix, *there);
             if (owner) rows.emplace_back(prefix, flags(*owner));
         });
    return rows;
}

void Planner::compare_watch(const std::map<Prefix, Owner>& prefixes) {
    walk(wanted_watch(prefixes), actual_.steering.watched,
         [&](const Prefix& prefix, const std::uint32_t* wanted, const std::uint32_t* there) {
             if (wanted != nullptr && there != nullptr && *wanted == *there) return;
             WatchChange change{.prefix = prefix};
             if (wanted != nullptr) change.wanted = *wanted;
             if (there != nullptr) change.there = *there;
             watch_changes_.push_back(change);
         });
}

// New rows come with nothing watched, and old ones stay so: while others change, each address keeps
// its row.
void Planner::weaken_watch() {
    for (const WatchChange& change : watch_changes_) {
        if (change.there != change.common())
            emit(SetWatch{.prefix = change.prefix, .flags = change.common()});
    }
}

void Planner::strengthen_watch() {
    for (const WatchChange& change : watch_changes_) {
        if (!change.wanted) {
            emit(RemoveWatch{.prefix = change.prefix});
        } else if (change.wanted != change.common()) {
            emit(SetWatch{.prefix = change.prefix, .flags = *change.wanted});
        }
    }
}

}  // namespace wgs
