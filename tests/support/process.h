// SPDX-License-Identifier: Apache-2.0
// Child processes with captured output and bounded waits.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/environment.h"

namespace wgs::test {

class NetNamespace;

struct ProcessOptions {
    const NetNamespace* ns = nullptr;           // none: that of the test
    std::string input = {};                     // given on standard input
    std::vector<std::string> environment = {};  // NAME=value, on top of the test's own
};

class Process {
  public:
    // Starts argv[0], found in PATH. Standard output and error are captured.
    Process(const std::vector<std::string>& argv, const ProcessOptions& options);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    // Kills and reaps the process itself, not what it has started.
    ~Process();

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool running();
    // After SIGSTOP it stands still.
    void signal(int number) const;
    // The exit code, 128 + signal number for a killed process; none if scaled(timeout) passes
    // first.
    std::optional<int> wait(Millis timeout);
    [[nodiscard]] std::string output() const;
    [[nodiscard]] std::string errors() const;

  private:
    void reap_if_ended();

    pid_t pid_ = -1;
    std::optional<int> exit_code_;
    UniqueFd output_;
    UniqueFd errors_;
};

struct Outcome {
    int exit_code = -1;
    std::string output;
    std::string errors;
};

// Runs a command to its end; a command still running after scaled(timeout) breaks the test.
Outcome run(const std::vector<std::string>& argv, const ProcessOptions& options = {},
            Millis timeout = 20s);

}  // namespace wgs::test
