// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/machine.h"

#include <fmt/format.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <string_view>

#include "base/version.h"

namespace wgs::bench {
namespace {

std::string first_line(const std::string& path) {
    std::string line;
    std::ifstream file(path);
    std::getline(file, line);
    return line;
}

std::string cpu_model() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown";
}

// The mitigations that make calls of helpers dear, or cheap.
std::string mitigation(const std::string& name) {
    return first_line("/sys/devices/system/cpu/vulnerabilities/" + name);
}

std::string memory() {
    struct sysinfo info {};
    if (::sysinfo(&info) != 0) return "unknown";
    return fmt::format("{} MiB", info.totalram * info.mem_unit >> 20);
}

std::string today() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    return fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
}

}  // namespace

std::map<std::string, std::string> describe_machine() {
    utsname system{};
    ::uname(&system);
    return {{"kernel", fmt::format("{} {}", system.release, system.machine)},
            {"cpu", cpu_model()},
            {"cpus", std::to_string(::sysconf(_SC_NPROCESSORS_ONLN))},
            {"memory", memory()},
            {"bpf_jit", first_line("/proc/sys/net/core/bpf_jit_enable")},
            {"spectre_v2", mitigation("spectre_v2")},
            {"spec_rstack_overflow", mitigation("spec_rstack_overflow")},
            {"clock_source",
             first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource")},
            {"wgsteer", std::string(kVersion)},
            {"date", today()}};
}

}  // namespace wgs::bench
