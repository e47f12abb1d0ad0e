// SPDX-License-Identifier: Apache-2.0
// What is wrong, since when, and what to do about it.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/state.h"

namespace wgs {

// Worst first.
enum class AlarmKind {
    kernel,         // it does not take what the agent wants to set
    underlay,       // there is no device to steer on
    leak,           // something left in clear
    foreign_chain,  // packets do not reach our program
    plan,           // something no step can mend
    stalled,        // a proven peer is dead
    no_handshake,   // a peer was never proven
    key_conflict,   // two nodes with one key
    one_way,        // we send, nothing returns
    clear_text,     // a proven peer sends in clear
    clock,          // it went back, so that peers refuse our handshakes
    rejected,       // a claim that a rule refuses
    source,         // something the source cannot use
    no_address,     // no way to reach the peer
    secret,         // a peer has none of our cluster secrets, or a file has none
    mtu,            // packets are too large, again and again
    lost_device,    // somebody deleted the tunnel, or ended wireguard-go
    altered,        // somebody changed the tunnel
    lost_hook,      // somebody took a program of ours from a device
    table_full,     // or nearly
    no_key,         // the peer runs no agent
};
[[nodiscard]] std::string_view to_string(AlarmKind kind);

enum class Severity {
    problem,  // something does not work: `status --check` fails
    warning   // it works, but somebody should look
};
[[nodiscard]] std::string_view to_string(Severity severity);

struct Finding {
    AlarmKind kind = AlarmKind::kernel;
    std::string object;  // a node, a device, a file
    Severity severity = Severity::problem;
    std::string message;  // one line
    std::string advice;   // what to do, one line

    bool operator==(const Finding&) const = default;
};

struct Alarm {
    Finding finding;
    Clock::time_point since;

    bool operator==(const Alarm&) const = default;
};

// At most so many findings of a kind are told one by one, lest a dead network fill the log and
// every document; the rest are one more, of this object.
inline constexpr std::size_t kAlarmsOfAKind = 20;
inline constexpr std::string_view kOthers = "(others)";

class Alarms {
  public:
    // What started or ended, for the log.
    struct Change {
        Alarm alarm;
        bool ended = false;
    };

    // Takes over all that is found now. An alarm is told apart by kind and object. Those that
    // went on come before new ones when there are too many of a kind.
    std::vector<Change> note(std::vector<Finding> findings, Clock::time_point now);
    // Problems first, then by kind, then by object.
    [[nodiscard]] const std::vector<Alarm>& active() const { return active_; }

  private:
    [[nodiscard]] const Alarm* find(const Finding& finding) const;
    void bound(std::vector<Finding>& findings) const;

    std::vector<Alarm> active_;
};

// "stalled node-b: nothing has come back for 30 s; look at ..."
[[nodiscard]] std::string to_line(const Finding& finding);

}  // namespace wgs
