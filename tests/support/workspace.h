// SPDX-License-Identifier: Apache-2.0
// The place of one test on this machine, and the certainty that nothing of it stays.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "base/unique_fd.h"

namespace wgs::test {

// A private directory with a guard process beside it. When the workspace ends, and also when the
// test process dies in any way, the guard kills every process that carries mark() or has a file of
// the directory open, detaches every mount below the directory and removes it. One way out for both
// ends.
class Workspace {
  public:
    Workspace();
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
    // NAME=value for the environment of processes whose descendants must not outlive the workspace.
    [[nodiscard]] std::string mark() const;

  private:
    std::filesystem::path directory_;
    UniqueFd leash_;
    pid_t guard_ = -1;
};

}  // namespace wgs::test
