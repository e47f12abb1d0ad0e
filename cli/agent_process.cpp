// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_process.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <fstream>

#include "base/unique_fd.h"

namespace wgs::cli {
namespace {

pid_t process_behind(const std::string& path) {
    sockaddr_un address{.sun_family = AF_UNIX};
    if (path.size() >= sizeof(address.sun_path)) return 0;
    path.copy(static_cast<char*>(address.sun_path), path.size());
    // Does not wait for one whose queue is full.
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
            0 ||
        ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return 0;
    return peer.pid;
}

}  // namespace

std::optional<AgentProcess> agent_process(const std::string& socket) {
    AgentProcess process{.id = process_behind(socket)};
    if (process.id <= 0) return std::nullopt;
    constexpr std::string_view kState = "State:";
    std::ifstream status("/proc/" + std::to_string(process.id) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with(kState)) continue;
        const std::size_t at = line.find_first_not_of(" \t", kState.size());
        if (at != std::string::npos) process.state = line[at];
    }
    return process;
}

}  // namespace wgs::cli
