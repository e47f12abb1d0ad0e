// SPDX-License-Identifier: Apache-2.0
// What `monitor` and `capture` have in common: which events they want, and when they end.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "client.h"
#include "event.h"

namespace CLI {
class App;
}

namespace wgs::cli {

struct EventOptions {
    std::map<std::string, std::string> query;  // of /v1/events
    std::string expression;                    // of tcpdump; empty: none
    std::uint64_t count = 0;                   // 0: without end
    double duration = 0;                       // seconds; 0: without end
};

// The flags for all that.
void add_event_options(CLI::App& app, EventOptions& options);

// Gives each event that fits to `use`, with its line, until that says false, or the options, the
// user or the agent end it. Prints to standard error what was lost. The exit code.
int read_events(const Client& client, const EventOptions& options,
                const std::function<bool(const Event&, std::string_view line)>& use);

// From now on the user's interrupt ends read_events(), and a broken pipe shows in write_all().
void end_on_signals();

// At once. False: nobody reads it any more, or there is no room; errno says which.
bool write_all(int file, std::string_view bytes);

}  // namespace wgs::cli
