// SPDX-License-Identifier: Apache-2.0
// What Felix's configuration says about WireGuard.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/ip.h"
#include "source/source.h"

namespace wgs::felix {

// Of one address family: its WireGuard runs over the same family and carries nothing else.
struct FamilyParameters {
    bool enabled = false;
    std::string device;
    std::uint16_t port = 0;            // UDP, host byte order
    std::optional<std::uint32_t> mtu;  // bytes; none: from the underlay
    bool operator==(const FamilyParameters&) const = default;
};

// Defaults are Felix's.
struct Parameters {
    std::string node;  // empty: not set
    FamilyParameters v4{.device = "wireguard.cali", .port = 51820, .mtu = {}};
    FamilyParameters v6{.device = "wg-v6.cali", .port = 51821, .mtu = {}};
    bool hosts = false;                 // WireguardHostEncryptionEnabled
    std::chrono::seconds keepalive{0};  // 0: off
    bool threaded_napi = false;
    // Of the ip rule with which Felix's own dataplane steers; there is none here.
    std::int32_t rule_priority = 99;

    [[nodiscard]] const FamilyParameters& of(Family family) const {
        return family == Family::v4 ? v4 : v6;
    }
    // Whose tunnel is the first: with both families there is one for each.
    [[nodiscard]] const FamilyParameters& first() const { return v4.enabled ? v4 : v6; }
    [[nodiscard]] bool enabled() const { return v4.enabled || v6.enabled; }
    bool operator==(const Parameters&) const = default;
};

struct ReadParameters {
    Parameters parameters;
    std::vector<Problem> problems;  // values that Felix's rules refuse: the defaults hold instead
};

// Names of parameters in any case, as everywhere in Felix; those which do not concern WireGuard are
// passed over.
[[nodiscard]] ReadParameters read_parameters(const std::map<std::string, std::string>& config);

// What Felix decides takes the place of what the configuration file says.
void apply_parameters(const Parameters& parameters, Config& config);

}  // namespace wgs::felix
