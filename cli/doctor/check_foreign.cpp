// SPDX-License-Identifier: Apache-2.0
// What others have put in our way.
#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "cli/doctor/checks.h"

namespace wgs::cli {
namespace {

using Chain = std::vector<ChainProgram>;

std::string names(Chain::const_iterator first, Chain::const_iterator last) {
    std::string text;
    for (; first != last; ++first) {
        if (first->ours()) continue;
        text += text.empty() ? "" : ", ";
        text += first->name.empty() ? first->kind + " filter" : first->name;
        if (first->id != 0) text += fmt::format(" (id {})", first->id);
    }
    return text;
}

std::string order(const Chain& chain) {
    std::string text;
    for (const ChainProgram& program : chain)
        text += (text.empty() ? "" : " > ") + (program.name.empty() ? program.kind : program.name);
    return text.empty() ? "nothing" : text;
}

auto find(const Chain& chain, std::string_view name) {
    return std::ranges::find(chain, name, &ChainProgram::name);
}

void check_egress(const DeviceFacts& device, Findings& findings) {
    const Chain& chain = device.egress;
    const auto ours = find(chain, "wgs_nic_out");
    if (ours == chain.end())
        return fail(
            findings, "programs",
            fmt::format("wgs_nic_out is not at the egress of {}, where there is {}", device.name,
                        order(chain)),
            "the agent puts it back within a second: does it run, and what does it say above?");
    const std::string before = names(chain.begin(), ours);
    const std::string after = names(ours, chain.end());
    if (!before.empty())
        warn(findings, "programs",
             fmt::format("{} before wgs_nic_out at the egress of {}: packets that it ends with "
                         "TC_ACT_OK, or redirects, leave in clear",
                         before, device.name),
             "it must return TC_ACT_UNSPEC (TCX_NEXT); wgsteer status tells when packets pass us "
             "by");
    if (!after.empty())
        warn(findings, "programs",
             fmt::format("{} after wgs_nic_out at the egress of {} sees encrypted packets only",
                         after, device.name),
             "the agent goes behind it, once a minute at most; does it want to be last as well?");
    if (before.empty() && after.empty())
        ok(findings, "programs", device.name + " egress: " + order(chain));
}

void check_ingress(const DeviceFacts& device, std::string_view program, Findings& findings) {
    const Chain& chain = device.ingress;
    const auto ours = find(chain, program);
    if (ours == chain.end())
        return fail(
            findings, "programs",
            fmt::format("{} is not at the ingress of {}, where there is {}", program, device.name,
                        order(chain)),
            "the agent puts it back within a second: does it run, and what does it say above?");
    const std::string before = names(chain.begin(), ours);
    if (before.empty()) return ok(findings, "programs", device.name + " ingress: " + order(chain));
    warn(findings, "programs",
         fmt::format("{} before {} at the ingress of {} may take decrypted packets from us", before,
                     program, device.name),
         "attach it after ours");
}

void check_xdp(const DeviceFacts& device, GuardMode guard, Findings& findings) {
    if (!device.xdp || device.xdp->ours()) return;
    const std::string text =
        fmt::format("XDP program {} (id {}) on {}", device.xdp->name, device.xdp->id, device.name);
    if (guard == GuardMode::native || guard == GuardMode::generic)
        return fail(findings, "programs", text + " keeps the guard out",
                    "take it off, or set guard: off");
    warn(findings, "programs", text + " sees packets before us and may drop them",
         "does it let UDP to our port pass?");
}

constexpr std::uint32_t kCalicoPriority = 99;

std::string describe(const MarkRule& rule) {
    return fmt::format("ip {}rule {}:{} fwmark {:#x}/{:#x} lookup {}",
                       rule.family == Family::v6 ? "-6 " : "", rule.priority,
                       rule.inverted ? " not" : "", rule.mark, rule.mask, rule.table);
}

void check_rules(const Facts& facts, Findings& findings) {
    const std::uint32_t ours = our_marks(facts.config);
    for (const MarkRule& rule : facts.rules) {
        const bool calico = rule.priority == kCalicoPriority && rule.inverted;
        if (calico)
            fail(findings, "calico",
                 describe(rule) + " is of Calico's WireGuard: it routes our packets away",
                 fmt::format("set wireguardEnabled: false there; ip {}rule del priority {}; ip "
                             "{}route flush table {}",
                             rule.family == Family::v6 ? "-6 " : "", rule.priority,
                             rule.family == Family::v6 ? "-6 " : "", rule.table));
        else if ((rule.mask & ours) != 0)
            fail(findings, "marks", describe(rule) + " looks at mark bits of ours",
                 "choose others there, or wireguard.fwmark here");
    }
}

}  // namespace

std::uint32_t our_marks(const Config& config) {
    return config.wireguard.fwmark.value_or(kDefaultFwmark) | kDecryptedMark;
}

// A mask of all bits says nothing about these.
std::vector<MarkUse> marks_in(std::string_view rules, std::uint32_t ours,
                              const std::string& where) {
    static const std::regex kValue(R"(0x([0-9a-fA-F]{1,8})(/0x([0-9a-fA-F]{1,8}))?)");
    constexpr std::uint32_t kAll = 0xffffffff;
    const auto word = [](const std::string& digits) {
        return static_cast<std::uint32_t>(std::stoul(digits, nullptr, 16));
    };
    std::vector<MarkUse> uses;
    std::istringstream lines{std::string(rules)};
    for (std::string line; std::getline(lines, line);) {
        if (line.find("mark") == std::string::npos) continue;
        for (std::sregex_iterator it(line.begin(), line.end(), kValue), end; it != end; ++it) {
            const std::uint32_t value = word((*it)[1]);
            const std::uint32_t mask = (*it)[3].matched ? word((*it)[3]) : value;
            const std::uint32_t bits = mask == kAll ? value : mask;
            if (bits == kAll || (bits & ours) == 0) continue;
            uses.push_back({.where = where, .line = line.substr(line.find_first_not_of(" \t"))});
            break;
        }
    }
    return uses;
}

void check_chains(const Facts& facts, Findings& findings) {
    for (const DeviceFacts& device : facts.underlays) {
        check_egress(device, findings);
        check_ingress(device, "wgs_nic_in", findings);
        check_xdp(device, facts.config.guard, findings);
    }
    for (const DeviceFacts& tunnel : facts.tunnels)
        if (tunnel.exists) check_ingress(tunnel, "wgs_wg_in", findings);
}

void check_marks(const Facts& facts, Findings& findings) {
    const std::size_t before = findings.size();
    check_rules(facts, findings);
    for (const MarkUse& use : facts.marks)
        warn(findings, "marks", use.where + " uses mark bits of ours: " + use.line,
             fmt::format("ours are {:#x}: choose others there, or wireguard.fwmark here",
                         our_marks(facts.config)));
    for (const std::string& link : facts.other_wireguards) {
        const bool calico = link == "wireguard.cali" || link == "wg-v6.cali";
        if (calico)
            fail(findings, "calico", "device " + link + " of Calico is there",
                 "set wireguardEnabled: false there; ip link del " + link);
        else
            ok(findings, "wireguard", "another device, " + link + ", is left alone");
    }
    if (findings.size() == before)
        ok(findings, "marks", fmt::format("nobody else uses {:#x}", our_marks(facts.config)));
}

Findings examine(const Facts& facts) {
    Findings findings;
    check_agent(facts, findings);
    check_peers(facts, findings);
    check_kernel(facts, findings);
    check_files(facts, findings);
    check_devices(facts, findings);
    check_chains(facts, findings);
    check_marks(facts, findings);
    check_filters(facts, findings);
    check_probes(facts, findings);
    return findings;
}

}  // namespace wgs::cli
