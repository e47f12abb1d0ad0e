// SPDX-License-Identifier: Apache-2.0
#include "bench/control/suite.h"

#include <fmt/format.h>

#include "bench/control/control.h"
#include "bench/lab/must.h"
#include "bench/lab/sandbox.h"

namespace wgs::bench {
namespace {

struct Figure {
    const char* what;
    std::chrono::nanoseconds ControlNumbers::*time;
};

constexpr Figure kFigures[]{{"load the peer cache", &ControlNumbers::load},
                            {"full sync of the tables", &ControlNumbers::full_sync},
                            {"all peers become ready", &ControlNumbers::all_ready},
                            {"longest run of these", &ControlNumbers::longest_run},
                            {"look at everything", &ControlNumbers::look},
                            {"one prefix more, median", &ControlNumbers::change},
                            {"one prefix more, 99 %", &ControlNumbers::change_p99}};

}  // namespace

void measure_control_path(const Plan& plan, Run& run) {
    const Sandbox sandbox;
    const OnCpu pinned(usable_cpus().front());
    for (const std::uint32_t nodes : plan.control_nodes) {
        plan.progress(fmt::format("control path: {} nodes", nodes));
        std::vector<Measurement*> results;
        for (const Figure& figure : kFigures)
            results.push_back(&run.add(
                "control", {{"what", figure.what}, {"nodes", std::to_string(nodes)}}, "us"));
        for (int round = 0; round < plan.rounds; ++round) {
            const ControlNumbers numbers = must(measure_control({.nodes = nodes}));
            for (std::size_t i = 0; i < results.size(); ++i) {
                const std::chrono::duration<double, std::micro> time = numbers.*kFigures[i].time;
                results[i]->samples.push_back(time.count());
            }
        }
    }
}

}  // namespace wgs::bench
