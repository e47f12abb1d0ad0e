// SPDX-License-Identifier: Apache-2.0
// Observe, plan, apply: the one path by which the kernel is changed, at start-up, on events, on a
// timer and after any failure.
#pragma once

#include <chrono>

#include "model/config.h"
#include "model/peer_cache.h"
#include "model/ports.h"
#include "plan/handshake.h"
#include "plan/plan.h"

namespace wgs {

struct Now {
    std::chrono::steady_clock::time_point steady;
    Clock::time_point wall;
};

class Reconciler {
  public:
    // All are borrowed and must outlive this object.
    struct Environment {
        WireguardDevice& wireguard;
        Steering& steering;
        Links& links;
    };

    Reconciler(const Config& config, const PublicKey& own_key, const PeerCache& cache,
               Environment environment)
        : config_(config),
          own_key_(own_key),
          cache_(cache),
          environment_(environment),
          handshakes_(own_key, config.wireguard.keepalive) {}

    // Brings the kernel to what the cache and the configuration want. On error some steps may have
    // been applied; calling again goes on from there.
    Status run(const Now& now);

    // Whether the last run ended with nothing left to do.
    [[nodiscard]] bool in_sync() const { return in_sync_; }
    // What was there at the end of the last run.
    [[nodiscard]] const ActualState& actual() const { return actual_; }
    // States of peers and problems as of the last run.
    [[nodiscard]] const Plan& last_plan() const { return plan_; }
    // Steps applied since the start.
    [[nodiscard]] std::uint64_t steps_applied() const { return steps_applied_; }
    // When to look again although nothing was reported: soon while peers wait for a handshake.
    [[nodiscard]] std::chrono::milliseconds poll_interval(std::chrono::milliseconds idle) const {
        return handshakes_.poll_interval(idle);
    }

  private:
    Status observe();
    Status find_routes();
    void make_plan(const Now& now);
    Status apply_plan(const Now& now);

    const Config& config_;
    PublicKey own_key_;
    const PeerCache& cache_;
    Environment environment_;
    HandshakeDriver handshakes_;
    ActualState actual_;
    Routes routes_;
    Plan plan_;
    bool in_sync_ = false;
    std::uint64_t steps_applied_ = 0;
};

}  // namespace wgs
