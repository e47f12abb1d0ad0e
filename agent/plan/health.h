// SPDX-License-Identifier: Apache-2.0
// Whether proven peers still answer, told from the counters of their sessions, and when to make
// such a session, or the device, anew. Pure: the caller says what time it is and what was observed.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "model/key.h"
#include "model/state.h"

namespace wgs {

// What is wrong with a session.
struct Ailment {
    // Nothing that was sent since then was answered.
    std::chrono::steady_clock::time_point since;
    bool stalled = false;     // it is beyond doubt
    bool handshakes = false;  // they completed all the same, yet no data came
    unsigned restarts = 0;    // of the session, since it stalled

    bool operator==(const Ailment&) const = default;
};

struct HealthAdvice {
    bool stalled = false;  // the peer may not be steered
    bool restart = false;  // remove its session and add it again

    bool operator==(const HealthAdvice&) const = default;
};

// WireGuard answers whatever carries data, if with nothing else then with a keepalive 10 s later
// (KEEPALIVE_TIMEOUT; whitepaper, 6.5), and after 15 s of silence starts a handshake, again every
// 5 s. So a peer that has sent neither data nor a handshake for 22 s, though it was asked, is dead
// or cannot be reached; and one that completes handshakes time and again but never sends data has
// stopped to receive, as with a lost wake-up of threaded NAPI (CVE-2026-52945). Growth of the
// counters shows what was sent: data messages are multiples of 16 bytes, handshakes are 148, 92 and
// 64 bytes long, and a keepalive, which wants no answer, has 32 (whitepaper, 5.4).
class HealthDriver {
  public:
    using Time = std::chrono::steady_clock::time_point;
    // Silence that is worth a word. A one-way flow is silent as long, until WireGuard's keepalive;
    // a peer that has had one is given kLongestAnswer from then on.
    static constexpr std::chrono::seconds kSuspicious{6};
    static constexpr std::chrono::seconds kLongestAnswer{13};
    static constexpr std::chrono::hours kPatience{1};  // for how long that is remembered
    static constexpr std::chrono::seconds kStalled{22};
    // Somebody who sends nothing for longer has stopped asking. WireGuard itself goes on for 90 s.
    static constexpr std::chrono::seconds kPause{16};
    static constexpr unsigned kQuestions = 3;    // looks at which more had been sent
    static constexpr unsigned kEmptyRounds = 3;  // handshakes without data in between
    // Between two restarts of a peer that stalls again and again; doubles.
    static constexpr std::chrono::seconds kFirstPause{30};
    static constexpr std::chrono::minutes kLongestPause{30};
    static constexpr std::chrono::minutes kRelapse{10};  // it stalls again sooner than that
    static constexpr unsigned kRelapses = 2;             // before the device is made anew
    static constexpr std::chrono::hours kBetweenDevices{1};

    // Takes over what the device shows now. Seeing the same again changes nothing.
    void update(Time now, const std::map<PublicKey, Session>& sessions);
    // The session was removed and added again, for whatever reason.
    void restarted(Time now, const PublicKey& key);
    // The device is made anew.
    void device_restarted(Time now) { device_restarted_ = now; }

    [[nodiscard]] HealthAdvice advice(const PublicKey& key) const;
    // Sessions that were made anew stall all the same, though handshakes complete.
    [[nodiscard]] bool wants_new_device() const;
    // As of the last update().
    [[nodiscard]] const std::map<PublicKey, Ailment>& ailments() const { return ailments_; }

  private:
    // What was sent without an answer.
    struct Unanswered {
        Time since;
        Time last;
        unsigned questions = 0;     // looks at which more had been sent
        unsigned data = 0;          // of them with data, since the last handshake
        unsigned empty_rounds = 0;  // handshakes that completed after data was sent, in a row
        Time round_began;           // with the last handshake
    };
    struct Peer {
        std::uint64_t rx = 0;
        std::uint64_t tx = 0;
        std::optional<Clock::time_point> handshake;
        std::optional<Unanswered> unanswered;
        std::optional<Time> patient_until;
        // While it is stalled: since when nothing was answered.
        std::optional<Time> stalled;
        bool handshakes = false;  // when it stalled
        bool restarted = false;   // since it stalled
        unsigned restarts = 0;
        std::optional<Time> healed;  // the last restart for it
        std::chrono::seconds pause = kFirstPause;
        unsigned relapses = 0;
    };

    void compare(Peer& peer, const Session& session) const;
    void note_sent(Peer& peer, std::uint64_t bytes) const;
    void note_answer(Peer& peer, std::uint64_t bytes) const;
    static void note_handshake(Peer& peer, Time now);
    void judge(Peer& peer) const;
    [[nodiscard]] std::optional<Ailment> ailment_of(const Peer& peer) const;

    Time now_{};
    std::map<PublicKey, Peer> peers_;
    std::map<PublicKey, Ailment> ailments_;
    std::optional<Time> device_restarted_;
};

}  // namespace wgs
