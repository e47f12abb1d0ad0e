// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cluster.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>

namespace wgs::test {
namespace {

constexpr std::size_t kLogShown = 6000;

IpAddress address(const std::string& text) {
    return IpAddress::parse(text).value();
}

Prefix prefix(const std::string& text) {
    return Prefix::parse(text).value();
}

void print_log(const Node& node) {
    const std::string log = node.agent().log();
    const std::size_t start = log.size() > kLogShown ? log.size() - kLogShown : 0;
    std::fprintf(stderr, "---- log of %s ----\n%s\n", node.name().c_str(), log.c_str() + start);
}

}  // namespace

Node::Node(const Cluster& cluster, int number)
    : cluster_(&cluster),
      number_(number),
      host_(name()),
      pod_("pod of " + name()),
      agent_(host_, agent_settings()) {
    use_strict_sysctls(host_);
    use_strict_sysctls(pod_);
    connect_nic();
    connect_pod();
}

std::string Node::name() const {
    return fmt::format("node-{}", number_);
}

IpAddress Node::host_address(Family family) const {
    return address(family == Family::v4 ? fmt::format("192.168.50.{}", number_)
                                        : fmt::format("fd50::{}", number_));
}

IpAddress Node::pod_address(Family family) const {
    return address(family == Family::v4 ? fmt::format("10.{}.0.10", number_)
                                        : fmt::format("fd10:{}::10", number_));
}

Prefix Node::pod_prefix(Family family) const {
    return prefix(family == Family::v4 ? fmt::format("10.{}.0.0/24", number_)
                                       : fmt::format("fd10:{}::/64", number_));
}

std::string Node::underlay() const {
    const std::optional<int> vlan = cluster_->options().vlan;
    return vlan ? fmt::format("eth0.{}", *vlan) : "eth0";
}

// Devices inherit `default`. Addresses must work at once, so no duplicate address detection.
void Node::use_strict_sysctls(const NetNamespace& ns) const {
    for (const char* scope : {"all", "default"}) {
        ns.sysctl(fmt::format("ipv4/conf/{}/rp_filter", scope), "1");
        ns.sysctl(fmt::format("ipv6/conf/{}/accept_dad", scope), "0");
        ns.sysctl(fmt::format("ipv6/conf/{}/forwarding", scope), "1");
    }
    ns.sysctl("ipv4/ip_forward", "1");
}

void Node::connect_nic() const {
    const NetNamespace& underlay_ns = cluster_->underlay();
    underlay_ns.ip(
        fmt::format("link add port{0} type veth peer name eth0 netns {1}\n"
                    "link set port{0} master br0\n"
                    "link set port{0} up\n",
                    number_, host_.path()));
    if (const std::optional<int> vlan = cluster_->options().vlan) {
        host_.ip(fmt::format("link add link eth0 name {} type vlan id {}\n", underlay(), *vlan));
    }
    restore_nic();
}

void Node::restore_nic() const {
    host_.ip("link set eth0 up\n");
    host_.ip(fmt::format(
        "link set {2} up\n"
        "addr replace {0}/24 dev {2}\n"
        "addr replace {1}/64 dev {2} nodad\n",
        host_address(Family::v4).to_string(), host_address(Family::v6).to_string(), underlay()));
    for (const auto& other : cluster_->nodes()) {
        if (other->number() != number_) route_to(*other);
    }
}

// The host's side, with the gateway's addresses.
std::string Node::pod_link_script() const {
    switch (cluster_->options().pods) {
        case PodStyle::routed:
            return fmt::format(
                "addr add 169.254.1.1/32 dev veth-pod scope link\n"
                "addr add fe80::1/64 dev veth-pod nodad\n"
                "link set veth-pod up\n"
                "route add 10.{0}.0.10/32 dev veth-pod scope link\n"
                "route add fd10:{0}::10/128 dev veth-pod\n",
                number_);
        case PodStyle::bridged:
            return fmt::format(
                "link set veth-pod master cni0\n"
                "link set veth-pod up\n"
                "addr replace 10.{0}.0.1/24 dev cni0\n"
                "addr replace fd10:{0}::1/64 dev cni0 nodad\n"
                "link set cni0 up\n",
                number_);
        default:
            return fmt::format(
                "addr add 10.{0}.0.1/24 dev veth-pod\n"
                "addr add fd10:{0}::1/64 dev veth-pod nodad\n"
                "link set veth-pod up\n",
                number_);
    }
}

void Node::connect_pod() const {
    if (cluster_->options().pods == PodStyle::bridged && !host_.has_link("cni0"))
        host_.ip("link add cni0 type bridge\n");
    host_.ip(fmt::format("link add veth-pod type veth peer name eth0 netns {}\n", pod_.path()) +
             pod_link_script());
    const bool routed = cluster_->options().pods == PodStyle::routed;
    pod_.ip(fmt::format("addr add 10.{0}.0.10/{1} dev eth0\n"
                        "addr add fd10:{0}::10/{2} dev eth0 nodad\n"
                        "link set eth0 up\n",
                        number_, routed ? 32 : 24, routed ? 128 : 64) +
            (routed ? "route add default via 169.254.1.1 dev eth0 onlink\n"
                      "route add ::/0 via fe80::1 dev eth0\n"
                    : fmt::format("route add default via 10.{0}.0.1\n"
                                  "route add ::/0 via fd10:{0}::1\n",
                                  number_)));
}

void Node::route_to(const Node& other) const {
    for (const Family family : {Family::v4, Family::v6}) {
        host_.ip(fmt::format("route replace {} via {} dev {}\n",
                             other.pod_prefix(family).to_string(),
                             other.host_address(family).to_string(), underlay()));
    }
}

void Node::replace_nic() const {
    host_.ip("link del eth0\n");
    connect_nic();
}

AgentSettings Node::agent_settings() const {
    AgentSettings settings;
    settings.node = name();
    settings.directory = cluster_->workspace().directory() / name();
    settings.mesh = cluster_->mesh();
    settings.underlay = {underlay()};
    settings.cluster_prefixes = cluster_->options().cluster_prefixes;
    settings.policy = cluster_->options().policy;
    settings.hosts = cluster_->options().hosts;
    settings.path = cluster_->options().path;
    settings.guard = cluster_->options().guard;
    settings.per_family = cluster_->options().per_family;
    settings.max_peers = cluster_->options().max_peers;
    settings.mark = cluster_->workspace().mark();
    for (const Family family : {Family::v4, Family::v6}) {
        settings.addresses.push_back(host_address(family).to_string());
        settings.prefixes.push_back(pod_prefix(family).to_string());
    }
    return settings;
}

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)), switch_("switch") {
    switch_.ip("link add br0 type bridge\nlink set br0 up\n");
    std::filesystem::create_directory(mesh());
    for (int i = 0; i < options_.nodes; ++i)
        add_node();
}

Cluster::~Cluster() {
    if (!testing::Test::HasFailure()) return;
    for (const auto& node : nodes_)
        print_log(*node);
}

Node& Cluster::add_node() {
    auto added = std::make_unique<Node>(*this, static_cast<int>(nodes_.size()) + 1);
    for (const auto& node : nodes_)
        node->route_to(*added);
    nodes_.push_back(std::move(added));
    return *nodes_.back();
}

void Cluster::start_agents() {
    for (const auto& node : nodes_)
        node->agent().start();
}

bool Cluster::wait_ready(Millis timeout) const {
    const std::size_t tunnels = options_.per_family ? 2 : 1;
    for (const auto& node : nodes_) {
        if (!node->agent().wait_ready(tunnels * (nodes_.size() - 1), timeout)) return false;
    }
    return true;
}

std::unique_ptr<Capture> Cluster::capture() const {
    WireRules rules;
    for (const std::string& text : options_.cluster_prefixes)
        rules.protected_prefixes.push_back(prefix(text));
    for (const auto& node : nodes_) {
        for (const Family family : {Family::v4, Family::v6}) {
            rules.protected_prefixes.push_back(node->pod_prefix(family));
            if (options_.hosts) rules.protected_prefixes.emplace_back(node->host_address(family));
        }
    }
    return std::make_unique<Capture>(switch_, rules);
}

}  // namespace wgs::test
