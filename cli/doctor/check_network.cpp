// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "cli/doctor/checks.h"

namespace wgs::cli {
namespace {

constexpr std::uint32_t kWorldMayRead = 0077;

void check_private(const FileFacts& file, const std::string& what, Findings& findings) {
    if (!file.exists) {
        if (what == "private key")
            warn(findings, "files", file.path + " is missing", "the agent makes it when it starts");
        return;
    }
    if ((file.mode & kWorldMayRead) != 0)
        return fail(
            findings, "files",
            fmt::format("{} {} has mode {:04o}: others may read it", what, file.path, file.mode),
            fmt::format("chmod {} {}; if somebody may have read the key, remove it and "
                        "restart the agent",
                        what == "private key" ? "0600" : "0700", file.path));
    if (file.owner != 0)
        return warn(findings, "files", fmt::format("{} belongs to user {}", file.path, file.owner),
                    "chown root: " + file.path);
    ok(findings, "files", fmt::format("{} {}, mode {:04o}", what, file.path, file.mode));
}

void check_device(const DeviceFacts& device, Findings& findings) {
    if (!device.up)
        return fail(findings, "underlay", device.name + " is down",
                    "ip link set " + device.name + " up");
    std::string text = fmt::format("{} is up, MTU {}", device.name, device.mtu);
    if (device.rp_filter) text += fmt::format(", rp_filter {} (any is fine)", *device.rp_filter);
    ok(findings, "underlay", text);
    std::string off = device.gro == false ? "GRO" : "";
    if (device.gso == false) off += off.empty() ? "GSO" : " and GSO";
    if (!off.empty())
        warn(findings, "offloads", off + " is off on " + device.name + ": each packet costs more",
             "ethtool -K " + device.name + " gro on gso on");
}

void check_forwarding(const Facts& facts, Findings& findings) {
    bool has4 = false;
    bool has6 = false;
    for (const Prefix& prefix : facts.config.prefixes)
        (prefix.family() == Family::v4 ? has4 : has6) = true;
    const bool bad4 = has4 && facts.forwarding4 == false;
    const bool bad6 = has6 && facts.forwarding6 == false;
    if (bad4)
        fail(findings, "forwarding", "IPv4 forwarding is off: pods reach nobody",
             "sysctl net.ipv4.ip_forward=1");
    if (bad6)
        fail(findings, "forwarding", "IPv6 forwarding is off: pods reach nobody",
             "sysctl net.ipv6.conf.all.forwarding=1");
    if ((has4 || has6) && !bad4 && !bad6) ok(findings, "forwarding", "is on");
}

// Largest inner packet for an underlay's MTU, of the larger header.
std::uint32_t inner_mtu(std::uint32_t underlay) {
    constexpr std::uint32_t kOverhead = 80;
    return (underlay - std::min(underlay, kOverhead)) / 16 * 16;
}

void check_tunnel(const Facts& facts, const DeviceFacts& tunnel, Findings& findings) {
    if (!tunnel.exists)
        return fail(findings, "tunnel", tunnel.name + " is missing",
                    "start the agent, or look at its log");
    for (const DeviceFacts& device : facts.underlays) {
        if (device.mtu < 576 || tunnel.mtu <= inner_mtu(device.mtu) + 32) continue;
        fail(findings, "mtu",
             fmt::format("{} has MTU {}, {} has room for {}", tunnel.name, tunnel.mtu, device.name,
                         inner_mtu(device.mtu)),
             "wireguard.mtu: auto");
    }
    if (!tunnel.up)
        return fail(findings, "tunnel", tunnel.name + " is down",
                    "ip link set " + tunnel.name + " up");
    ok(findings, "tunnel", fmt::format("{} is up, MTU {}", tunnel.name, tunnel.mtu));
}

void check_addresses(const Facts& facts, Findings& findings) {
    for (const std::string& address : facts.lacking)
        warn(findings, "underlay",
             fmt::format("no device of this node has {} of 'addresses'; they have {}", address,
                         fmt::join(facts.held, ", ")),
             "peers look for us there: correct 'addresses', unless a 1:1 NAT in front of this "
             "node has it");
}

void check_size(const ProbeFacts& probe, Findings& findings) {
    const std::string who = fmt::format("{} ({})", probe.peer, probe.address);
    const char* const way = probe.inside ? " through the tunnel" : "";
    if (probe.largest >= probe.wanted)
        return ok(findings, "mtu", fmt::format("{} bytes reach {}{}", probe.wanted, who, way));
    const std::string hop =
        probe.hop.empty() ? "without a word: a black hole" : "as " + probe.hop + " says";
    fail(findings, "mtu",
         fmt::format("{} takes {} bytes{}, but {} are sent; larger ones vanish, {}", who,
                     probe.largest, way, probe.wanted, hop),
         fmt::format("mend the MTU of the hop, or set wireguard.mtu: {} on all nodes",
                     probe.inside ? probe.largest / 16 * 16 : inner_mtu(probe.largest)));
}

void check_clock(const ProbeFacts& probe, Findings& findings) {
    constexpr std::chrono::seconds kWorthTelling{5};
    if (!probe.clock_ahead || std::chrono::abs(*probe.clock_ahead) < kWorthTelling) return;
    const auto seconds = static_cast<double>(probe.clock_ahead->count()) / 1000;
    warn(findings, "clock",
         fmt::format("differs from that of {} by {:.0f} s: ours is {}", probe.peer,
                     std::abs(seconds), seconds > 0 ? "ahead" : "behind"),
         "set the wrong one right; a node whose clock is set back cannot renew its sessions");
}

void check_probe(const ProbeFacts& probe, Findings& findings) {
    const std::string who = fmt::format("{} ({})", probe.peer, probe.address);
    if (!probe.sent)
        return fail(findings, "reach", "there is no route to " + who,
                    "ip route get " + probe.address);
    // Behind a NAT the port is open to those alone who are spoken to.
    if (probe.port_closed && probe.state != "ready")
        fail(findings, "port", "nothing listens on the UDP port of " + who,
             "start wgsteerd there; does its node file name the right port?");
    if (!probe.answers)
        return warn(findings, "reach",
                    who + " does not answer pings" +
                        (probe.inside ? " through the tunnel" : ", so its MTU is not known"),
                    "is the node up? is ICMP filtered between? then compare MTUs by hand");
    check_size(probe, findings);
    check_clock(probe, findings);
}

}  // namespace

void check_files(const Facts& facts, Findings& findings) {
    check_private(facts.key, "private key", findings);
    check_private(facts.state_dir, "state_dir", findings);
    if (!facts.mesh.path.empty() && !facts.mesh.exists)
        fail(findings, "files", facts.mesh.path + " is missing: the source has nothing to read",
             "mount or make it; the last good state stays meanwhile");
    for (const FileFacts* file : {&facts.state_dir, &facts.run_dir, &facts.mesh})
        if (file->exists && file->full)
            fail(findings, "files",
                 file->path + " cannot be written: its file system is full, or read-only",
                 "df -h " + file->path + "; df -i " + file->path);
    constexpr std::uint32_t kOthersMayWrite = 0002;
    for (const FileFacts* file : {&facts.run_dir, &facts.mesh})
        if (file->exists && (file->mode & kOthersMayWrite) != 0)
            fail(findings, "files",
                 fmt::format("{} has mode {:04o}: anybody may write there", file->path, file->mode),
                 "chmod o-w " + file->path);
}

void check_devices(const Facts& facts, Findings& findings) {
    if (facts.underlays.empty())
        fail(findings, "underlay", "no device leads to the other nodes",
             "set `underlay` or `addresses`; is there a default route?");
    for (const DeviceFacts& device : facts.underlays)
        check_device(device, findings);
    check_addresses(facts, findings);
    for (const DeviceFacts& tunnel : facts.tunnels)
        check_tunnel(facts, tunnel, findings);
    check_forwarding(facts, findings);
}

void check_probes(const Facts& facts, Findings& findings) {
    for (const ProbeFacts& probe : facts.probes)
        check_probe(probe, findings);
    if (facts.peers_not_probed > 0)
        ok(findings, "mtu",
           fmt::format("{} more peers were not probed; --peer NAME does", facts.peers_not_probed));
}

}  // namespace wgs::cli
