// SPDX-License-Identifier: Apache-2.0
// When to provoke first handshakes, and for how long a proven peer stays proven without one.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>

#include "model/key.h"
#include "model/state.h"

namespace wgs {

struct HandshakeAdvice {
    std::chrono::seconds keepalive{0};
    // Remove and re-add the peer: WireGuard sends at most one initiation every 5 s to a peer it
    // knows (REKEY_TIMEOUT), but a new peer gets one at once.
    bool restart = false;
    // A peer that was steered before may go on being steered although its session is new.
    bool trust_previous = true;

    bool operator==(const HandshakeAdvice&) const = default;
};

// Two sides that initiate at the same moment ignore each other's answers and try again 5 s later.
// So the side with the smaller public key starts; the other stays quiet for a while, then tries as
// well (the first may be unable to reach it). A lost first initiation, usual when the other side
// has not added us yet, is repeated soon by restarting the peer, at growing intervals. Any packet
// between them starts the keepalive timers of both at the same instant, so these differ: equal ones
// would expire at once and cross their initiations, from which wireguard-go may come out with
// sessions that do not match.
class HandshakeDriver {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds kProbeKeepalive{5};   // of the side that starts
    static constexpr std::chrono::seconds kAnswerKeepalive{7};  // of the other
    static constexpr std::chrono::milliseconds kPassive{2500};
    static constexpr std::chrono::milliseconds kFirstRestart{400};
    static constexpr std::chrono::seconds kLongestPause{60};
    static constexpr std::chrono::seconds kTrust{15};

    HandshakeDriver(PublicKey self, std::chrono::seconds configured_keepalive)
        : self_(self), keepalive_(configured_keepalive) {}

    // Takes over what the device shows now. `wanted` are the keys of all peers to be programmed.
    void update(Time now, const std::set<PublicKey>& wanted,
                const std::map<PublicKey, Session>& sessions);
    // One more peer is to be programmed, or one no longer. What others are advised stays as it was
    // at the last update().
    void add(Time now, const PublicKey& key, const std::map<PublicKey, Session>& sessions);
    void remove(const PublicKey& key) { waiting_.erase(key); }
    [[nodiscard]] const PublicKey& own_key() const { return self_; }
    // The restart of this peer was carried out (or its session newly made) at `now`.
    void restarted(Time now, const PublicKey& key);

    [[nodiscard]] HandshakeAdvice advice(const PublicKey& key) const;
    // None: it does not wait.
    [[nodiscard]] std::optional<Time> waits_since(const PublicKey& key) const;
    // For how long the newest of those that wait has done so; none: nobody waits.
    [[nodiscard]] std::optional<Time::duration> newest_wait(Time now) const;

  private:
    struct Waiting {
        Time since;
        Time next_restart;
        std::chrono::milliseconds pause = kFirstRestart;
    };

    PublicKey self_;
    std::chrono::seconds keepalive_;
    Time now_{};
    std::map<PublicKey, Waiting> waiting_;
    Time newest_{};  // the latest `since` of them, as of the last update() or later
};

}  // namespace wgs
