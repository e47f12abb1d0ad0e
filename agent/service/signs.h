// SPDX-License-Identifier: Apache-2.0
// Watchers of what the plan does not care for. Pure: the caller says what was seen, and when.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "model/state.h"

namespace wgs {

using Steady = std::chrono::steady_clock::time_point;

// Tells a jump of the wall clock by the one that only ever goes on. WireGuard's initiations carry
// the time, and peers refuse those that are not newer than the last one (whitepaper, 5.1).
class ClockWatch {
  public:
    // What NTP may correct by slewing between two looks is far below.
    static constexpr std::chrono::seconds kJump{1};
    static constexpr std::chrono::minutes kRecent{10};

    void note(Steady steady, Clock::time_point wall);
    // By how much it lies behind what it has shown before; 0: it does not.
    [[nodiscard]] std::chrono::seconds behind() const { return behind_; }
    // By how much it has gone forward of late, beyond what it was set back before; 0: it has not.
    [[nodiscard]] std::chrono::seconds ahead(Steady now) const;

  private:
    std::optional<std::pair<Steady, Clock::time_point>> last_;
    Clock::time_point latest_{};
    std::chrono::seconds behind_{0};
    Clock::duration jump_{0};
    Steady jumped_{};
    Clock::duration owed_{0};  // what it was set back by, and has not been set forward again
};

// Whether a counter grows again and again, not once.
class Persistence {
  public:
    static constexpr std::chrono::seconds kGap{5};     // a longer one begins anew
    static constexpr std::chrono::seconds kQuiet{20};  // then it is over

    void note(Steady now, std::uint64_t count);
    [[nodiscard]] bool persists(Steady now, unsigned looks, std::chrono::seconds span) const;
    [[nodiscard]] std::uint64_t grown() const { return last_count_ - first_count_; }

  private:
    std::optional<std::uint64_t> seen_;
    std::uint64_t first_count_ = 0;  // before it began
    std::uint64_t last_count_ = 0;
    Steady first_{};
    Steady last_{};
    unsigned looks_ = 0;
};

// Packets of one peer that should not be.
struct OddPackets {
    std::uint64_t clear_in = 0;
    std::uint64_t too_big = 0;
    std::uint64_t oversize = 0;

    bool operator==(const OddPackets&) const = default;
};

class OddPacketWatch {
  public:
    struct Odd {
        std::uint64_t clear_in = 0;  // since they began to come; 0: they do not keep coming
        std::uint64_t too_big = 0;
        std::uint64_t oversize = 0;
    };

    // Of all peers together: whether those of single ones need be read.
    [[nodiscard]] bool has_moved(const OddPackets& total) const { return total != total_; }
    void note(Steady now, const OddPackets& total,
              const std::map<std::string, OddPackets>& by_peer);
    // Of those peers of which such packets keep coming.
    [[nodiscard]] std::map<std::string, Odd> odd(Steady now) const;

  private:
    struct Peer {
        Persistence clear_in;
        Persistence too_big;
        Persistence oversize;
    };
    OddPackets total_;
    std::map<std::string, Peer> peers_;
};

// Counts what happened within the last ten minutes.
class RecentEvents {
  public:
    static constexpr std::chrono::minutes kRecent{10};
    void add(Steady when) { times_.push_back(when); }
    [[nodiscard]] std::size_t count(Steady now);

  private:
    std::deque<Steady> times_;
};

}  // namespace wgs
