// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/sandbox.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <exception>

#include "bench/lab/must.h"

namespace wgs::bench {
namespace {

UniqueFd open_for_return(const char* path) {
    UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    must_call(static_cast<bool>(fd), std::string("open ") + path);
    return fd;
}

}  // namespace

Sandbox::Sandbox()
    : mounts_(open_for_return("/proc/self/ns/mnt")),
      network_(open_for_return("/proc/self/ns/net")),
      working_directory_(open_for_return(".")) {
    must_call(::unshare(CLONE_NEWNS | CLONE_NEWNET) == 0, "make private namespaces");
    must_call(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                  ::mount("wgs-bench", directory().c_str(), "tmpfs", 0, nullptr) == 0,
              "mount privately");
}

Sandbox::~Sandbox() {
    // Whatever comes next would be done to the wrong files and devices.
    if (::setns(network_.get(), CLONE_NEWNET) != 0 || ::setns(mounts_.get(), CLONE_NEWNS) != 0 ||
        ::fchdir(working_directory_.get()) != 0)
        std::terminate();
}

OnCpu::OnCpu(int cpu) {
    must_call(::sched_getaffinity(0, sizeof(before_), &before_) == 0, "read the CPUs of a thread");
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(cpu), &one);
    must_call(::sched_setaffinity(0, sizeof(one), &one) == 0, "run on one CPU");
}

OnCpu::~OnCpu() {
    ::sched_setaffinity(0, sizeof(before_), &before_);
}

std::vector<int> usable_cpus() {
    cpu_set_t all;
    must_call(::sched_getaffinity(0, sizeof(all), &all) == 0, "read the CPUs of a thread");
    std::vector<int> cpus;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(static_cast<std::size_t>(cpu), &all)) cpus.push_back(cpu);
    return cpus;
}

}  // namespace wgs::bench
