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

}  // namespace

// Whether those in the scope are in state `ready` once the plan is carried out.
void Planner::find_steered_peers() {
    for (const Pair& pair : pairs_)
        steered_.emplace_back(pair.id, pair.state == PeerState::ready);
    for (const auto& [id, slot] : leavers_)
        steered_.emplace_back(id, !desired_.complete && slot->state == WGS_STATE_READY);
    std::ranges::sort(steered_);
}

bool Planner::is_steered(PeerId id) const {
    const auto found = std::ranges::lower_bound(steered_, id, {}, &std::pair<PeerId, bool>::first);
    if (found != steered_.end() && found->first == id) return found->second;
    const auto slot = actual_.steering.slots.find(id);
    return slot != actual_.steering.slots.end() && slot->second.state == WGS_STATE_READY;
}

// Under `prefer` clear text for a peer that is not steered is as it should be, and so is what this
// node forwards for others. A prefix of which nothing is watched has a row all the same: a shorter
// one must not speak for it.
std::optional<std::uint32_t> Planner::wanted_watch(const Row& row) const {
    if (!desired_.leak_watch) return std::nullopt;
    const std::optional<Owner> owner = row.wanted ? row.wanted : leftover(row);
    if (!owner) return std::nullopt;
    const std::uint32_t own = flags_of(owner->prefix_class, desired_);
    if (owner->peer == WGS_PEER_SELF) return own | WGS_WATCH_FROM;
    if (desired_.policy == Policy::require) return own | WGS_WATCH_FROM | WGS_WATCH_TO;
    return is_steered(owner->peer) ? own | WGS_WATCH_TO : 0;
}

void Planner::compare_watch() {
    find_steered_peers();
    for (const Row& row : rows_) {
        const auto wanted = wanted_watch(row);
        if (wanted != row.watched)
            watch_changes_.push_back(
                {.prefix = row.prefix, .there = row.watched, .wanted = wanted});
    }
}

// New rows come with nothing watched, and old ones stay so: while others change, each address keeps
// its row.
void Planner::weaken_watch() {
    std::vector<WatchRow> rows;
    for (const WatchChange& change : watch_changes_) {
        if (change.there != change.common()) rows.push_back({change.prefix, change.common()});
    }
    set_watched(rows);
}

void Planner::strengthen_watch() {
    std::vector<WatchRow> rows;
    std::vector<Prefix> removed;
    for (const WatchChange& change : watch_changes_) {
        if (!change.wanted) {
            removed.push_back(change.prefix);
        } else if (change.wanted != change.common()) {
            rows.push_back({change.prefix, *change.wanted});
        }
    }
    emit_many(std::span<const Prefix>(removed),
              [](auto prefixes) { return RemoveWatched{.prefixes = std::move(prefixes)}; });
    set_watched(rows);
}

void Planner::set_watched(const std::vector<WatchRow>& rows) {
    emit_many(std::span<const WatchRow>(rows),
              [](auto part) { return SetWatched{.rows = std::move(part)}; });
}

}  // namespace wgs
