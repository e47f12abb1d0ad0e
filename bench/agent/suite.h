// SPDX-License-Identifier: Apache-2.0
// The real wgsteerd, as a process, in a large mesh.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/agent/mesh.h"
#include "bench/measure/measurement.h"
#include "bench/plan.h"

namespace wgs::bench {

// Subject "agent": labels what (with its unit), nodes (with ten prefixes each). The source is a
// directory, WireGuard one in memory that answers as wireguard-go does, so that only the agent is
// measured. Both programs are looked for beside this one; without them nothing is measured.
void measure_agent(const Plan& plan, Run& run);

// Samples of several lives of an agent, by what they are, in the order in which that came.
class Figures {
  public:
    void add(const std::string& what, double value);
    [[nodiscard]] const auto& all() const { return all_; }

  private:
    std::vector<std::pair<std::string, std::vector<double>>> all_;
};

// What one is like from its start on: how long until all peers are steered, at what cost, what it
// takes to do nothing, and how soon it follows a change.
void measure_life(Mesh& mesh, std::chrono::milliseconds idling, Figures& figures);

}  // namespace wgs::bench
