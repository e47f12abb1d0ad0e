// SPDX-License-Identifier: Apache-2.0
// What the facts mean. Pure functions; each appends a line at least when something is to be said.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/doctor/facts.h"
#include "cli/doctor/finding.h"

namespace wgs::cli {

// All checks, in the order in which a person would make them.
Findings examine(const Facts& facts);

// In which the stable version of a kernel is found: "6.1.76" of "#1 SMP Debian 6.1.76-1", else of
// the release.
using KernelVersion = std::array<int, 3>;
std::optional<KernelVersion> kernel_version(std::string_view release, std::string_view version);
// CVE-2026-52945: threaded NAPI of WireGuard loses a wake-up, and a peer's receive side stands
// still.
bool has_napi_stall(const KernelVersion& version);

// Bits of packet marks that are ours.
std::uint32_t our_marks(const Config& config);
// Lines of `iptables-save` or `nft list ruleset` that use bits of `ours`.
std::vector<MarkUse> marks_in(std::string_view rules, std::uint32_t ours, const std::string& where);

// Lines of `iptables-save` or `nft list ruleset` that throw away UDP packets of these ports, and an
// input chain that throws away everything else, if no line names the ports.
std::vector<FilterRule> blocks_in(std::string_view rules, const std::set<std::uint16_t>& ports,
                                  const std::string& where);

// Parts of examine().
void check_kernel(const Facts& facts, Findings& findings);
void check_agent(const Facts& facts, Findings& findings);
void check_peers(const Facts& facts, Findings& findings);
void check_probes(const Facts& facts, Findings& findings);
void check_files(const Facts& facts, Findings& findings);
void check_devices(const Facts& facts, Findings& findings);
void check_chains(const Facts& facts, Findings& findings);
void check_marks(const Facts& facts, Findings& findings);
void check_filters(const Facts& facts, Findings& findings);

}  // namespace wgs::cli
