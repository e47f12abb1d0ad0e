// SPDX-License-Identifier: Apache-2.0
// wgsteer explain: what would happen to a packet, or what has happened to one, and why.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "client.h"

namespace CLI {
class App;
}

namespace wgs::cli {

struct ExplainOptions {
    std::map<std::string, std::string> query;  // of /v1/explain
    std::optional<std::string> event;  // a file with a line of `monitor -o json`; "-": stdin
};

void add_explain_options(CLI::App& app, ExplainOptions& options);

// The exit code.
int explain(const Client& client, const ExplainOptions& options, bool json);

}  // namespace wgs::cli
