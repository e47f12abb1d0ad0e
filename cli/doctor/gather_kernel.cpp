// SPDX-License-Identifier: Apache-2.0
#include <linux/genetlink.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/doctor/gather.h"
#include "kernel/netlink.h"
#include "maps/names.h"

namespace wgs::cli {
namespace {

namespace fs = std::filesystem;

bool is_in_path(const std::string& program) {
    const char* const path = std::getenv("PATH");
    std::istringstream directories(path == nullptr ? "/usr/sbin:/usr/bin" : path);
    for (std::string directory; std::getline(directories, directory, ':');)
        if (::access((fs::path(directory) / program).c_str(), X_OK) == 0) return true;
    return false;
}

// Asking for it makes the kernel load the module.
bool kernel_has_wireguard() {
    Result<NetlinkSocket> socket = NetlinkSocket::open(NETLINK_GENERIC);
    return socket && socket->resolve_family("wireguard").has_value();
}

std::uint64_t own_capabilities() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("CapEff:"))
            return std::stoull(line.substr(line.find_last_of(" \t") + 1), nullptr, 16);
    return 0;
}

bool jit_is_on() {
    int value = 1;
    std::ifstream("/proc/sys/net/core/bpf_jit_enable") >> value;
    return value != 0;
}

bool is_bpffs(const fs::path& path) {
    struct statfs info {};
    return ::statfs(path.c_str(), &info) == 0 && info.f_type == BPF_FS_MAGIC;
}

// Those without which a restarted agent has to begin anew.
std::vector<std::string> unpinned_tables(const fs::path& path) {
    std::vector<std::string> missing;
    for (const char* map : {WGS_MAP_ROOT4, WGS_MAP_PEERS, WGS_MAP_RECORDS, WGS_MAP_TUNNELS})
        if (!fs::exists(path / "maps" / map)) missing.emplace_back(map);
    return missing;
}

bool has_programs(const fs::path& path) {
    std::error_code code;
    for (fs::recursive_directory_iterator it(path, code), end; it != end; it.increment(code)) {
        if (code) return false;
        if (it->path().filename() == "wgs_nic_out") return true;
    }
    return false;
}

// adjtimex(2).
bool clock_is_synchronised() {
    timex time{};
    return ::adjtimex(&time) != TIME_ERROR && (time.status & STA_UNSYNC) == 0;
}

}  // namespace

void gather_kernel(Facts& facts) {
    utsname name{};
    if (::uname(&name) == 0) {
        facts.kernel.release = static_cast<const char*>(name.release);
        facts.kernel.version = static_cast<const char*>(name.version);
    }
    facts.kernel.has_wireguard = kernel_has_wireguard();
    facts.kernel.has_wireguard_go = is_in_path("wireguard-go");
    facts.kernel.jit = jit_is_on();
    facts.kernel.capabilities = own_capabilities();
    facts.kernel.clock_synchronised = clock_is_synchronised();
    facts.bpffs = is_bpffs(facts.config.bpffs);
    facts.pinned = has_programs(facts.config.bpffs);
    facts.unpinned = unpinned_tables(facts.config.bpffs);
}

}  // namespace wgs::cli
