// SPDX-License-Identifier: Apache-2.0
#include "plan/plan.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "maps/layout.h"

namespace wgs {
namespace {

// Older than REJECT_AFTER_TIME (whitepaper, section 6.1) a session carries nothing.
constexpr std::chrono::seconds kSessionLifetime{180};

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

bool covered_by_other(const std::set<Prefix>& covers, const Prefix& prefix) {
    return std::ranges::any_of(
        covers, [&](const Prefix& cover) { return cover != prefix && cover.contains(prefix); });
}

class Planner {
  public:
    Planner(const DesiredState& desired, const ActualState& actual, Clock::time_point now)
        : desired_(desired),
          actual_(actual),
          now_(now),
          source_addresses_stale_(own_address_left()) {}

    Plan run() {
        assign_ids();
        decide_states();
        tunnel();
        hooks();
        bind_peers();
        if (sessions_possible()) add_sessions();
        promote_peers(Moment::before_prefixes);
        point_prefixes();
        remove_prefixes();
        withdraw_peers();
        update_records();
        if (sessions_possible()) remove_sessions();
        promote_peers(Moment::after_prefixes);
        release_ids();
        return std::move(plan_);
    }

  private:
    // One desired peer, with what is there of it.
    struct Pair {
        const DesiredPeer* wanted = nullptr;
        PeerId id = 0;                   // 0: no id is free
        const PeerSlot* slot = nullptr;  // none: to be bound
        const Session* session = nullptr;
        PeerState state = PeerState::no_key;
    };

    void assign_ids();
    void decide_states();
    [[nodiscard]] PeerState state_of(const Pair& pair) const;
    [[nodiscard]] PeerRecord record_of(const std::string& name, const Pair& pair) const;

    enum class Moment { before_prefixes, after_prefixes };

    void tunnel();
    void hooks();
    void bind_peers();
    void add_sessions();
    void add_session(const Pair& pair, const std::function<bool(const Prefix&)>& moves_in);
    [[nodiscard]] bool endpoint_must_change(const Pair& pair) const;
    [[nodiscard]] bool own_address_left() const;
    void point_prefixes();
    void remove_prefixes();
    void withdraw_peers();
    void update_records();
    void remove_sessions();
    void remove_allowed_ips(const PublicKey& key, const Session& session);
    void promote_peers(Moment moment);
    [[nodiscard]] Moment promotion_moment(const Pair& pair) const;
    void release_ids();

    // The device is there with our key: its sessions are worth looking at.
    [[nodiscard]] bool sessions_possible() const {
        return actual_.tunnel && actual_.tunnel->public_key == desired_.public_key;
    }
    void emit(Step step) { plan_.steps.push_back(std::move(step)); }
    [[nodiscard]] std::map<Prefix, Owner> wanted_prefixes() const;

    const DesiredState& desired_;
    const ActualState& actual_;
    Clock::time_point now_;
    bool source_addresses_stale_;
    std::map<std::string, Pair> pairs_;
    std::map<PublicKey, const DesiredPeer*> by_key_;
    Plan plan_;
};

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

void Planner::tunnel() {
    if (!actual_.tunnel) {
        emit(CreateTunnel{});
        emit(ConfigureTunnel{.settings = desired_.tunnel});
        return;
    }
    const TunnelState& there = *actual_.tunnel;
    if (there.public_key != desired_.public_key) {
        // What these sessions proved, they proved with another key of ours.
        for (const auto& [key, session] : there.sessions)
            emit(RemoveSession{.public_key = key});
    }
    const TunnelSettings settings{.port = there.port, .fwmark = there.fwmark, .mtu = there.mtu};
    if (there.public_key != desired_.public_key || settings != desired_.tunnel || !there.up) {
        emit(ConfigureTunnel{.settings = desired_.tunnel});
    }
}

void Planner::hooks() {
    std::vector<Hook> wanted;  // in the order of attaching: the way in before the way out
    for (const Underlay& underlay : actual_.underlays) {
        wanted.push_back({.ifindex = underlay.ifindex, .point = HookPoint::nic_in});
    }
    if (actual_.tunnel) {
        TunnelEntry entry{.ifindex = actual_.tunnel->ifindex,
                          .port = desired_.tunnel.port,
                          .mtu = desired_.tunnel.mtu};
        if (!actual_.underlays.empty()) {
            entry.underlay_ifindex = actual_.underlays.front().ifindex;
            entry.underlay_mac = actual_.underlays.front().mac;
        }
        if (entry != actual_.steering.tunnel) emit(SetTunnelEntry{.entry = entry});
        wanted.push_back({.ifindex = actual_.tunnel->ifindex, .point = HookPoint::wg_in});
    }
    for (const Underlay& underlay : actual_.underlays) {
        wanted.push_back({.ifindex = underlay.ifindex, .point = HookPoint::nic_out});
    }
    for (const Hook& hook : wanted) {
        if (!actual_.steering.hooks.contains(hook)) emit(AttachHook{.hook = hook});
    }
    for (const Hook& hook : actual_.steering.hooks) {
        const bool keep = std::ranges::find(wanted, hook) != wanted.end();
        if (!keep) emit(DetachHook{.hook = hook});
    }
}

void Planner::bind_peers() {
    for (const auto& [name, pair] : pairs_) {
        if (pair.slot || pair.id == 0) continue;
        emit(BindPeer{.id = pair.id, .record = record_of(name, pair)});
        const PeerState state = pair.state == PeerState::ready ? PeerState::waiting : pair.state;
        emit(SetPeerState{.id = pair.id, .state = slot_state(state)});
    }
}

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
void Planner::point_prefixes() {
    std::vector<SetPrefix> steps;
    for (const auto& [prefix, owner] : wanted_prefixes()) {
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

void Planner::remove_prefixes() {
    if (!desired_.complete) return;
    const std::map<Prefix, Owner> wanted = wanted_prefixes();
    for (const auto& [prefix, owner] : actual_.steering.prefixes) {
        if (wanted.contains(prefix)) continue;
        const bool was_peers = owner.peer >= WGS_PEER_FIRST || owner.peer == WGS_PEER_GONE;
        const bool keep_closed = desired_.policy == Policy::require && was_peers &&
                                 !covered_by_other(desired_.cluster, prefix);
        if (!keep_closed) {
            emit(RemovePrefix{.prefix = prefix});
        } else if (owner.peer != WGS_PEER_GONE) {
            emit(SetPrefix{.prefix = prefix,
                           .owner = {.peer = WGS_PEER_GONE, .prefix_class = owner.prefix_class}});
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

void Planner::release_ids() {
    if (!desired_.complete) return;
    for (const auto& [id, slot] : actual_.steering.slots) {
        const auto pair = pairs_.find(slot.record.name);
        const bool ours = pair != pairs_.end() && pair->second.id == id;
        if (!ours) emit(ReleasePeer{.id = id});
    }
}

}  // namespace

Plan plan(const DesiredState& desired, const ActualState& actual, Clock::time_point now) {
    return Planner(desired, actual, now).run();
}

}  // namespace wgs
