// SPDX-License-Identifier: Apache-2.0
// Where a benchmark lives: nothing that it makes outlasts it, however it ends.
#pragma once

#include <sched.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace wgs::bench {

// The process is in mount and network namespaces of its own while one lives; threads that it has
// started must be gone when it ends. Below directory() is memory.
class Sandbox {
  public:
    Sandbox();
    ~Sandbox();
    Sandbox(const Sandbox&) = delete;
    Sandbox& operator=(const Sandbox&) = delete;

    [[nodiscard]] static std::filesystem::path directory() { return "/tmp"; }
    // For a BPF file system; another one with each call.
    [[nodiscard]] std::filesystem::path new_bpffs() {
        return directory() / ("bpf" + std::to_string(++count_));
    }

  private:
    UniqueFd mounts_;
    UniqueFd network_;
    UniqueFd working_directory_;
    int count_ = 0;
};

// The calling thread runs on this CPU only, until the end of the scope.
class OnCpu {
  public:
    explicit OnCpu(int cpu);
    ~OnCpu();
    OnCpu(const OnCpu&) = delete;
    OnCpu& operator=(const OnCpu&) = delete;

  private:
    cpu_set_t before_{};
};

// The CPUs that this thread may use.
std::vector<int> usable_cpus();

}  // namespace wgs::bench
