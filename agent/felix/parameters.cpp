// SPDX-License-Identifier: Apache-2.0
#include "felix/parameters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <string_view>

#include "base/text.h"

namespace wgs::felix {
namespace {

constexpr std::int64_t kMaxPort = 65535;
constexpr std::int64_t kMinMtu = 576;
constexpr std::int64_t kMaxMtu = 65535;
constexpr std::int64_t kMaxRulePriority = 32765;
constexpr double kMaxKeepalive = 65535;  // a 16-bit field of WireGuard's netlink
constexpr std::size_t kMaxInterfaceName = 15;

std::string in_lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower;
}

// None of the readers accepts what it does not understand.

std::optional<bool> read_bool(std::string_view text) {
    const std::string value = in_lower_case(text);
    const auto is = [&](std::string_view choice) { return value == choice; };
    static constexpr std::array<std::string_view, 5> kTrue{"true", "1", "yes", "y", "t"};
    static constexpr std::array<std::string_view, 5> kFalse{"false", "0", "no", "n", "f"};
    if (std::ranges::any_of(kTrue, is)) return true;
    if (std::ranges::any_of(kFalse, is)) return false;
    return std::nullopt;
}

std::optional<std::int64_t> read_integer(std::string_view text, std::int64_t lowest,
                                         std::int64_t highest) {
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    if (hexadecimal) text.remove_prefix(2);
    std::int64_t value = 0;
    const auto parsed = std::from_chars(text.begin(), text.end(), value, hexadecimal ? 16 : 10);
    if (parsed.ec != std::errc() || parsed.ptr != text.end()) return std::nullopt;
    if (value < lowest || value > highest) return std::nullopt;
    return value;
}

// Seconds, perhaps with a fraction, of which WireGuard knows none: it is rounded up.
std::optional<std::chrono::seconds> read_seconds(std::string_view text) {
    double value = -1;
    const auto parsed = std::from_chars(text.begin(), text.end(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.end()) return std::nullopt;
    if (!(value >= 0) || value > kMaxKeepalive) return std::nullopt;
    return std::chrono::seconds(static_cast<std::int64_t>(std::ceil(value)));
}

bool is_interface_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

std::optional<std::string> read_interface(std::string_view text) {
    const bool is_name = !text.empty() && text.size() <= kMaxInterfaceName && text != "." &&
                         text != ".." && std::ranges::all_of(text, is_interface_character);
    return is_name ? std::optional<std::string>(text) : std::nullopt;
}

// One parameter: its name, and what takes its value; false: it is not a value.
struct Parameter {
    std::string_view name;
    bool (*read)(std::string_view text, Parameters& into);
};

template <class Value, class Target>
bool take(const std::optional<Value>& value, Target& target) {
    if (value) target = static_cast<Target>(*value);
    return value.has_value();
}

template <auto Family, auto Member>
bool read_flag(std::string_view text, Parameters& into) {
    return take(read_bool(text), into.*Family.*Member);
}

template <auto Member>
bool read_flag(std::string_view text, Parameters& into) {
    return take(read_bool(text), into.*Member);
}

template <auto Family>
bool read_port(std::string_view text, Parameters& into) {
    return take(read_integer(text, 1, kMaxPort), (into.*Family).port);
}

template <auto Family>
bool read_device(std::string_view text, Parameters& into) {
    return take(read_interface(text), (into.*Family).device);
}

// 0 leaves it to us.
template <auto Family>
bool read_mtu(std::string_view text, Parameters& into) {
    std::optional<std::uint32_t>& mtu = (into.*Family).mtu;
    if (read_integer(text, 0, 0)) {
        mtu.reset();
        return true;
    }
    const auto value = read_integer(text, kMinMtu, kMaxMtu);
    if (value) mtu = static_cast<std::uint32_t>(*value);
    return value.has_value();
}

bool read_node(std::string_view text, Parameters& into) {
    const std::string name = in_lower_case(text);
    if (!is_valid_node_name(name)) return false;
    into.node = name;
    return true;
}

bool read_keepalive(std::string_view text, Parameters& into) {
    return take(read_seconds(text), into.keepalive);
}

bool read_rule_priority(std::string_view text, Parameters& into) {
    return take(read_integer(text, 1, kMaxRulePriority), into.rule_priority);
}

// Names in lower case.
constexpr std::array kParameters = {
    Parameter{"felixhostname", &read_node},
    Parameter{"wireguardenabled", &read_flag<&Parameters::v4, &FamilyParameters::enabled>},
    Parameter{"wireguardenabledv6", &read_flag<&Parameters::v6, &FamilyParameters::enabled>},
    Parameter{"wireguardlisteningport", &read_port<&Parameters::v4>},
    Parameter{"wireguardlisteningportv6", &read_port<&Parameters::v6>},
    Parameter{"wireguardroutingrulepriority", &read_rule_priority},
    Parameter{"wireguardinterfacename", &read_device<&Parameters::v4>},
    Parameter{"wireguardinterfacenamev6", &read_device<&Parameters::v6>},
    Parameter{"wireguardmtu", &read_mtu<&Parameters::v4>},
    Parameter{"wireguardmtuv6", &read_mtu<&Parameters::v6>},
    Parameter{"wireguardhostencryptionenabled", &read_flag<&Parameters::hosts>},
    Parameter{"wireguardpersistentkeepalive", &read_keepalive},
    Parameter{"wireguardthreadingenabled", &read_flag<&Parameters::threaded_napi>},
};

// Felix does not look at IPv6 at all without its support.
bool lacks_ipv6(std::string_view name, std::string_view value) {
    return in_lower_case(name) == "ipv6support" && read_bool(value) == false;
}

}  // namespace

ReadParameters read_parameters(const std::map<std::string, std::string>& config) {
    ReadParameters result;
    bool ipv6 = true;
    for (const auto& [name, value] : config) {
        if (lacks_ipv6(name, value)) ipv6 = false;
        const auto* parameter =
            std::ranges::find(kParameters, in_lower_case(name), &Parameter::name);
        if (parameter == kParameters.end() || parameter->read(value, result.parameters)) continue;
        result.problems.push_back(
            {.object = name,
             .message = "not a value: " + in_quotes(value) + "; the default holds"});
    }
    result.parameters.v6.enabled = result.parameters.v6.enabled && ipv6;
    return result;
}

void apply_parameters(const Parameters& parameters, Config& config) {
    const FamilyParameters& first = parameters.first();
    if (!parameters.node.empty()) config.node = parameters.node;
    config.hosts = parameters.hosts;
    config.wireguard.device = first.device;
    config.wireguard.port = first.port;
    config.wireguard.mtu = first.mtu;
    config.wireguard.per_family = parameters.v4.enabled && parameters.v6.enabled;
    config.wireguard.device_v6 = parameters.v6.device;
    config.wireguard.port_v6 = parameters.v6.port;
    config.wireguard.mtu_v6 = parameters.v6.mtu;
    config.wireguard.keepalive = parameters.keepalive;
}

}  // namespace wgs::felix
