// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client.h"
#include "event_reader.h"

namespace wgs::cli {

struct MonitorOptions {
    EventOptions events;
    bool flows = false;   // sums by flow at the end instead of lines
    bool recent = false;  // the drops that the agent remembers, and nothing else
};

void add_monitor_options(CLI::App& app, MonitorOptions& options);

// Shows packets as they are judged. The exit code of the command.
int monitor(const Client& client, const MonitorOptions& options, bool json);

}  // namespace wgs::cli
