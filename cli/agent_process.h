// SPDX-License-Identifier: Apache-2.0
// The process at the other end of the control socket, which may be there without answering.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace wgs::cli {

struct AgentProcess {
    pid_t id = 0;
    char state = '?';  // of proc(5): 'T' is stopped, 'D' waits for a device

    [[nodiscard]] bool stopped() const { return state == 'T' || state == 't'; }
};

// None: nobody listens, or not in this PID namespace.
std::optional<AgentProcess> agent_process(const std::string& socket);

}  // namespace wgs::cli
