// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/capability.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "cli/doctor/checks.h"

namespace wgs::cli {
namespace {

// Below these, stable kernels lack what the verifier needs for these programs, or were not tried.
constexpr KernelVersion kOldest{6, 1, 0};
constexpr KernelVersion kTcx{6, 6, 0};

std::optional<KernelVersion> leading_version(std::string_view text) {
    KernelVersion version{};
    for (std::size_t i = 0; i < version.size(); ++i) {
        const auto parsed = std::from_chars(text.begin(), text.end(), version.at(i));
        if (parsed.ec != std::errc()) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.begin()));
        if (i == 1 && !text.starts_with('.')) return version;
        if (i < 2) {
            if (!text.starts_with('.')) return std::nullopt;
            text.remove_prefix(1);
        }
    }
    return version;
}

std::string to_text(const KernelVersion& version) {
    return fmt::format("{}.{}.{}", version[0], version[1], version[2]);
}

void check_version(const KernelFacts& kernel, Findings& findings) {
    const auto version = kernel_version(kernel.release, kernel.version);
    if (!version)
        return warn(findings, "kernel", "version " + kernel.release + " is not understood",
                    "compare it with the kernels that are tested, 6.1 and later");
    if (*version < kOldest)
        return fail(findings, "kernel", kernel.release + " is older than 6.1",
                    "use Linux 6.1 or later");
    ok(findings, "kernel",
       kernel.release + (*version < kTcx ? ", programs are clsact filters" : ", has TCX"));
}

void check_napi(const Facts& facts, Findings& findings) {
    const auto version = kernel_version(facts.kernel.release, facts.kernel.version);
    const auto on = std::ranges::find_if(
        facts.tunnels, [](const DeviceFacts& tunnel) { return tunnel.threaded.value_or(false); });
    const bool threaded = on != facts.tunnels.end();
    const bool bad = version && has_napi_stall(*version);
    const std::string device = threaded ? on->name : facts.config.wireguard.device;
    if (bad && threaded)
        return fail(findings, "napi",
                    "threaded NAPI is on, and Linux " + to_text(*version) +
                        " loses wake-ups with it (CVE-2026-52945): a peer's receive side may stall",
                    "echo 0 > /sys/class/net/" + device + "/threaded, and update the kernel");
    if (bad)
        return warn(findings, "napi",
                    "Linux " + to_text(*version) +
                        " stalls peers with threaded NAPI (CVE-2026-52945); it is off",
                    "leave it off, and update the kernel when you can");
    ok(findings, "napi",
       std::string("threaded NAPI is ") + (threaded ? "on" : "off") +
           ", the kernel is not known to stall");
}

void check_wireguard(const Facts& facts, Findings& findings) {
    const KernelFacts& kernel = facts.kernel;
    const bool userspace = facts.config.wireguard.backend == BackendChoice::userspace;
    if (kernel.has_wireguard && !userspace) return ok(findings, "wireguard", "in the kernel");
    if (!kernel.has_wireguard && facts.config.wireguard.backend == BackendChoice::kernel)
        return fail(findings, "wireguard", "the kernel has none, and backend: kernel asks for it",
                    "modprobe wireguard, or install a kernel with it");
    if (!kernel.has_wireguard_go)
        return fail(findings, "wireguard",
                    userspace ? "backend: userspace, and there is no wireguard-go"
                              : "neither the kernel's module nor wireguard-go is there",
                    "modprobe wireguard, or install wireguard-go");
    warn(findings, "wireguard", "wireguard-go, at a fraction of the kernel's throughput",
         "modprobe wireguard if the kernel has it");
}

std::string missing(std::uint64_t have) {
    constexpr std::pair<int, std::string_view> kNeeded[] = {{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
                                                            {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
                                                            {CAP_PERFMON, "CAP_PERFMON"},
                                                            {CAP_BPF, "CAP_BPF"}};
    std::string names;
    for (const auto& [bit, name] : kNeeded)
        if ((have >> bit & 1) == 0) names.append(names.empty() ? "" : ", ").append(name);
    return names;
}

void check_capabilities(const Facts& facts, Findings& findings) {
    const std::string doctor = missing(facts.kernel.capabilities);
    if (!doctor.empty())
        warn(findings, "capabilities", "the doctor lacks " + doctor + " and sees less",
             "run it as root");
    const std::string agent = missing(facts.agent.capabilities);
    if (!agent.empty())
        return fail(findings, "capabilities", "the agent lacks " + agent,
                    "add to AmbientCapabilities= or run it as root");
    if (doctor.empty()) ok(findings, "capabilities", "all that are needed");
}

// Each chunk of a table is a descriptor of the agent.
void check_limits(const AgentFacts& agent, Findings& findings) {
    constexpr std::uint64_t kFew = 4096;
    if (agent.open_files == 0) return;
    if (agent.open_files >= kFew)
        return ok(findings, "limits", fmt::format("{} open files", agent.open_files));
    warn(findings, "limits",
         fmt::format("the agent may open {} files, which is little for 100,000 prefixes",
                     agent.open_files),
         "LimitNOFILE=65536 in its unit");
}

void check_bpf(const Facts& facts, Findings& findings) {
    if (!facts.kernel.jit)
        warn(findings, "bpf", "BPF programs are interpreted", "sysctl net.core.bpf_jit_enable=1");
    const std::string path = facts.config.bpffs.string();
    if (!facts.bpffs)
        return fail(findings, "bpffs", path + " is no BPF file system: nothing outlives the agent",
                    facts.agent.answers
                        ? "who has unmounted it? systemctl restart wgsteer mounts it again"
                        : "start the agent, which mounts it; mount -t bpf bpf " + path);
    if (!facts.pinned || !facts.unpinned.empty())
        return fail(findings, "bpffs",
                    (facts.pinned ? fmt::format("{} is not pinned", fmt::join(facts.unpinned, ", "))
                                  : "no program is pinned") +
                        " in " + path,
                    facts.agent.answers ? "who has deleted it? systemctl restart wgsteer pins "
                                          "everything anew"
                                        : "start the agent");
    ok(findings, "bpffs", path);
}

}  // namespace

// A Debian kernel's release does not say which stable version it is.
std::optional<KernelVersion> kernel_version(std::string_view release, std::string_view version) {
    constexpr std::string_view kDebian = "Debian ";
    const std::size_t debian = version.find(kDebian);
    if (debian != std::string_view::npos) {
        const auto found = leading_version(version.substr(debian + kDebian.size()));
        if (found) return found;
    }
    return leading_version(release);
}

bool has_napi_stall(const KernelVersion& version) {
    constexpr std::pair<KernelVersion, KernelVersion> kBad[] = {{{5, 15, 186}, {5, 15, 200}},
                                                                {{6, 1, 142}, {6, 1, 163}},
                                                                {{6, 6, 94}, {6, 6, 126}},
                                                                {{6, 12, 34}, {6, 12, 73}}};
    for (const auto& [first, last] : kBad)
        if (version >= first && version <= last) return true;
    return false;
}

void check_kernel(const Facts& facts, Findings& findings) {
    check_version(facts.kernel, findings);
    check_wireguard(facts, findings);
    check_napi(facts, findings);
    check_capabilities(facts, findings);
    check_limits(facts.agent, findings);
    check_bpf(facts, findings);
    if (facts.kernel.clock_synchronised) return ok(findings, "clock", "is synchronised");
    warn(findings, "clock",
         "nothing keeps the clock right; a jump back makes peers refuse our handshakes",
         "run an NTP client, such as systemd-timesyncd or chrony");
}

}  // namespace wgs::cli
