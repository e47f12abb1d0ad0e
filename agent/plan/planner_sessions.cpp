// SPDX-License-Identifier: Apache-2.0
// WireGuard's peers and their allowed IPs.
#include <algorithm>

#include "maps/layout.h"
#include "plan/planner.h"

namespace wgs {
namespace {

// Older than REJECT_AFTER_TIME (whitepaper, section 6.1) a session carries nothing.
constexpr std::chrono::seconds kSessionLifetime{180};

}  // namespace

// Null: there is none, or it may not be looked at.
const Session* Planner::find_session(const SessionKey& key) const {
    if (key.tunnel >= desired_.tunnels.size() || !sessions_possible(key.tunnel)) return nullptr;
    const auto& sessions = actual_.tunnel(key.tunnel)->sessions;
    const auto found = sessions.find(key.key);
    return found == sessions.end() ? nullptr : &found->second;
}

void Planner::match_sessions() {
    for (Pair& pair : pairs_) {
        if (!pair.wanted->public_key) continue;
        by_key_.push_back(&pair);
        pair.session = find_session(key_of(pair));
    }
    std::ranges::sort(by_key_, {}, [](const Pair* pair) { return key_of(*pair); });
    if (!scope_.everything) {
        for (const SessionKey& key : keys_in_scope()) {
            if (const Session* session = find_session(key)) sessions_.emplace_back(key, session);
        }
        return;
    }
    for (TunnelIndex tunnel = 0; tunnel < desired_.tunnels.size(); ++tunnel) {
        if (!sessions_possible(tunnel)) continue;
        for (const auto& [key, session] : actual_.tunnel(tunnel)->sessions)
            sessions_.emplace_back(SessionKey{.tunnel = tunnel, .key = key}, &session);
    }
}

// Those which the peers have and had; sorted.
std::vector<Planner::SessionKey> Planner::keys_in_scope() const {
    std::vector<SessionKey> keys;
    const auto add_old = [&](const PeerRecord& record) {
        keys.push_back({.tunnel = record.tunnel, .key = record.public_key});
    };
    for (const Pair& pair : pairs_) {
        if (pair.wanted->public_key) keys.push_back(key_of(pair));
        if (pair.slot) add_old(pair.slot->record);
    }
    for (const Leaver& leaver : leavers_)
        add_old(leaver.slot->record);
    std::ranges::sort(keys);
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
}

const Planner::Pair* Planner::pair_with(const SessionKey& key) const {
    const auto found =
        std::ranges::lower_bound(by_key_, key, {}, [](const Pair* pair) { return key_of(*pair); });
    const bool match = found != by_key_.end() && key_of(**found) == key;
    return match ? *found : nullptr;
}

void Planner::find_holders() {
    holders_.emplace();
    for (const auto& [key, session] : sessions_) {
        for (const Prefix& prefix : session->allowed_ips)
            holders_->push_back({{.tunnel = key.tunnel, .prefix = prefix}, key.key});
    }
    std::ranges::sort(*holders_);
}

// Null: nobody.
const PublicKey* Planner::holder_of(const TunnelPrefix& prefix) {
    if (!holders_) find_holders();
    const auto prefix_of = [](const auto& row) -> const TunnelPrefix& { return row.first; };
    const auto found = std::ranges::lower_bound(*holders_, prefix, {}, prefix_of);
    return found != holders_->end() && found->first == prefix ? &found->second : nullptr;
}

// New allowed IPs first, then those that move: a moving prefix may uncover a peer whose own, longer
// prefix must be there by then.
void Planner::add_sessions(TunnelIndex tunnel) {
    UpdateSessions additions{.tunnel = tunnel};
    UpdateSessions moves{.tunnel = tunnel};
    batch_size_ = 0;
    for (const Pair& pair : pairs_) {
        if (pair.wanted->tunnel != tunnel || !pair.wanted->public_key) continue;
        const bool restart = pair.session && pair.wanted->handshake.restart;
        PeerUpdate addition = settings_of(pair);
        PeerUpdate move{.public_key = addition.public_key};
        for (const auto& [prefix, prefix_class] : pair.wanted->prefixes) {
            if (pair.session && pair.session->allowed_ips.contains(prefix)) {
                if (restart) addition.add_allowed_ips.push_back(prefix);
            } else if (const PublicKey* holder = holder_of({tunnel, prefix})) {
                moves.taken.push_back({.prefix = prefix, .holder = *holder});
                move.add_allowed_ips.push_back(prefix);
                moved_.push_back({tunnel, prefix});
            } else {
                addition.add_allowed_ips.push_back(prefix);
            }
        }
        if (restart) {
            emit(RestartSession{.tunnel = tunnel, .update = std::move(addition)});
        } else if (!pair.session || addition != PeerUpdate{.public_key = addition.public_key}) {
            add_to(additions, std::move(addition));
        }
        if (!move.add_allowed_ips.empty()) moves.updates.push_back(std::move(move));
    }
    if (!additions.updates.empty()) emit(std::move(additions));
    if (!moves.updates.empty()) emit(std::move(moves));
}

// Emits the batch first if it is full.
void Planner::add_to(UpdateSessions& batch, PeerUpdate update) {
    batch_size_ += 1 + update.add_allowed_ips.size();
    if (batch_size_ > kSessionBatch && !batch.updates.empty()) {
        emit(std::exchange(batch, {.tunnel = batch.tunnel}));
        batch_size_ = 1 + update.add_allowed_ips.size();
    }
    batch.updates.push_back(std::move(update));
}

// Endpoint, keepalive and pre-shared key, as far as they must be written.
PeerUpdate Planner::settings_of(const Pair& pair) const {
    const DesiredPeer& wanted = *pair.wanted;
    PeerUpdate update{.public_key = *wanted.public_key};
    const bool anew = !pair.session || wanted.handshake.restart;
    if (anew || endpoint_must_change(pair)) {
        update.endpoint = wanted.endpoint;
    } else if (source_addresses_stale_) {
        update.endpoint = pair.session->endpoint;
    }
    if (anew || pair.session->keepalive != wanted.handshake.keepalive)
        update.keepalive = wanted.handshake.keepalive;
    const KeyPrint there = anew ? KeyPrint{} : pair.session->preshared_key;
    if (wanted.preshared_key.print() != there) update.preshared_key = wanted.preshared_key;
    return update;
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
    if (!desired_.complete || !scope_.everything) return false;
    return std::ranges::any_of(actual_.steering.prefixes, [&](const auto& row) {
        return row.second == Owner{.peer = WGS_PEER_SELF, .prefix_class = PrefixClass::node} &&
               !desired_.self.contains(row.first);
    });
}

void Planner::remove_sessions() {
    if (!desired_.complete) return;
    std::ranges::sort(moved_);
    for (const auto& [key, session] : sessions_) {
        if (const Pair* pair = pair_with(key)) {
            remove_allowed_ips(*session, *pair->wanted);
        } else {
            emit(RemoveSession{.tunnel = key.tunnel, .public_key = key.key});
        }
    }
}

void Planner::remove_allowed_ips(const Session& session, const DesiredPeer& wanted) {
    if (wanted.handshake.restart) return;  // was added anew with what it should have
    RemoveAllowedIps removal{.tunnel = wanted.tunnel, .public_key = *wanted.public_key};
    for (const Prefix& prefix : session.allowed_ips) {
        const bool keeps = std::ranges::binary_search(wanted.prefixes, prefix, {},
                                                      &std::pair<Prefix, PrefixClass>::first);
        if (!keeps && !std::ranges::binary_search(moved_, TunnelPrefix{wanted.tunnel, prefix}))
            removal.prefixes.push_back(prefix);
    }
    if (!removal.prefixes.empty()) emit(std::move(removal));
}

}  // namespace wgs
