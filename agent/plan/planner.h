// SPDX-License-Identifier: Apache-2.0
// One making of a plan: what plan() in plan.h promises, taken apart. Internal to this directory.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plan/plan.h"

namespace wgs {

class Planner {
  public:
    Planner(const DesiredState& desired, const ActualState& actual, Clock::time_point now)
        : desired_(desired),
          actual_(actual),
          now_(now),
          source_addresses_stale_(own_address_left()),
          pods_(servable_pods()) {}

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

    // Flags are of enum wgs_watch.
    using WatchRows = std::vector<std::pair<Prefix, std::uint32_t>>;  // sorted
    struct WatchChange {
        Prefix prefix;
        std::optional<std::uint32_t> there;
        std::optional<std::uint32_t> wanted;
        [[nodiscard]] std::uint32_t common() const {
            return there.value_or(0) & wanted.value_or(0);
        }
    };

    void assign_ids();
    void decide_states();
    [[nodiscard]] PeerState state_of(const Pair& pair) const;
    [[nodiscard]] PeerRecord record_of(const std::string& name, const Pair& pair) const;

    enum class Moment { before_prefixes, after_prefixes };

    void tunnel();
    void number_underlays();
    void set_underlays();
    void free_underlays();
    void set_bypass();
    void hooks();
    void want_guards(std::vector<Hook>& wanted);
    [[nodiscard]] LocalPods servable_pods() const;
    void withdraw_pods();
    void serve_pods();
    void bind_peers();
    void set_ways();
    [[nodiscard]] std::optional<PeerWay> way_of(const DesiredPeer& peer) const;
    void add_sessions();
    void add_session(const Pair& pair, const std::function<bool(const Prefix&)>& moves_in);
    [[nodiscard]] bool endpoint_must_change(const Pair& pair) const;
    [[nodiscard]] bool own_address_left() const;
    void point_prefixes(const std::map<Prefix, Owner>& wanted);
    void remove_prefixes(const std::map<Prefix, Owner>& wanted);
    void withdraw_peers();
    void update_records();
    void remove_sessions();
    void remove_allowed_ips(const PublicKey& key, const Session& session);
    void promote_peers(Moment moment);
    [[nodiscard]] Moment promotion_moment(const Pair& pair) const;
    void release_ids();
    [[nodiscard]] std::set<PeerId> steered_peers() const;
    [[nodiscard]] WatchRows wanted_watch(const std::map<Prefix, Owner>& prefixes) const;
    void compare_watch(const std::map<Prefix, Owner>& prefixes);
    void weaken_watch();
    void strengthen_watch();

    // The device is there with our key: its sessions are worth looking at.
    [[nodiscard]] bool sessions_possible() const {
        return actual_.tunnel && actual_.tunnel->public_key == desired_.public_key;
    }
    [[nodiscard]] bool pod_is_served(std::uint32_t ifindex) const;
    void emit(Step step) { plan_.steps.push_back(std::move(step)); }
    [[nodiscard]] std::map<Prefix, Owner> wanted_prefixes() const;
    [[nodiscard]] std::optional<Owner> leftover(const Prefix& prefix, const Owner& owner) const;

    const DesiredState& desired_;
    const ActualState& actual_;
    Clock::time_point now_;
    bool source_addresses_stale_;
    LocalPods pods_;
    std::map<std::string, Pair> pairs_;
    std::map<std::uint32_t, std::uint8_t> underlay_rows_;  // by index of the device
    std::map<PublicKey, const DesiredPeer*> by_key_;
    std::vector<WatchChange> watch_changes_;
    Plan plan_;
};

}  // namespace wgs
