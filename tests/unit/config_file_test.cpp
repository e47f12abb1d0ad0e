// SPDX-License-Identifier: Apache-2.0
#include "source/config_file.h"

#include <gtest/gtest.h>

#include "node_builder.h"
#include "temporary_directory.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

// A configuration that is valid but for `line`, which becomes its second one.
Result<Config> with(std::string_view line) {
    return parse_config("source: {directory: /mesh}\n" + std::string(line) + "\n", "c.yaml");
}

std::string error_of(const Result<Config>& config) {
    return config ? "accepted" : config.error().message;
}

TEST(Config, AFamilyMayHaveATunnelOfItsOwn) {
    const auto plain = with("wireguard: {mtu: 1400}");
    ASSERT_TRUE(plain) << plain.error().message;
    ASSERT_EQ(plain->wireguard.tunnels().size(), 1U);
    EXPECT_EQ(max_nodes(*plain), plain->max_peers);
    const auto config = with(
        "wireguard: {per_family: true, device: wireguard.cali, mtu: 1400, device_v6: wg-v6.cali, "
        "port_v6: 51999, mtu_v6: auto}");
    ASSERT_TRUE(config) << config.error().message;
    const std::vector<TunnelConfig> tunnels = config->wireguard.tunnels();
    ASSERT_EQ(tunnels.size(), 2U);
    EXPECT_EQ(tunnels[0].device, "wireguard.cali");
    EXPECT_EQ(tunnels[0].port, 51820);
    EXPECT_EQ(tunnels[0].mtu, 1400U);
    EXPECT_EQ(tunnels[1].device, "wg-v6.cali");
    EXPECT_EQ(tunnels[1].port, 51999);
    EXPECT_EQ(tunnels[1].mtu, std::nullopt);
    EXPECT_EQ(max_nodes(*config), config->max_peers / 2);
}

TEST(Config, ReadsEverythingTheContractNames) {
    const auto config = parse_config(R"(
node: node-a
run_dir: /run/wgs-a
state_dir: /var/lib/wgs-a
bpffs: /sys/fs/bpf/wgs-a
source:
  directory: /etc/wgsteer/mesh
addresses: [192.168.50.1, "fd50::1"]
prefixes: [10.1.0.0/24]
underlay: [eth0, eth1.100]
cluster_prefixes: [10.0.0.0/8]
policy: require
hosts: true
leak_watch: off
crypto_latency: off
overlay: off
path: fast
pod_interfaces: ["cali*", tap0]
bypass: [{proto: tcp, port: 6443}, {proto: icmp}]
max_peers: 100
wireguard:
  backend: userspace
  device: wg-a
  port: 51821
  mtu: 1400
  fwmark: 0x100000
  keepalive: 25s
  threaded_napi: false
  lanes: 1
  cluster_secret_file: /etc/wgsteer/secret
metrics: "[::1]:9586"
metrics_per_peer: false
metrics_calico: true
bpf_stats: true
log: {level: debug, format: json}
)",
                                     "c.yaml");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->node, "node-a");
    EXPECT_EQ(config->run_dir, "/run/wgs-a");
    EXPECT_EQ(config->state_dir, "/var/lib/wgs-a");
    EXPECT_EQ(config->bpffs, "/sys/fs/bpf/wgs-a");
    EXPECT_EQ(std::get<DirectoryConfig>(config->source).path, "/etc/wgsteer/mesh");
    EXPECT_EQ(config->addresses, (std::vector{ip("192.168.50.1"), ip("fd50::1")}));
    EXPECT_EQ(config->prefixes, std::vector{prefix("10.1.0.0/24")});
    EXPECT_EQ(config->underlay, (std::vector<std::string>{"eth0", "eth1.100"}));
    EXPECT_EQ(config->cluster_prefixes, std::vector{prefix("10.0.0.0/8")});
    EXPECT_EQ(config->policy, Policy::require);
    EXPECT_TRUE(config->hosts);
    EXPECT_FALSE(config->overlay);
    EXPECT_EQ(
        config->bypass,
        (std::set<Service>{{.protocol = 1}, {.protocol = 6, .port = 6443}, {.protocol = 58}}));
    EXPECT_FALSE(config->leak_watch);
    EXPECT_FALSE(config->crypto_latency);
    EXPECT_EQ(config->path, Path::fast);
    EXPECT_EQ(config->pod_interfaces, (std::vector<std::string>{"cali*", "tap0"}));
    EXPECT_EQ(config->max_peers, 100u);
    EXPECT_EQ(config->wireguard.cluster_secret_file, "/etc/wgsteer/secret");
    EXPECT_EQ(config->wireguard.backend, BackendChoice::userspace);
    EXPECT_EQ(config->wireguard.device, "wg-a");
    EXPECT_EQ(config->wireguard.port, 51821);
    EXPECT_EQ(config->wireguard.mtu, 1400u);
    EXPECT_EQ(config->wireguard.fwmark, 0x100000u);
    EXPECT_EQ(config->wireguard.keepalive, 25s);
    EXPECT_EQ(config->metrics, "[::1]:9586");
    EXPECT_FALSE(config->metrics_per_peer);
    EXPECT_TRUE(config->metrics_calico);
    EXPECT_TRUE(config->bpf_stats);
    EXPECT_EQ(config->log_level, LogLevel::debug);
    EXPECT_EQ(config->log_format, LogFormat::json);
}

TEST(Config, HasTheDefaultsOfTheContract) {
    const auto config = with("node: node-a");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->run_dir, "/run/wgsteer");
    EXPECT_EQ(config->state_dir, "/var/lib/wgsteer");
    EXPECT_EQ(config->bpffs, "/sys/fs/bpf/wgsteer");
    EXPECT_EQ(config->policy, Policy::prefer);
    EXPECT_FALSE(config->hosts);
    EXPECT_TRUE(config->overlay);
    EXPECT_TRUE(config->bypass.empty());
    EXPECT_TRUE(config->leak_watch);
    EXPECT_TRUE(config->crypto_latency);
    EXPECT_EQ(config->path, Path::transparent);
    EXPECT_EQ(config->pod_interfaces, (std::vector<std::string>{"cali*", "veth*", "lxc*"}));
    EXPECT_EQ(config->wireguard.backend, BackendChoice::automatic);
    EXPECT_EQ(config->wireguard.device, "wgsteer0");
    EXPECT_EQ(config->wireguard.port, 51820);
    EXPECT_EQ(config->wireguard.mtu, std::nullopt);
    EXPECT_EQ(config->wireguard.fwmark, std::nullopt);
    EXPECT_EQ(config->wireguard.keepalive, 0s);
    EXPECT_EQ(config->metrics, "127.0.0.1:9586");
    EXPECT_TRUE(config->metrics_per_peer);
    EXPECT_FALSE(config->metrics_calico);
    EXPECT_FALSE(config->bpf_stats);
    EXPECT_EQ(config->log_level, LogLevel::info);
}

TEST(Config, TakesAutoForTheAbsenceOfAValue) {
    const auto config = with("wireguard: {backend: auto, mtu: auto, fwmark: auto}");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->wireguard.mtu, std::nullopt);
    EXPECT_EQ(config->wireguard.fwmark, std::nullopt);
}

TEST(Config, ReadsDurationsInSecondsMinutesAndHours) {
    EXPECT_EQ(with("wireguard: {keepalive: 0s}")->wireguard.keepalive, 0s);
    EXPECT_EQ(with("wireguard: {keepalive: 5m}")->wireguard.keepalive, 300s);
    EXPECT_EQ(with("wireguard: {keepalive: 1h}")->wireguard.keepalive, 3600s);
}

TEST(Config, SwitchesMetricsOffByAnEmptyValue) {
    EXPECT_EQ(with("metrics: \"\"")->metrics, "");
    EXPECT_EQ(with("metrics:")->metrics, "");
}

TEST(Config, ReadsTheModeOfTheGuard) {
    EXPECT_EQ(with("hosts: true")->guard, GuardMode::off);
    EXPECT_EQ(with("guard: off")->guard, GuardMode::off);
    EXPECT_EQ(with("guard: native")->guard, GuardMode::native);
    EXPECT_EQ(with("guard: generic")->guard, GuardMode::generic);
    EXPECT_EQ(with("guard: auto")->guard, GuardMode::automatic);
}

struct Refusal {
    const char* line;
    const char* message;
};

TEST(Config, RefusesUnknownKeysEverywhere) {
    const Refusal cases[] = {
        {"hots: true", "c.yaml:2: hots: unknown key"},
        {"wireguard: {prot: 1}", "c.yaml:2: wireguard.prot: unknown key"},
        {"log: {colour: red}", "c.yaml:2: log.colour: unknown key"},
        {"wireguard: 1", "c.yaml:2: wireguard: expected keys and values"},
        {"wireguard:", "c.yaml:2: wireguard: expected keys and values"},
        {"hosts: true\nhosts: false", "c.yaml:3: hosts: the key appears twice"},
    };
    for (const Refusal& refusal : cases)
        EXPECT_EQ(error_of(with(refusal.line)), refusal.message);
}

TEST(Config, RefusesBadValuesByFileLineAndKey) {
    const Refusal cases[] = {
        {"node: Node_A", "c.yaml:2: node: 'Node_A' is not a node name (a DNS name in lower case)"},
        {"node:", "c.yaml:2: node: expected a single value"},
        {"run_dir: run", "c.yaml:2: run_dir: expected an absolute path"},
        {"state_dir: \"\"", "c.yaml:2: state_dir: expected an absolute path"},
        {"addresses: [127.0.0.1]",
         "c.yaml:2: addresses[0]: 127.0.0.1 is not an address that other nodes can reach"},
        {"addresses: [10.0.0.1, 10.0.0.1]", "c.yaml:2: addresses[1]: appears twice"},
        {"addresses: 10.0.0.1", "c.yaml:2: addresses: expected a list"},
        {"prefixes: [10.1.0.1/24]",
         "c.yaml:2: prefixes[0]: '10.1.0.1/24' has host bits set; did you mean 10.1.0.0/24?"},
        {"prefixes: [0.0.0.0/0]",
         "c.yaml:2: prefixes[0]: a default route is not a prefix of one node"},
        {"cluster_prefixes: [10.0.0.0]",
         "c.yaml:2: cluster_prefixes[0]: '10.0.0.0' is not a prefix (ADDRESS/LENGTH)"},
        {"underlay: [eth/0]",
         "c.yaml:2: underlay[0]: 'eth/0' is not a device name (1 to 15 characters)"},
        {"underlay: [eth0, eth0]", "c.yaml:2: underlay[1]: appears twice"},
        {"policy: maybe", "c.yaml:2: policy: expected prefer or require"},
        {"hosts: yes", "c.yaml:2: hosts: expected true or false"},
        {"leak_watch: true", "c.yaml:2: leak_watch: expected on or off"},
        {"guard: on", "c.yaml:2: guard: expected off or native or generic or auto"},
        {"guard: true", "c.yaml:2: guard: expected off or native or generic or auto"},
        {"overlay: on", "c.yaml:2: overlay: expected auto or off"},
        {"path: slow", "c.yaml:2: path: expected transparent or fast"},
        {"pod_interfaces: cali*", "c.yaml:2: pod_interfaces: expected a list"},
        {"bypass: 6443", "c.yaml:2: bypass: expected a list"},
        {"bypass: [{port: 6443}]", "c.yaml:2: bypass[0]: proto is missing"},
        {"bypass: [{proto: tcp}]", "c.yaml:2: bypass[0]: port is missing"},
        {"bypass: [{proto: sctp, port: 1}]",
         "c.yaml:2: bypass[0].proto: expected tcp or udp or icmp"},
        {"bypass: [{proto: icmp, port: 1}]", "c.yaml:2: bypass[0].port: ICMP has no ports"},
        {"bypass: [{proto: tcp, port: 0}]",
         "c.yaml:2: bypass[0].port: expected an integer from 1 to 65535"},
        {"bypass: [{proto: tcp, port: 1, host: a}]", "c.yaml:2: bypass[0].host: unknown key"},
        {"max_peers: 0", "c.yaml:2: max_peers: expected an integer from 1 to 1000000"},
        {"wireguard: {backend: go}",
         "c.yaml:2: wireguard.backend: expected auto or kernel or userspace"},
        {"wireguard: {device: a-name-too-long-}",
         "c.yaml:2: wireguard.device: 'a-name-too-long-' is not a device name (1 to 15 "
         "characters)"},
        {"wireguard: {device: \"\"}",
         "c.yaml:2: wireguard.device: '' is not a device name (1 to 15 characters)"},
        {"wireguard: {port: 65536}",
         "c.yaml:2: wireguard.port: expected an integer from 1 to 65535"},
        {"wireguard: {mtu: 575}", "c.yaml:2: wireguard.mtu: expected an integer from 576 to 65535"},
        {"wireguard: {fwmark: 0}",
         "c.yaml:2: wireguard.fwmark: expected an integer from 1 to 4294967295"},
        {"wireguard: {fwmark: 0x3000}",
         "c.yaml:2: wireguard.fwmark: bit 0x2000 marks decrypted packets and cannot be part of it"},
        {"wireguard: {keepalive: 25}",
         "c.yaml:2: wireguard.keepalive: expected a duration such as 25s, 5m or 1h"},
        {"wireguard: {keepalive: -1s}",
         "c.yaml:2: wireguard.keepalive: expected a duration such as 25s, 5m or 1h"},
        {"wireguard: {keepalive: 19h}", "c.yaml:2: wireguard.keepalive: longer than 65535s"},
        {"wireguard: {per_family: true, device: a, device_v6: a}",
         "c.yaml:2: wireguard: device and device_v6 are the same"},
        {"wireguard: {per_family: true, port_v6: 51820}",
         "c.yaml:2: wireguard: port and port_v6 are the same"},
        {"wireguard: {device_v6: a}",
         "c.yaml:2: wireguard.device_v6: has no meaning without per_family"},
        {"wireguard: {per_family: false, port_v6: 7}",
         "c.yaml:2: wireguard.port_v6: has no meaning without per_family"},
        {"wireguard: {threaded_napi: 1}",
         "c.yaml:2: wireguard.threaded_napi: expected true or false"},
        {"wireguard: {lanes: 0}", "c.yaml:2: wireguard.lanes: expected an integer from 1 to 16"},
        {"metrics: 9586", "c.yaml:2: metrics: expected ADDRESS:PORT, or nothing for off"},
        {"metrics: ::1:9586", "c.yaml:2: metrics: expected ADDRESS:PORT, or nothing for off"},
        {"metrics: \"[10.0.0.1]:1\"",
         "c.yaml:2: metrics: expected ADDRESS:PORT, or nothing for off"},
        {"metrics: 127.0.0.1:0", "c.yaml:2: metrics: expected ADDRESS:PORT, or nothing for off"},
        {"log: {level: loud}", "c.yaml:2: log.level: expected debug or info or warning or error"},
        {"log: {format: xml}", "c.yaml:2: log.format: expected text or json"},
    };
    for (const Refusal& refusal : cases)
        EXPECT_EQ(error_of(with(refusal.line)), refusal.message);
}

TEST(Config, TakesNoClusterSecretWhereFelixMayBeAPeer) {
    const std::string secret = "wireguard: {cluster_secret_file: /s}\n";
    EXPECT_TRUE(parse_config("source: {kubernetes: {}}\n" + secret, "c.yaml"));
    const auto refused = parse_config("source: {kubernetes: {calico: true}}\n" + secret, "c.yaml");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("cluster_secret_file"), std::string::npos);
    EXPECT_FALSE(parse_config("source: {felix: {}}\n" + secret, "c.yaml"));
    EXPECT_TRUE(parse_config(
        "source: {kubernetes: {calico: true}}\nwireguard: {cluster_secret_file: \"\"}\n",
        "c.yaml"));
}

TEST(Config, RefusesWhatItCouldOnlyIgnore) {
    const Refusal cases[] = {
        {"wireguard: {lanes: 2}", "c.yaml:2: wireguard.lanes: not supported yet"},
        {"wireguard: {threaded_napi: true}",
         "c.yaml:2: wireguard.threaded_napi: not supported yet"},
        {"wireguard: {cluster_secret_file: s}",
         "c.yaml:2: wireguard.cluster_secret_file: expected an absolute path"},
        {"confirm_removals: 2d",
         "c.yaml:2: confirm_removals: expected a duration such as 25s, 5m or 1h"},
        {"confirm_removals: 25h", "c.yaml:2: confirm_removals: longer than 86400s"},
    };
    for (const Refusal& refusal : cases)
        EXPECT_EQ(error_of(with(refusal.line)), refusal.message);
}

TEST(Config, NeedsExactlyOneSource) {
    const auto source_error = [](std::string_view text) {
        return error_of(parse_config(text, "c.yaml"));
    };
    EXPECT_EQ(source_error("hosts: true"), "c.yaml:1: source is missing");
    EXPECT_EQ(source_error(""), "c.yaml:1: source is missing");
    EXPECT_EQ(source_error("source: {}"), "c.yaml:1: source: expected exactly one source");
    EXPECT_EQ(source_error("source: {directory: /a, etcd: b}"),
              "c.yaml:1: source: expected exactly one source");
    EXPECT_EQ(source_error("source: /mesh"), "c.yaml:1: source: expected keys and values");
    EXPECT_EQ(source_error("source: {directory: mesh}"),
              "c.yaml:1: source.directory: expected an absolute path");
    EXPECT_EQ(source_error("source: {consul: x}"), "c.yaml:1: source.consul: unknown key");
}

TEST(Config, IsLoadedFromAFileAndNamesIt) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "config.yaml";
    EXPECT_EQ(load_config(path).error().message,
              "read " + path.string() + ": No such file or directory");
    write_text(path, "node: a\nsource: {directory: /mesh}\nhosts: maybe\n");
    EXPECT_EQ(load_config(path).error().message,
              path.string() + ":3: hosts: expected true or false");
    write_text(path, "node: a\nsource: {directory: /mesh}\n");
    EXPECT_EQ(load_config(path)->node, "a");
}

}  // namespace
}  // namespace wgs
