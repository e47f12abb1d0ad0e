// SPDX-License-Identifier: Apache-2.0
#include "source/config_file.h"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "model/node.h"
#include "source/source_config.h"
#include "source/yaml_values.h"

namespace wgs {
namespace {

constexpr std::size_t kMaxConfigSize = 1 << 20;
constexpr std::int64_t kMaxPort = 65535;
constexpr std::int64_t kMinMtu = 576;
constexpr std::int64_t kMaxMtu = 65535;
constexpr std::int64_t kMaxWord = 0xffffffff;
constexpr std::int64_t kMaxPeers = 1'000'000;
constexpr std::int64_t kMaxLanes = 16;
constexpr std::chrono::hours kMaxConfirmation{24};
constexpr std::chrono::seconds kMaxKeepalive{65535};  // a 16-bit field of WireGuard's netlink

// A key of a map and what reads its value. One table a map; whatever is not in it is unknown.
struct Key {
    std::string_view name;
    Status (*read)(const YamlValue& value, Config& config);
};

Status read_keys(const YamlValue& map, std::span<const Key> keys, Config& config) {
    std::vector<std::string_view> names;
    for (const Key& key : keys)
        names.push_back(key.name);
    WGS_TRY(map.only(names));
    for (const Key& key : keys) {
        if (const YamlValue* value = map.find(key.name)) WGS_TRY(key.read(*value, config));
    }
    return {};
}

tl::unexpected<Error> unsupported(const YamlValue& value) {
    return value.error("not supported yet");
}

template <class T>
Result<T> read_choice(const YamlValue& value,
                      std::initializer_list<std::pair<std::string_view, T>> choices) {
    const std::string text = WGS_TRY(value.as_string());
    std::string names;
    for (const auto& [name, choice] : choices) {
        if (name == text) return choice;
        names.append(names.empty() ? "" : " or ").append(name);
    }
    return value.error("expected " + names);
}

Result<std::filesystem::path> read_optional_path(const YamlValue& value) {
    if (value.kind() == YamlValue::Kind::null || WGS_TRY(value.as_string()).empty())
        return std::filesystem::path();
    return read_path(value);
}

Result<IpAddress> read_own_address(const YamlValue& value) {
    IpAddress address = WGS_TRY(read_address(value));
    if (address.is_unspecified() || address.is_loopback() || address.is_multicast() ||
        address.is_link_local()) {
        return value.error(address.to_string() + " is not an address that other nodes can reach");
    }
    return address;
}

Result<Prefix> read_own_prefix(const YamlValue& value) {
    Prefix prefix = WGS_TRY(read_prefix(value));
    if (prefix.length() == 0) return value.error("a default route is not a prefix of one node");
    return prefix;
}

bool is_listen_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return false;
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse(host);
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto parsed = std::from_chars(digits.begin(), digits.end(), port);
    return address && bracketed == (address->family() == Family::v6) && port != 0 &&
           parsed.ec == std::errc() && parsed.ptr == digits.end();
}

Result<std::string> read_listen_address(const YamlValue& value) {
    if (value.kind() == YamlValue::Kind::null) return std::string();
    std::string text = WGS_TRY(value.as_string());
    if (text.empty() || is_listen_address(text)) return text;
    return value.error("expected ADDRESS:PORT, or nothing for off");
}

Result<std::uint32_t> read_fwmark(const YamlValue& value) {
    const auto mark = static_cast<std::uint32_t>(WGS_TRY(value.as_integer(1, kMaxWord)));
    if ((mark & kDecryptedMark) == 0) return mark;
    return value.error("bit 0x2000 marks decrypted packets and cannot be part of it");
}

// "auto" is the absence of a value.
template <auto Read, class T>
Result<std::optional<T>> read_unless_auto(const YamlValue& value) {
    const auto text = value.as_string();
    if (text && *text == "auto") return std::optional<T>();
    return std::optional<T>(WGS_TRY(Read(value)));
}

Result<std::uint16_t> read_port(const YamlValue& value) {
    return static_cast<std::uint16_t>(WGS_TRY(value.as_integer(1, kMaxPort)));
}

Result<std::uint32_t> read_mtu(const YamlValue& value) {
    return static_cast<std::uint32_t>(WGS_TRY(value.as_integer(kMinMtu, kMaxMtu)));
}

Result<std::uint32_t> read_max_peers(const YamlValue& value) {
    return static_cast<std::uint32_t>(WGS_TRY(value.as_integer(1, kMaxPeers)));
}

Result<bool> read_bool(const YamlValue& value) {
    return value.as_bool();
}

Result<std::chrono::seconds> read_confirmation(const YamlValue& value) {
    return read_duration(value, kMaxConfirmation);
}

Result<std::chrono::seconds> read_keepalive(const YamlValue& value) {
    return read_duration(value, kMaxKeepalive);
}

Result<BackendChoice> read_backend(const YamlValue& value) {
    return read_choice<BackendChoice>(value, {{"auto", BackendChoice::automatic},
                                              {"kernel", BackendChoice::kernel},
                                              {"userspace", BackendChoice::userspace}});
}

Result<LogLevel> read_log_level(const YamlValue& value) {
    return read_choice<LogLevel>(value, {{"debug", LogLevel::debug},
                                         {"info", LogLevel::info},
                                         {"warning", LogLevel::warning},
                                         {"error", LogLevel::error}});
}

Result<LogFormat> read_log_format(const YamlValue& value) {
    return read_choice<LogFormat>(value, {{"text", LogFormat::text}, {"json", LogFormat::json}});
}

Result<Policy> read_policy(const YamlValue& value) {
    return read_choice<Policy>(value, {{"prefer", Policy::prefer}, {"require", Policy::require}});
}

Result<bool> read_overlay(const YamlValue& value) {
    return read_choice<bool>(value, {{"auto", true}, {"off", false}});
}

// {proto: tcp, port: 6443}; ICMP is one protocol in each family and has no ports.
Status read_service(const YamlValue& value, std::set<Service>& services) {
    enum class Protocol { tcp, udp, icmp };
    WGS_TRY(value.only({"proto", "port"}));
    const YamlValue* proto = value.find("proto");
    const YamlValue* port = value.find("port");
    if (proto == nullptr) return value.error("proto is missing");
    const auto protocol = WGS_TRY(read_choice<Protocol>(
        *proto, {{"tcp", Protocol::tcp}, {"udp", Protocol::udp}, {"icmp", Protocol::icmp}}));
    if (protocol == Protocol::icmp) {
        if (port != nullptr) return port->error("ICMP has no ports");
        services.insert({.protocol = IPPROTO_ICMP});
        services.insert({.protocol = IPPROTO_ICMPV6});
        return {};
    }
    if (port == nullptr) return value.error("port is missing");
    const auto number =
        static_cast<std::uint8_t>(protocol == Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP);
    services.insert({.protocol = number, .port = WGS_TRY(read_port(*port))});
    return {};
}

Status read_bypass(const YamlValue& value, Config& config) {
    if (value.kind() != YamlValue::Kind::list) return value.error("expected a list");
    for (const YamlValue& item : value.items())
        WGS_TRY(read_service(item, config.bypass));
    if (config.bypass.size() > kMaxBypassed) {
        return value.error("more than " + std::to_string(kMaxBypassed) + " entries");
    }
    return {};
}

Result<bool> read_switch(const YamlValue& value) {
    return read_choice<bool>(value, {{"on", true}, {"off", false}});
}

Result<GuardMode> read_guard(const YamlValue& value) {
    return read_choice<GuardMode>(value, {{"off", GuardMode::off},
                                          {"native", GuardMode::native},
                                          {"generic", GuardMode::generic},
                                          {"auto", GuardMode::automatic}});
}

Result<Path> read_forwarding_path(const YamlValue& value) {
    return read_choice<Path>(value, {{"transparent", Path::transparent}, {"fast", Path::fast}});
}

// Features of the contract that are not there: their values are checked, and refused when they ask
// for what would not happen.
Status check_threaded_napi(const YamlValue& value, Config& /*config*/) {
    if (WGS_TRY(value.as_bool())) return unsupported(value);
    return {};
}

Status check_lanes(const YamlValue& value, Config& /*config*/) {
    if (WGS_TRY(value.as_integer(1, kMaxLanes)) > 1) return unsupported(value);
    return {};
}

template <auto Member, auto Read>
Status set(const YamlValue& value, Config& config) {
    config.*Member = WGS_TRY(Read(value));
    return {};
}

template <auto Member, auto ReadItem>
Status set_list(const YamlValue& value, Config& config) {
    config.*Member = WGS_TRY(read_list(value, ReadItem));
    return {};
}

template <auto Member, auto Read>
Status set_wireguard(const YamlValue& value, Config& config) {
    config.wireguard.*Member = WGS_TRY(Read(value));
    return {};
}

constexpr std::array kWireguardKeys = {
    Key{"backend", &set_wireguard<&WireguardConfig::backend, &read_backend>},
    Key{"device", &set_wireguard<&WireguardConfig::device, &read_interface_name>},
    Key{"port", &set_wireguard<&WireguardConfig::port, &read_port>},
    Key{"mtu", &set_wireguard<&WireguardConfig::mtu, &read_unless_auto<&read_mtu, std::uint32_t>>},
    Key{"per_family", &set_wireguard<&WireguardConfig::per_family, &read_bool>},
    Key{"device_v6", &set_wireguard<&WireguardConfig::device_v6, &read_interface_name>},
    Key{"port_v6", &set_wireguard<&WireguardConfig::port_v6, &read_port>},
    Key{"mtu_v6",
        &set_wireguard<&WireguardConfig::mtu_v6, &read_unless_auto<&read_mtu, std::uint32_t>>},
    Key{"fwmark",
        &set_wireguard<&WireguardConfig::fwmark, &read_unless_auto<&read_fwmark, std::uint32_t>>},
    Key{"keepalive", &set_wireguard<&WireguardConfig::keepalive, &read_keepalive>},
    Key{"threaded_napi", &check_threaded_napi},
    Key{"lanes", &check_lanes},
    Key{"cluster_secret_file",
        &set_wireguard<&WireguardConfig::cluster_secret_file, &read_optional_path>},
};

constexpr std::array kLogKeys = {
    Key{"level", &set<&Config::log_level, &read_log_level>},
    Key{"format", &set<&Config::log_format, &read_log_format>},
};

// Two devices cannot share a name or a port, and what is of the second one means something only if
// there is one.
Status check_tunnels(const YamlValue& value, const WireguardConfig& wireguard) {
    if (wireguard.per_family) {
        if (wireguard.device == wireguard.device_v6)
            return value.error("device and device_v6 are the same");
        if (wireguard.port == wireguard.port_v6)
            return value.error("port and port_v6 are the same");
        return {};
    }
    for (const std::string_view name : {"device_v6", "port_v6", "mtu_v6"}) {
        const YamlValue* key = value.find(name);
        if (key != nullptr) return key->error("has no meaning without per_family");
    }
    return {};
}

Status read_wireguard(const YamlValue& value, Config& config) {
    WGS_TRY(read_keys(value, kWireguardKeys, config));
    return check_tunnels(value, config.wireguard);
}

Status read_log(const YamlValue& value, Config& config) {
    return read_keys(value, kLogKeys, config);
}

constexpr std::array kTopKeys = {
    Key{"node", &set<&Config::node, &read_node_name>},
    Key{"run_dir", &set<&Config::run_dir, &read_path>},
    Key{"state_dir", &set<&Config::state_dir, &read_path>},
    Key{"bpffs", &set<&Config::bpffs, &read_path>},
    Key{"source", &set<&Config::source, &read_source_config>},
    Key{"addresses", &set_list<&Config::addresses, &read_own_address>},
    Key{"prefixes", &set_list<&Config::prefixes, &read_own_prefix>},
    Key{"underlay", &set_list<&Config::underlay, &read_interface_name>},
    Key{"cluster_prefixes", &set_list<&Config::cluster_prefixes, &read_prefix>},
    Key{"policy", &set<&Config::policy, &read_policy>},
    Key{"hosts", &set<&Config::hosts, &read_bool>},
    Key{"leak_watch", &set<&Config::leak_watch, &read_switch>},
    Key{"crypto_latency", &set<&Config::crypto_latency, &read_switch>},
    Key{"guard", &set<&Config::guard, &read_guard>},
    Key{"overlay", &set<&Config::overlay, &read_overlay>},
    Key{"path", &set<&Config::path, &read_forwarding_path>},
    Key{"pod_interfaces", &set_list<&Config::pod_interfaces, &read_interface_name>},
    Key{"bypass", &read_bypass},
    Key{"confirm_removals", &set<&Config::confirm_removals, &read_confirmation>},
    Key{"max_peers", &set<&Config::max_peers, &read_max_peers>},
    Key{"wireguard", &read_wireguard},
    Key{"metrics", &set<&Config::metrics, &read_listen_address>},
    Key{"metrics_per_peer", &set<&Config::metrics_per_peer, &read_bool>},
    Key{"metrics_calico", &set<&Config::metrics_calico, &read_bool>},
    Key{"bpf_stats", &set<&Config::bpf_stats, &read_bool>},
    Key{"log", &read_log},
};

Result<std::string> default_node_name() {
    std::array<char, 256> buffer{};
    if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return os_error(errno, "gethostname");
    std::string name = buffer.data();
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (is_valid_node_name(name)) return name;
    return invalid("the host name " + in_quotes(name) + " cannot be a node name; set `node`");
}

bool has_felix_peers(const SourceConfig& source) {
    const auto* kubernetes = std::get_if<KubernetesConfig>(&source);
    return (kubernetes != nullptr && kubernetes->calico) ||
           std::holds_alternative<FelixConfig>(source);
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& file) {
    const YamlValue root = WGS_TRY(YamlValue::parse(text, file));
    Config config;
    WGS_TRY(read_keys(root, kTopKeys, config));
    if (root.find("source") == nullptr) return root.error("source is missing");
    if (!config.wireguard.cluster_secret_file.empty() && has_felix_peers(config.source))
        return root.error("wireguard.cluster_secret_file: a node with Felix cannot know it");
    if (config.node.empty()) config.node = WGS_TRY(default_node_name().within(file));
    return config;
}

Result<Config> load_config(const std::filesystem::path& path) {
    const std::string text = WGS_TRY(read_file(path, kMaxConfigSize));
    return parse_config(text, path.string());
}

}  // namespace wgs
