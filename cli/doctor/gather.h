// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/doctor/facts.h"

namespace wgs::cli {

struct DoctorOptions {
    std::string config;              // empty: that of the agent, or the default one
    std::vector<std::string> peers;  // to be probed; none: the first sixteen
    std::string report;              // the archive to be written; empty: none
};

// Looks at everything; whatever cannot be read is left as its default, which is taken for good.
Facts gather(const Client& client, const DoctorOptions& options);

// What a shell command prints, or nothing if there is no such command.
std::string output_of(const std::string& command);

// Parts of gather().
void gather_kernel(Facts& facts);
void gather_agent(const Client& client, Facts& facts);
void gather_network(Facts& facts);
void gather_probes(const DoctorOptions& options, Facts& facts);
void gather_again(const Client& client, Facts& facts);

}  // namespace wgs::cli
