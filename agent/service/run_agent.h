// SPDX-License-Identifier: Apache-2.0
// The life of a process that is an agent.
#pragma once

#include <string>

#include "base/error.h"
#include "model/config.h"
#include "service/agent.h"
#include "service/loop.h"

namespace wgs {

// Runs the agent and its interfaces until SIGTERM, SIGINT or loop.exit(); returns the exit code.
// The dataplane goes on after that: nothing of it is taken down. `saved` is a configuration file,
// left in run_dir, by which everything can be removed later.
Result<int> run_agent(Config config, const std::string& saved, EventLoop& loop,
                      const MakeSource& make_source);

}  // namespace wgs
