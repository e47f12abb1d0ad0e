// SPDX-License-Identifier: Apache-2.0
// Rows of the watcher's tables: they mirror the prefix tables, and their flags say what of a prefix
// may not leave in clear.
#include "maps/layout.h"
#include "plan/planner.h"

namespace wgs {
namespace {

std::uint32_t flags_of(PrefixClass prefix_class, bool hosts) {
    if (prefix_class == PrefixClass::pod) return WGS_WATCH_POD;
    return hosts ? WGS_WATCH_HOSTS : 0;
}

std::uint32_t flags_in(const std::map<Prefix, std::uint32_t>& rows, const Prefix& prefix) {
    const auto row = rows.find(prefix);
    return row == rows.end() ? 0 : row->second;
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
std::map<Prefix, std::uint32_t> Planner::wanted_watch(
    const std::map<Prefix, Owner>& prefixes) const {
    std::map<Prefix, std::uint32_t> wanted;
    if (!desired_.leak_watch) return wanted;
    const std::set<PeerId> steered = steered_peers();
    const auto flags = [&](const Owner& owner) -> std::uint32_t {
        const std::uint32_t own = flags_of(owner.prefix_class, desired_.hosts);
        if (owner.peer == WGS_PEER_SELF) return own | WGS_WATCH_FROM;
        if (desired_.policy == Policy::require) return own | WGS_WATCH_FROM | WGS_WATCH_TO;
        return steered.contains(owner.peer) ? own | WGS_WATCH_TO : 0;
    };
    for (const auto& [prefix, owner] : prefixes)
        wanted.emplace(prefix, flags(owner));
    for (const auto& [prefix, owner] : actual_.steering.prefixes) {
        if (prefixes.contains(prefix)) continue;
        if (const auto left = leftover(prefix, owner)) wanted.emplace(prefix, flags(*left));
    }
    return wanted;
}

// New rows come with nothing watched, and old ones stay so: while others change, each address keeps
// its row.
void Planner::weaken_watch(const std::map<Prefix, std::uint32_t>& wanted) {
    const auto& there = actual_.steering.watched;
    for (const auto& [prefix, flags] : there) {
        const std::uint32_t common = flags & flags_in(wanted, prefix);
        if (common != flags) emit(SetWatch{.prefix = prefix, .flags = common});
    }
    for (const auto& [prefix, flags] : wanted) {
        if (!there.contains(prefix)) emit(SetWatch{.prefix = prefix});
    }
}

void Planner::strengthen_watch(const std::map<Prefix, std::uint32_t>& wanted) {
    const auto& there = actual_.steering.watched;
    for (const auto& [prefix, flags] : wanted) {
        const std::uint32_t common = flags & flags_in(there, prefix);
        if (common != flags) emit(SetWatch{.prefix = prefix, .flags = flags});
    }
    for (const auto& [prefix, flags] : there) {
        if (!wanted.contains(prefix)) emit(RemoveWatch{.prefix = prefix});
    }
}

}  // namespace wgs
