// SPDX-License-Identifier: Apache-2.0
// WireGuard's peers and their allowed IPs.
#include <algorithm>
#include <functional>

#include "maps/layout.h"
#include "plan/planner.h"

namespace wgs {
namespace {

// Older than REJECT_AFTER_TIME (whitepaper, section 6.1) a session carries nothing.
constexpr std::chrono::seconds kSessionLifetime{180};

}  // namespace

// New allowed IPs first, then those that move: a moving prefix may uncover a peer whose own, longer
// prefix must be there by then.
void Planner::add_sessions() {
    std::map<Prefix, PublicKey> holders;
    for (const auto& [key, session] : actual_.tunnel->sessions) {
        for (const Prefix& prefix : session.allowed_ips)
            holders.emplace(prefix, key);
    }
    std::vector<UpdateSession> moves;
    for (const auto& [name, pair] : pairs_) {
        if (!pair.wanted->public_key) continue;
        const PublicKey& key = *pair.wanted->public_key;
        const auto moves_in = [&](const Prefix& prefix) {
            const auto holder = holders.find(prefix);
            return holder != holders.end() && holder->second != key;
        };
        UpdateSession move{.update = {.public_key = key}};
        for (const auto& [prefix, prefix_class] : pair.wanted->prefixes) {
            if (moves_in(prefix)) move.update.add_allowed_ips.push_back(prefix);
        }
        add_session(pair, moves_in);
        if (!move.update.add_allowed_ips.empty()) moves.push_back(std::move(move));
    }
    for (UpdateSession& move : moves)
        emit(std::move(move));
}

bool Planner::endpoint_must_change(const Pair& pair) const {
    const std::optional<Endpoint>& wanted = pair.wanted->endpoint;
    if (pair.session->endpoint == wanted) return false;
    // A different endpoint was either learned from the peer's own packets, which then prove it, or
    // is one that the source has replaced since we wrote it.
    const bool source_changed = pair.slot && pair.slot->record.endpoint != wanted;
    const auto& handshake = pair.session->last_handshake;
    const bool fresh = handshake && now_ - *handshake < kSessionLifetime;
    return source_changed || !fresh;
}

// WireGuard keeps the source address by which it reached a peer, wireguard-go even when the address
// is no longer ours. Writing an endpoint, the same one too, makes it choose again.
bool Planner::own_address_left() const {
    if (!desired_.complete) return false;
    return std::ranges::any_of(actual_.steering.prefixes, [&](const auto& row) {
        return row.second == Owner{.peer = WGS_PEER_SELF, .prefix_class = PrefixClass::node} &&
               !desired_.self.contains(row.first);
    });
}

void Planner::add_session(const Pair& pair, const std::function<bool(const Prefix&)>& moves_in) {
    const DesiredPeer& wanted = *pair.wanted;
    PeerUpdate update{.public_key = *wanted.public_key};
    const bool restart = pair.session && wanted.handshake.restart;
    const bool anew = !pair.session || restart;
    if (anew || endpoint_must_change(pair)) {
        update.endpoint = wanted.endpoint;
    } else if (source_addresses_stale_) {
        update.endpoint = pair.session->endpoint;
    }
    if (anew || pair.session->keepalive != wanted.handshake.keepalive) {
        update.keepalive = wanted.handshake.keepalive;
    }
    for (const auto& [prefix, prefix_class] : wanted.prefixes) {
        const bool there = !anew && pair.session->allowed_ips.contains(prefix);
        if (!there && !moves_in(prefix)) update.add_allowed_ips.push_back(prefix);
    }
    if (restart) {
        emit(RestartSession{.update = std::move(update)});
    } else if (anew || update != PeerUpdate{.public_key = *wanted.public_key}) {
        emit(UpdateSession{.update = std::move(update)});
    }
}

void Planner::remove_sessions() {
    if (!desired_.complete) return;
    for (const auto& [key, session] : actual_.tunnel->sessions) {
        if (by_key_.contains(key)) {
            remove_allowed_ips(key, session);
        } else {
            emit(RemoveSession{.public_key = key});
        }
    }
}

void Planner::remove_allowed_ips(const PublicKey& key, const Session& session) {
    const DesiredPeer& wanted = *by_key_.at(key);
    if (wanted.handshake.restart) return;  // was added anew with what it should have
    RemoveAllowedIps removal{.public_key = key};
    for (const Prefix& prefix : session.allowed_ips) {
        if (wanted.prefixes.contains(prefix)) continue;
        const bool moved = std::ranges::any_of(
            by_key_, [&](const auto& entry) { return entry.second->prefixes.contains(prefix); });
        if (!moved) removal.prefixes.push_back(prefix);
    }
    if (!removal.prefixes.empty()) emit(std::move(removal));
}

}  // namespace wgs
