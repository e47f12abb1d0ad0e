// SPDX-License-Identifier: Apache-2.0
// A wireguard-go process: started apart from the agent so that it outlives it, found again by its
// socket.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace wgs {

class WireguardGo {
  public:
    // The socket of device `name` will be `directory`/NAME.sock, its log `directory`/NAME.log. The
    // process sees `directory` as /var/run/wireguard, so that devices of equal name in several
    // network namespaces do not meet as long as their directories differ.
    WireguardGo(std::string name, std::filesystem::path directory);

    // Takes hold of the process that listens on the socket, unless one that lives is held already.
    // std::errc::no_such_process: there is none.
    Status adopt();
    // Starts a process in this network namespace and waits until it answers.
    Status start();
    // Ends the process, which is given a moment to end by itself, and removes its socket. No
    // process is not an error.
    Status stop();
    // Removes the log, and the directory if nothing else is in there.
    void remove_log();

    // One request and its answer, which the caller wipes if it holds a key. Bounded in size, and in
    // time: 2 s, and up to 8 s once that was not enough, for a process with thousands of peers.
    Result<std::string> exchange(std::string_view request);

    // Gives its UDP sockets room for what arrives while it does not get to run; how many it has.
    // The process opens new ones when its port changes or its device goes up. Needs permission to
    // trace the process.
    [[nodiscard]] Result<int> enlarge_buffers() const;

    // Becomes readable when the process ends; -1 while none is held. Valid until the next adopt(),
    // start() or stop().
    [[nodiscard]] int process_fd() const { return process_.get(); }

  private:
    [[nodiscard]] Result<UniqueFd> connect() const;
    Result<UniqueFd> launch() const;
    Status await_answer();
    [[nodiscard]] std::string last_log_line() const;

    std::string name_;
    std::filesystem::path directory_;
    std::filesystem::path socket_;
    std::filesystem::path log_;
    UniqueFd process_;
    std::chrono::seconds patience_;
};

}  // namespace wgs
