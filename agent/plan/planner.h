// SPDX-License-Identifier: Apache-2.0
// One making of a plan: what plan() in plan.h promises, taken apart. Internal to this directory.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plan/plan.h"

namespace wgs {

class Planner {
  public:
    Planner(const DesiredState& desired, const ActualState& actual, Clock::time_point now,
            const Scope& scope);

    Plan run();

  private:
    // One desired peer, with what is there of it.
    struct Pair {
        const DesiredPeer* wanted = nullptr;
        PeerId id = 0;                   // 0: no id is free
        const PeerSlot* slot = nullptr;  // none: to be bound
        const Session* session = nullptr;
        PeerState state = PeerState::no_key;
    };
    // A bound id in the scope for which there is no desired peer.
    struct Leaver {
        PeerId id = 0;
        const PeerSlot* slot = nullptr;
    };
    // One prefix in the scope.
    struct Row {
        Prefix prefix;
        std::optional<Owner> wanted;
        std::optional<Owner> there;
        std::optional<std::uint32_t> watched;  // enum wgs_watch
    };
    struct WatchChange {
        Prefix prefix;
        std::optional<std::uint32_t> there;
        std::optional<std::uint32_t> wanted;
        [[nodiscard]] std::uint32_t common() const {
            return there.value_or(0) & wanted.value_or(0);
        }
    };
    struct SessionKey {
        TunnelIndex tunnel = 0;
        PublicKey key;
        auto operator<=>(const SessionKey&) const = default;
    };
    // A session in the scope.
    using NamedSession = std::pair<SessionKey, const Session*>;
    // A prefix in a tunnel.
    struct TunnelPrefix {
        TunnelIndex tunnel = 0;
        Prefix prefix;
        auto operator<=>(const TunnelPrefix&) const = default;
    };

    void match_peers();
    void find_leavers();
    void match_sessions();
    void decide_states();
    [[nodiscard]] PeerState state_of(const Pair& pair) const;
    [[nodiscard]] PeerRecord record_of(const Pair& pair) const;

    enum class Moment { before_prefixes, after_prefixes };

    bool destroy_tunnels();
    void tunnels();
    void tunnel(TunnelIndex index);
    void free_tunnels();
    void set_tunnel_entries();
    void number_underlays();
    void set_underlays();
    void free_underlays();
    void set_bypass();
    void hooks();
    void replace_hooks();
    void want_guards(std::vector<Hook>& wanted);
    [[nodiscard]] LocalPods servable_pods() const;
    void withdraw_pods();
    void serve_pods();
    void bind_peers();
    void set_ways();
    [[nodiscard]] std::optional<PeerWay> way_of(const DesiredPeer& peer) const;
    void add_sessions(TunnelIndex tunnel);
    [[nodiscard]] PeerUpdate settings_of(const Pair& pair) const;
    [[nodiscard]] bool endpoint_must_change(const Pair& pair) const;
    [[nodiscard]] bool own_address_left() const;
    [[nodiscard]] const PublicKey* holder_of(const TunnelPrefix& prefix);
    void find_holders();
    void add_to(UpdateSessions& batch, PeerUpdate update);
    static SessionKey key_of(const Pair& pair) {
        return {.tunnel = pair.wanted->tunnel, .key = *pair.wanted->public_key};
    }
    [[nodiscard]] std::vector<SessionKey> keys_in_scope() const;
    [[nodiscard]] std::vector<PrefixRow> wanted_prefixes() const;
    void gather_rows();
    void gather_all_rows(const std::vector<PrefixRow>& wanted);
    void gather_rows_in_scope(const std::vector<PrefixRow>& wanted);
    void point_prefixes();
    void remove_prefixes();
    [[nodiscard]] std::optional<Owner> leftover(const Row& row) const;
    void withdraw_peers();
    void update_records();
    void remove_sessions();
    void remove_allowed_ips(const Session& session, const DesiredPeer& wanted);
    void promote_peers(Moment moment);
    [[nodiscard]] Moment promotion_moment(const Pair& pair) const;
    void release_ids();
    void find_steered_peers();
    [[nodiscard]] bool is_steered(PeerId id) const;
    [[nodiscard]] std::optional<std::uint32_t> wanted_watch(const Row& row) const;
    void compare_watch();
    void weaken_watch();
    void strengthen_watch();
    void set_watched(const std::vector<WatchRow>& rows);

    // The device is there with our key: its sessions are worth looking at.
    [[nodiscard]] bool sessions_possible(TunnelIndex tunnel) const {
        return actual_.tunnel_with(tunnel, desired_.tunnels[tunnel].public_key) != nullptr;
    }
    [[nodiscard]] const Session* find_session(const SessionKey& key) const;
    [[nodiscard]] const Pair* pair_with(const SessionKey& key) const;
    [[nodiscard]] bool pod_is_served(std::uint32_t ifindex) const;
    void emit(Step step) { plan_.steps.push_back(std::move(step)); }

    // A step with more is taken apart, lest it take long. WireGuard has more to do for a peer or an
    // allowed IP, a handshake for instance, than a table for a row.
    static constexpr std::size_t kBatch = 1024;
    static constexpr std::size_t kSessionBatch = 256;
    // Steps of kBatch items each; make_step() gets a vector of them.
    template <class Item, class MakeStep>
    void emit_many(std::span<const Item> items, const MakeStep& make_step) {
        for (std::size_t at = 0; at < items.size(); at += kBatch) {
            const auto part = items.subspan(at, std::min(kBatch, items.size() - at));
            emit(make_step(std::vector<Item>(part.begin(), part.end())));
        }
    }

    const DesiredState& desired_;
    const ActualState& actual_;
    Clock::time_point now_;
    const Scope& scope_;
    bool source_addresses_stale_;
    LocalPods pods_;
    std::vector<Pair> pairs_;          // by name and tunnel
    std::vector<const Pair*> by_key_;  // by SessionKey: those to be programmed
    std::vector<Leaver> leavers_;
    std::vector<NamedSession> sessions_;                                      // by key
    std::optional<std::vector<std::pair<TunnelPrefix, PublicKey>>> holders_;  // of sessions_
    std::vector<TunnelPrefix> moved_;                      // allowed IPs that change hands
    std::size_t batch_size_ = 0;                           // of what add_to() has collected
    std::map<std::uint32_t, std::uint8_t> underlay_rows_;  // by index of the device
    std::vector<Row> rows_;                                // by prefix
    std::vector<std::pair<PeerId, bool>> steered_;         // of the ids in the scope
    std::vector<WatchChange> watch_changes_;
    std::vector<Hook> to_replace_;  // once the new tables are filled
    Plan plan_;
};

}  // namespace wgs
