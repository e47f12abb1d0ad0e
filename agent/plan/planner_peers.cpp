// SPDX-License-Identifier: Apache-2.0
// Ids, records and states of peers.
#include <algorithm>
#include <string_view>

#include "maps/layout.h"
#include "plan/planner.h"

namespace wgs {
namespace {

std::uint32_t slot_state(PeerState state) {
    switch (state) {
        case PeerState::no_key:
            return WGS_STATE_NO_KEY;
        case PeerState::conflict:
            return WGS_STATE_CONFLICT;
        case PeerState::waiting:
            return WGS_STATE_WAITING;
        case PeerState::ready:
            return WGS_STATE_READY;
        case PeerState::stalled:
            return WGS_STATE_STALLED;
    }
    return WGS_STATE_NO_KEY;
}

}  // namespace

void Planner::match_peers() {
    pairs_.reserve(desired_.peers.size());
    PeerId candidate = WGS_PEER_FIRST;
    for (const DesiredPeer& wanted : desired_.peers) {
        Pair& pair = pairs_.emplace_back(Pair{.wanted = &wanted});
        if (const auto bound = actual_.ids.of(wanted.peer_name())) {
            pair.id = *bound;
            pair.slot = &actual_.steering.slots.at(*bound);
            continue;
        }
        candidate = actual_.ids.free_from(candidate);
        if (candidate < WGS_PEER_FIRST + desired_.max_peers) {
            pair.id = candidate++;
        } else {
            plan_.homeless.emplace_back(wanted.peer_name());
        }
    }
    find_leavers();
}

void Planner::find_leavers() {
    const auto stays = [&](const PeerNameView& name) {
        return std::ranges::binary_search(desired_.peers, name, {}, &DesiredPeer::peer_name);
    };
    const auto& slots = actual_.steering.slots;
    if (scope_.everything) {
        for (const auto& [id, slot] : slots) {
            const PeerName name = slot.record.peer_name();
            if (!stays(name) || actual_.ids.of(name) != id) leavers_.push_back({id, &slot});
        }
        return;
    }
    for (const std::string& node : scope_.peers) {
        for (TunnelIndex tunnel = 0; tunnel < desired_.tunnels.size(); ++tunnel) {
            const PeerNameView name(node, tunnel);
            const auto id = actual_.ids.of(name);
            if (id && !stays(name)) leavers_.push_back({.id = *id, .slot = &slots.at(*id)});
        }
    }
}

void Planner::decide_states() {
    for (Pair& pair : pairs_) {
        pair.state = state_of(pair);
        plan_.states.emplace_hint(plan_.states.end(), pair.wanted->peer_name(), pair.state);
    }
}

PeerState Planner::state_of(const Pair& pair) const {
    const DesiredPeer& wanted = *pair.wanted;
    if (!wanted.public_key) return wanted.unprogrammed;
    if (wanted.stalled) return PeerState::stalled;
    if (pair.session && pair.session->last_handshake) return PeerState::ready;
    // The device or the session was lost and made anew: the peer still knows our key.
    const bool own_key_kept =
        actual_.tunnel(wanted.tunnel) == nullptr || sessions_possible(wanted.tunnel);
    const bool was_ready = pair.slot && pair.slot->state == WGS_STATE_READY &&
                           pair.slot->record.public_key == *wanted.public_key;
    const bool trusted = was_ready && own_key_kept && wanted.handshake.trust_previous;
    return trusted ? PeerState::ready : PeerState::waiting;
}

PeerRecord Planner::record_of(const Pair& pair) const {
    return {.name = std::string(pair.wanted->name),
            .tunnel = pair.wanted->tunnel,
            .public_key = pair.wanted->public_key.value_or(PublicKey{}),
            .endpoint = pair.wanted->endpoint};
}

void Planner::bind_peers() {
    for (const Pair& pair : pairs_) {
        if (pair.slot || pair.id == 0) continue;
        emit(BindPeer{.id = pair.id, .record = record_of(pair)});
        const PeerState state = pair.state == PeerState::ready ? PeerState::waiting : pair.state;
        emit(SetPeerState{.id = pair.id, .state = slot_state(state)});
    }
}

// Peers keep their way when nothing better is known.
void Planner::set_ways() {
    for (const Pair& pair : pairs_) {
        if (pair.id == 0) continue;
        const auto way = way_of(*pair.wanted);
        const PeerWay there = pair.slot ? pair.slot->way : PeerWay{};
        if (way && *way != there) emit(SetPeerWay{.id = pair.id, .way = *way});
    }
}

std::optional<PeerWay> Planner::way_of(const DesiredPeer& peer) const {
    const auto row = underlay_rows_.find(peer.underlay);
    if (row == underlay_rows_.end()) return std::nullopt;
    return PeerWay{.mtu = peer.mtu, .underlay = row->second};
}

// A new peer is flipped once, when all its prefixes are in place. One that takes prefixes over from
// a steered peer must be steered itself by then.
Planner::Moment Planner::promotion_moment(const Pair& pair) const {
    const auto takes_over = [&](const auto& entry) {
        const auto row = actual_.steering.prefixes.find(entry.first);
        return row != actual_.steering.prefixes.end() && row->second.peer != pair.id;
    };
    const bool early = pair.slot || std::ranges::any_of(pair.wanted->prefixes, takes_over);
    return early ? Moment::before_prefixes : Moment::after_prefixes;
}

void Planner::promote_peers(Moment moment) {
    for (const Pair& pair : pairs_) {
        if (pair.state != PeerState::ready || pair.id == 0) continue;
        const bool there = pair.slot && pair.slot->state == WGS_STATE_READY;
        if (!there && promotion_moment(pair) == moment) {
            emit(SetPeerState{.id = pair.id, .state = WGS_STATE_READY});
        }
    }
}

void Planner::withdraw_peers() {
    for (const Pair& pair : pairs_) {
        if (!pair.slot || pair.state == PeerState::ready) continue;
        const std::uint32_t state = slot_state(pair.state);
        if (pair.slot->state != state) emit(SetPeerState{.id = pair.id, .state = state});
    }
    if (!desired_.complete) return;
    for (const auto& [id, slot] : leavers_) {
        if (slot->state != WGS_STATE_GONE) emit(SetPeerState{.id = id, .state = WGS_STATE_GONE});
    }
}

// After withdraw_peers(): a record with a new key beside state `ready` would vouch for that key.
void Planner::update_records() {
    for (const Pair& pair : pairs_) {
        if (!sessions_possible(pair.wanted->tunnel)) continue;
        const PeerRecord record = record_of(pair);
        if (pair.slot && pair.slot->record != record) {
            emit(UpdateRecord{.id = pair.id, .record = record});
        }
    }
}

void Planner::release_ids() {
    if (!desired_.complete) return;
    for (const Leaver& leaver : leavers_)
        emit(ReleasePeer{.id = leaver.id});
}

}  // namespace wgs
