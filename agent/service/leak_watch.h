// SPDX-License-Identifier: Apache-2.0
// What the watcher of leaving packets has seen: what is new of it, and what to tell the operator.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "maps/layout.h"
#include "model/state.h"
#include "service/flow.h"
#include "source/source.h"

namespace wgs {

// A flow that left in clear although it should not have.
struct LeakFlow {
    Flow flow;
    std::string device;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;  // of layer 3
    Clock::time_point first;
    Clock::time_point last;
};
// "10.1.0.10:1000 > 10.2.0.10:53 udp by eth0: 3 packets".
[[nodiscard]] std::string to_string(const LeakFlow& leak);

// Whether the watcher, tried on packets that nobody sends, tells a leak from our own traffic.
enum class SelfTest { nothing_yet, passed, failed };
[[nodiscard]] std::string_view to_string(SelfTest outcome);

struct SelfTestReport {
    SelfTest outcome = SelfTest::nothing_yet;
    std::string detail;  // one line
};

class LeakWatch {
  public:
    static constexpr std::size_t kFlowsShown = 10;
    static constexpr std::chrono::minutes kRecent{5};
    static constexpr int kLinesAMinute = 10;

    // Whether there are flows to be read since the last note().
    [[nodiscard]] bool has_moved(const wgs_counter& total) const {
        return total.packets != total_.packets;
    }
    // Takes over what was read; `flows` are all that the kernel remembers, or none if nothing has
    // moved. Returns lines for the log: one for each new flow, up to a limit, and one for the rest.
    std::vector<std::string> note(const wgs_counter& total, std::vector<LeakFlow> flows,
                                  Clock::time_point now);
    void note(SelfTestReport report) { self_test_ = std::move(report); }

    [[nodiscard]] const wgs_counter& total() const { return total_; }
    // The newest first.
    [[nodiscard]] const std::vector<LeakFlow>& flows() const { return flows_; }
    [[nodiscard]] const SelfTestReport& self_test() const { return self_test_; }
    [[nodiscard]] std::vector<Problem> problems(Clock::time_point now) const;

  private:
    using Key =
        std::tuple<IpAddress, IpAddress, std::uint8_t, std::uint16_t, std::uint16_t, std::string>;
    static Key key_of(const LeakFlow& leak);
    void turn_minute(Clock::time_point now, std::vector<std::string>& lines);
    void log_new(const std::vector<LeakFlow>& flows, Clock::time_point now,
                 std::vector<std::string>& lines);

    wgs_counter total_{};
    std::vector<LeakFlow> flows_;
    std::set<Key> known_;
    Clock::time_point last_;  // when the counter was last seen to have moved
    Clock::time_point minute_;
    int lines_ = 0;       // in this minute
    int suppressed_ = 0;  // likewise
    SelfTestReport self_test_;
};

}  // namespace wgs
