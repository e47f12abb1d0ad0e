// SPDX-License-Identifier: Apache-2.0
// Observe, plan, apply: the one path by which the kernel is changed, at start-up, on events, on a
// timer and after any failure.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/config.h"
#include "model/peer_cache.h"
#include "model/ports.h"
#include "plan/effort.h"
#include "plan/handshake.h"
#include "plan/health.h"
#include "plan/meddling.h"
#include "plan/plan.h"

namespace wgs {

struct Now {
    std::chrono::steady_clock::time_point steady;
    Clock::time_point wall;
};

// How much of the kernel is read before planning. What is not read is taken to be as this agent
// left it.
enum class Look {
    nowhere,    // the source has told something
    devices,    // links, pods or hooks may have changed
    everywhere  // and anything else, by whomever
};

// A peer which is no longer in the state in which it was.
struct Transition {
    PeerName name;
    std::optional<PeerState> before;  // none: it is new
    std::optional<PeerState> after;   // none: it has left
};

class Reconciler {
  public:
    // All are borrowed and must outlive this object.
    struct Environment {
        std::vector<std::reference_wrapper<WireguardDevice>> tunnels;  // by TunnelIndex
        Steering& steering;
        Links& links;
    };

    // A run ends when it has changed the kernel for this long, and the next one goes on.
    static constexpr std::chrono::milliseconds kSlice{50};

    // `own_keys` are by TunnelIndex.
    Reconciler(const Config& config, const std::vector<PublicKey>& own_keys, PeerCache& cache,
               Environment environment);

    // From the next plan on, which comprises everything. They are borrowed; to be called again when
    // they change.
    void use_secrets(const ClusterSecrets& secrets) {
        secrets_ = &secrets;
        everything_changed_ = true;
    }
    // Brings the kernel to what the cache and the configuration want, at the cost of what has
    // changed where that is known. On error some steps may have been applied; the next run looks
    // everywhere and goes on from there.
    Status run(const Now& now, Look look);

    // Of the plan that is being carried out; nothing of nothing when there is none.
    struct Progress {
        std::size_t done = 0;
        std::size_t steps = 0;
    };
    [[nodiscard]] Progress progress() const {
        return {.done = next_step_, .steps = plan_.steps.size()};
    }
    // Steps of a long plan are left for the next run.
    [[nodiscard]] bool busy() const { return next_step_ < plan_.steps.size(); }
    // The source is still telling, and what it has told since the last plan is left until then.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> gathers_until() const {
        return gathers_until_;
    }
    // Whether the last run ended with nothing left to do.
    [[nodiscard]] bool in_sync() const { return in_sync_; }
    // What is there, as last observed and as changed by this agent since.
    [[nodiscard]] const ActualState& actual() const { return actual_; }
    // By name, as of the last plan.
    [[nodiscard]] const PeerStates& states() const { return states_; }
    // Since the last call.
    [[nodiscard]] std::vector<Transition> take_transitions() {
        return std::exchange(transitions_, {});
    }
    // What no step can mend, and what nobody asked for, one line each.
    [[nodiscard]] std::vector<std::string> problems() const;
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
    // Changes made since the start: rows, sessions, hooks.
    [[nodiscard]] std::uint64_t changes_made() const { return changes_made_; }
    // For how long the newest peer that waits for a handshake has done so; none: nobody waits.
    [[nodiscard]] std::optional<std::chrono::steady_clock::duration> newest_wait(
        std::chrono::steady_clock::time_point now) const;
    [[nodiscard]] const ReconcilerEffort& effort() const { return effort_; }
    // Since when a peer with this key waits for its first handshake; none: it does not.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> waits_since(
        TunnelIndex tunnel, const PublicKey& key) const {
        return handshakes_[tunnel].waits_since(key);
    }
    // By key, those of proven sessions that no longer answer.
    [[nodiscard]] const std::map<PublicKey, Ailment>& ailments(TunnelIndex tunnel) const {
        return health_[tunnel].ailments();
    }
    // Hooks of ours that somebody else took from devices which are still there, since the last
    // call.
    [[nodiscard]] std::vector<Hook> take_lost_hooks() { return std::exchange(lost_hooks_, {}); }
    // What somebody else did to tunnels that were in order, since the last call.
    [[nodiscard]] std::vector<Meddling> take_meddling() { return std::exchange(meddling_, {}); }
    // CPU time of this process for the last look everywhere and the plan that followed.
    [[nodiscard]] std::chrono::nanoseconds cost_of_looking() const { return cost_of_looking_; }

  private:
    Status settle(const Now& now);
    [[nodiscard]] bool gathers(const Now& now);
    Result<bool> find_work(const Now& now);
    Status observe(const Now& now, Look look);
    Status observe_devices();
    void prefer_what_is_on_link();
    void follow_hooks(const HookState& before);
    Result<bool> tunnels_are_as_known();
    Status observe_tunnels();
    Status observe_all();
    Status find_routes(const Scope& scope);
    [[nodiscard]] Scope take_scope();
    void make_plan(const Now& now, const Scope& scope);
    void follow_handshakes(const Now& now, const Scope& scope);
    void follow_handshakes(const Now& now, const Scope& scope, TunnelIndex tunnel);
    void follow_states(const Scope& scope);
    void follow_problems(const Scope& scope);
    Status apply_plan();
    Status apply_slice(std::chrono::steady_clock::time_point begin);

    const Config& config_;
    PeerCache& cache_;
    Environment environment_;
    std::vector<HandshakeDriver> handshakes_;  // by TunnelIndex
    std::vector<HealthDriver> health_;         // likewise
    const ClusterSecrets* secrets_ = nullptr;  // none: no pre-shared keys
    ActualState actual_;
    bool watched_is_known_ = false;   // else it must be observed before it is believed
    Now observed_{};                  // when all else was observed
    Look due_ = Look::everywhere;     // before the next plan
    bool everything_changed_ = true;  // the next plan must comprise all
    bool devices_changed_ = true;     // or the devices
    Routes routes_;
    Plan plan_;
    std::size_t next_step_ = 0;
    std::optional<std::chrono::steady_clock::time_point> gathers_until_;
    PeerStates states_;
    std::vector<Transition> transitions_;
    std::vector<Hook> lost_hooks_;
    std::vector<Meddling> meddling_;
    bool was_in_sync_ = false;  // nothing has been observed or done since
    std::vector<std::string> device_problems_;
    std::vector<PeerName> homeless_;  // peers without an id
    std::vector<std::string> notes_;
    bool in_sync_ = false;
    std::uint64_t changes_made_ = 0;
    std::chrono::nanoseconds cost_of_looking_{0};
    ReconcilerEffort effort_;
};

}  // namespace wgs
