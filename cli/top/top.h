// SPDX-License-Identifier: Apache-2.0
// `wgsteer top`: the peers by rate, on a full screen until the user leaves, or once.
#pragma once

#include <cstddef>
#include <string>

#include "cli/client.h"

namespace CLI {
class App;
}

namespace wgs::cli {

struct TopOptions {
    double interval = 2;  // seconds between two looks
    bool once = false;
    std::size_t rows = SIZE_MAX;  // of what is shown once
    std::string sort = "rate";
    std::string filter;
};

void add_top_options(CLI::App& app, TopOptions& options);

// Returns an exit code. The terminal is left as it was. JSON is shown once.
int run_top(const Client& client, const TopOptions& options, bool json);

}  // namespace wgs::cli
