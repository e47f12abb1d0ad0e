// SPDX-License-Identifier: Apache-2.0
// What packet filters do to the UDP packets of our tunnels.
#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "cli/doctor/checks.h"

namespace wgs::cli {
namespace {

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

std::string trimmed(const std::string& line) {
    const std::size_t first = line.find_first_not_of(" \t");
    return first == std::string::npos
               ? ""
               : line.substr(first, line.find_last_not_of(" \t") + 1 - first);
}

// As nft and iptables-save write it.
bool throws_away(const std::string& line) {
    static const std::regex kVerdict(R"((^|\s)(drop|reject|-j DROP|-j REJECT)(\s|$))");
    return std::regex_search(line, kVerdict);
}

bool names_port(const std::string& line, const std::set<std::uint16_t>& ports) {
    static const std::regex kPorts(R"((dport|sport|dports|sports)\s+[{=! ]*([0-9:, -]+))");
    static const std::regex kNumber(R"(\d+)");
    for (std::sregex_iterator it(line.begin(), line.end(), kPorts), end; it != end; ++it) {
        const std::string list = (*it)[2];
        for (std::sregex_iterator number(list.begin(), list.end(), kNumber); number != end;
             ++number) {
            if (number->str().size() > 5) continue;
            const auto value = std::stoul(number->str());
            if (value <= 65535 && ports.contains(static_cast<std::uint16_t>(value))) return true;
        }
    }
    return false;
}

// "chain input" of "table inet filter" in nft's words.
struct Place {
    std::string table;
    std::string chain;
    void follow(const std::string& line) {
        const std::string name = line.substr(0, line.find(" {"));
        if (line.starts_with("table ")) table = name;
        if (line.starts_with("chain ")) chain = name;
    }
    [[nodiscard]] std::string text() const {
        return chain.empty() ? "" : fmt::format(" ({} of {})", chain, table);
    }
};

}  // namespace

std::vector<FilterRule> blocks_in(std::string_view rules, const std::set<std::uint16_t>& ports,
                                  const std::string& where) {
    std::vector<FilterRule> found;
    std::istringstream lines{std::string(rules)};
    Place place;
    bool named = false;
    std::optional<FilterRule> policy;
    for (std::string raw; std::getline(lines, raw);) {
        const std::string line = trimmed(raw);
        place.follow(line);
        const bool is_ours = names_port(line, ports);
        named = named || is_ours;
        const bool other_protocol = has(line, "tcp") && !has(line, "udp");
        if (is_ours && throws_away(line) && !other_protocol)
            found.push_back({.where = where, .line = line + place.text()});
        const bool base = has(line, "hook input") && has(line, "policy drop");
        if (base || line.starts_with(":INPUT DROP"))
            policy = FilterRule{.where = where, .line = line + place.text(), .policy = true};
    }
    if (policy && !named) found.push_back(*policy);
    return found;
}

void check_filters(const Facts& facts, Findings& findings) {
    const std::size_t before = findings.size();
    for (const FilterRule& rule : facts.filters) {
        if (!rule.policy) {
            fail(findings, "firewall",
                 rule.where + " throws away packets of the tunnels: " + rule.line,
                 "delete the rule, or let their UDP ports pass before it");
        } else if (!facts.all_ready()) {
            warn(findings, "firewall",
                 rule.where +
                     " drops what no rule lets in, and none names our UDP port: " + rule.line,
                 "does another rule let it in? else add one that does");
        }
    }
    for (const ProbeFacts& probe : facts.probes) {
        if (!probe.refused) continue;
        fail(findings, "firewall",
             fmt::format("this node refuses to send UDP to {} ({})", probe.peer, probe.address),
             "a packet filter of its own: nft list ruleset, iptables-save; then the cgroup's BPF "
             "programs");
    }
    if (findings.size() == before)
        ok(findings, "firewall", "no rule here throws away packets of the tunnels");
}

}  // namespace wgs::cli
