// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/error.h"
#include "client.h"

namespace wgs::cli {

struct CleanupOptions {
    bool yes = false;  // do not ask
    std::string
        config;  // for when no agent runs; empty: the one the last agent left in its run_dir
};

// Removes every trace of the agent, through it if it runs. The exit code of the command.
int clean_up_node(const Client& client, const CleanupOptions& options);

}  // namespace wgs::cli
