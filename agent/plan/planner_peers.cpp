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

void Planner::assign_ids() {
    std::map<std::string_view, PeerId> bound;
    for (const auto& [id, slot] : actual_.steering.slots)
        bound.emplace(slot.record.name, id);

    PeerId candidate = WGS_PEER_FIRST;
    const auto next_free = [&]() -> PeerId {
        while (actual_.steering.slots.contains(candidate))
            ++candidate;
        return candidate < WGS_PEER_FIRST + desired_.max_peers ? candidate++ : 0;
    };
    for (const auto& [name, wanted] : desired_.peers) {
        Pair pair{.wanted = &wanted};
        const auto known = bound.find(name);
        pair.id = known != bound.end() ? known->second : next_free();
        if (known != bound.end()) pair.slot = &actual_.steering.slots.at(pair.id);
        if (pair.id == 0) plan_.problems.push_back("no free peer id for " + name);
        pairs_.emplace(name, pair);
    }
}

void Planner::decide_states() {
    for (auto& [name, pair] : pairs_) {
        if (pair.wanted->public_key) {
            by_key_.emplace(*pair.wanted->public_key, pair.wanted);
            if (sessions_possible()) {
                const auto found = actual_.tunnel->sessions.find(*pair.wanted->public_key);
                if (found != actual_.tunnel->sessions.end()) pair.session = &found->second;
            }
        }
        pair.state = state_of(pair);
        plan_.states.emplace(name, pair.state);
    }
}

PeerState Planner::state_of(const Pair& pair) const {
    const DesiredPeer& wanted = *pair.wanted;
    if (!wanted.public_key) return wanted.unprogrammed;
    if (pair.session && pair.session->last_handshake) return PeerState::ready;
    // The device or the session was lost and made anew: the peer still knows our key.
    const bool own_key_kept = !actual_.tunnel || sessions_possible();
    const bool was_ready = pair.slot && pair.slot->state == WGS_STATE_READY &&
                           pair.slot->record.public_key == *wanted.public_key;
    const bool trusted = was_ready && own_key_kept && wanted.handshake.trust_previous;
    return trusted ? PeerState::ready : PeerState::waiting;
}

PeerRecord Planner::record_of(const std::string& name, const Pair& pair) const {
    return {.name = name,
            .public_key = pair.wanted->public_key.value_or(PublicKey{}),
            .endpoint = pair.wanted->endpoint};
}

void Planner::bind_peers() {
    for (const auto& [name, pair] : pairs_) {
        if (pair.slot || pair.id == 0) continue;
        emit(BindPeer{.id = pair.id, .record = record_of(name, pair)});
        const PeerState state = pair.state == PeerState::ready ? PeerState::waiting : pair.state;
        emit(SetPeerState{.id = pair.id, .state = slot_state(state)});
    }
}

// Peers keep their way when nothing better is known.
void Planner::set_ways() {
    for (const auto& [name, pair] : pairs_) {
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
    for (const auto& [name, pair] : pairs_) {
        if (pair.state != PeerState::ready || pair.id == 0) continue;
        const bool there = pair.slot && pair.slot->state == WGS_STATE_READY;
        if (!there && promotion_moment(pair) == moment) {
            emit(SetPeerState{.id = pair.id, .state = WGS_STATE_READY});
        }
    }
}

void Planner::withdraw_peers() {
    for (const auto& [name, pair] : pairs_) {
        if (!pair.slot || pair.state == PeerState::ready) continue;
        const std::uint32_t state = slot_state(pair.state);
        if (pair.slot->state != state) emit(SetPeerState{.id = pair.id, .state = state});
    }
    if (!desired_.complete) return;
    for (const auto& [id, slot] : actual_.steering.slots) {
        const auto pair = pairs_.find(slot.record.name);
        const bool ours = pair != pairs_.end() && pair->second.id == id;
        if (!ours && slot.state != WGS_STATE_GONE) {
            emit(SetPeerState{.id = id, .state = WGS_STATE_GONE});
        }
    }
}

// After withdraw_peers(): a record with a new key beside state `ready` would vouch for that key.
void Planner::update_records() {
    if (!sessions_possible()) return;
    for (const auto& [name, pair] : pairs_) {
        const PeerRecord record = record_of(name, pair);
        if (pair.slot && pair.slot->record != record) {
            emit(UpdateRecord{.id = pair.id, .record = record});
        }
    }
}

void Planner::release_ids() {
    if (!desired_.complete) return;
    for (const auto& [id, slot] : actual_.steering.slots) {
        const auto pair = pairs_.find(slot.record.name);
        const bool ours = pair != pairs_.end() && pair->second.id == id;
        if (!ours) emit(ReleasePeer{.id = id});
    }
}

}  // namespace wgs
