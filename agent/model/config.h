// SPDX-License-Identifier: Apache-2.0
// The agent's configuration as plain data. Defaults are those of the man page wgsteerd.8.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "maps/layout.h"
#include "model/ip.h"
#include "model/tunnels.h"

namespace wgs {

enum class Policy { prefer, require };
enum class Path { transparent, fast };
enum class GuardMode { off, native, generic, automatic };
enum class BackendChoice { automatic, kernel, userspace };
enum class LogFormat { text, json };
enum class LogLevel { debug, info, warning, error };

// What the bypass table names; the port, of either side, is 0 where the protocol has none.
struct Service {
    std::uint8_t protocol = 0;  // IP protocol number
    std::uint16_t port = 0;
    auto operator<=>(const Service&) const = default;
};

inline constexpr std::size_t kMaxBypassed = WGS_MAX_BYPASSED;

// What is of one tunnel.
struct TunnelConfig {
    std::string device;
    std::uint16_t port = 0;
    std::optional<std::uint32_t> mtu;  // bytes; none: from the underlay
};

struct WireguardConfig {
    BackendChoice backend = BackendChoice::automatic;
    std::string device = "wgsteer0";
    std::uint16_t port = 51820;
    std::optional<std::uint32_t> mtu;  // bytes; none: from the underlay
    // A tunnel for each family: those above are then of the one for IPv4.
    bool per_family = false;
    std::string device_v6 = "wgsteer0-v6";
    std::uint16_t port_v6 = 51821;
    std::optional<std::uint32_t> mtu_v6;
    std::optional<std::uint32_t> fwmark;  // none: kDefaultFwmark
    std::chrono::seconds keepalive{0};    // 0: off
    // Empty: no pre-shared keys.
    std::filesystem::path cluster_secret_file = {};

    // By TunnelIndex.
    [[nodiscard]] std::vector<TunnelConfig> tunnels() const {
        std::vector<TunnelConfig> all{{.device = device, .port = port, .mtu = mtu}};
        if (per_family) all.push_back({.device = device_v6, .port = port_v6, .mtu = mtu_v6});
        return all;
    }
};

// Where the other nodes are learnt: one struct per kind of source.
struct DirectoryConfig {
    std::filesystem::path path;
};

struct KubernetesConfig {
    std::filesystem::path kubeconfig;  // empty: the service account of the pod we run in
    std::string context;               // empty: the kubeconfig's current one
    bool calico = false;               // Calico's annotations instead of our own
    bool host_local = false;           // and its addresses from spec.podCIDRs, not from IPAM blocks
};

struct EtcdConfig {
    std::vector<std::string> endpoints;      // http://HOST:PORT or https://HOST:PORT
    std::string prefix = "/wgsteer/nodes/";  // of keys; a node's name follows
    std::filesystem::path ca_file;           // empty: the system's
    std::filesystem::path cert_file;         // of the client, with key_file; empty: none
    std::filesystem::path key_file;
    std::string username;  // with password_file; empty: none
    std::filesystem::path password_file;
    std::chrono::seconds lease{30};  // how long our key outlives us
};

struct FelixConfig {};

using SourceConfig = std::variant<DirectoryConfig, KubernetesConfig, EtcdConfig, FelixConfig>;

struct Config {
    std::string node;
    std::filesystem::path run_dir = "/run/wgsteer";
    std::filesystem::path state_dir = "/var/lib/wgsteer";
    std::filesystem::path bpffs = "/sys/fs/bpf/wgsteer";
    SourceConfig source;
    // How long it takes to believe that many nodes have left at once.
    std::chrono::seconds confirm_removals{300};
    std::vector<IpAddress> addresses;
    std::vector<Prefix> prefixes;
    std::vector<std::string> underlay;
    std::vector<Prefix> cluster_prefixes;
    Policy policy = Policy::prefer;
    bool hosts = false;
    bool overlay = true;  // steer tunnels of the CNI between nodes even when `hosts` is off
    std::set<Service> bypass;
    bool leak_watch = true;
    bool crypto_latency = true;  // time packets, where WireGuard is the kernel's
    Path path = Path::transparent;
    // Shell patterns: names of the host's ends of pods' veths.
    std::vector<std::string> pod_interfaces{"cali*", "veth*", "lxc*"};
    GuardMode guard = GuardMode::off;
    WireguardConfig wireguard;
    std::uint32_t max_peers = 4096;
    std::string metrics = "127.0.0.1:9586";  // empty: off
    bool metrics_per_peer = true;            // series for each peer
    bool metrics_calico = false;             // under Calico's names too
    bool bpf_stats = false;                  // have the kernel measure the programs
    LogLevel log_level = LogLevel::info;
    LogFormat log_format = LogFormat::text;
};

// A node is a peer in each tunnel.
[[nodiscard]] inline std::uint32_t max_nodes(const Config& config) {
    return config.max_peers / tunnel_count(config.wireguard.per_family);
}

// Marks stay clear of Kubernetes (0xc000), Cilium (0x0f00, upper half) and Calico (upper half).
inline constexpr std::uint32_t kDefaultFwmark = 0x1000;
inline constexpr std::uint32_t kDecryptedMark = 0x2000;

}  // namespace wgs
