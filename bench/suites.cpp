// SPDX-License-Identifier: Apache-2.0
#include "bench/suites.h"

#include <unistd.h>

#include <exception>

#include "bench/agent/suite.h"
#include "bench/control/suite.h"
#include "bench/lookup/suite.h"
#include "bench/measure/machine.h"
#include "bench/path/suite.h"
#include "bench/program/suite.h"
#include "bench/stream/suite.h"
#include "bench/updates/suite.h"

namespace wgs::bench {

const std::array<Suite, 11> kSuites{{
    {"lookup", "finding the owner of an address, by kind of table", &measure_lookups},
    {"program", "wgs_nic_out as a whole, by size of the tables", &measure_programs},
    {"verdict", "each program, by what it says of a packet", &measure_verdicts},
    {"extra", "what telling of packets and timing them costs", &measure_extras},
    {"path", "packets from a pod to the tunnel, by way of steering", &measure_paths},
    {"tax", "what packets outside every prefix pay", &measure_tax},
    {"stream", "TCP between pods through real WireGuard", &measure_streams},
    {"updates", "filling and emptying the tables, and their memory", &measure_updates},
    {"writer", "lookups while a writer is at full speed", &measure_beside_writer},
    {"control", "from an event in the agent to the tables", &measure_control_path},
    {"agent", "the whole agent in a large mesh: start, memory, idling, changes", &measure_agent},
}};

Result<Run> run_suites(const Plan& plan) try {
    if (::geteuid() != 0) return make_error(std::errc::permission_denied, "a benchmark needs root");
    Run run{.machine = describe_machine(), .settings = describe(plan)};
    for (const Suite& suite : kSuites)
        if (plan.suites.empty() || plan.suites.contains(std::string(suite.name)))
            suite.measure(plan, run);
    return run;
} catch (const std::exception& failure) {
    return make_error(std::errc::io_error, failure.what());
}

}  // namespace wgs::bench
