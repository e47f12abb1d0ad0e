// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <ctime>
#include <fstream>

#include "service/metrics.h"

namespace wgs {
namespace {

const Clock::time_point kStarted = Clock::now();

std::chrono::nanoseconds cpu_time() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// proc(5), statm: all, then resident pages.
std::uint64_t resident_bytes() {
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    std::ifstream("/proc/self/statm") >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

ProcessUsage process_usage() {
    return {.cpu_time = cpu_time(), .resident_bytes = resident_bytes(), .started = kStarted};
}

}  // namespace wgs
