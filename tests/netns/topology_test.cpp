// SPDX-License-Identifier: Apache-2.0
// Other shapes of networks than one NIC with routed pods.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>

#include "model/key.h"
#include "tests/netns/fixture.h"
#include "tests/netns/loss.h"
#include "tests/support/process.h"
#include "tests/support/wireguard_control.h"

namespace wgs::test {
namespace {

IpAddress address(const std::string& text) {
    return IpAddress::parse(text).value();
}

// What is between addresses of nodes counts as clear text, whatever `hosts` says.
std::unique_ptr<Capture> capture_of_hosts(const Cluster& cluster) {
    WireRules rules;
    for (const auto& node : cluster.nodes()) {
        for (const Family family : kFamilies)
            rules.protected_prefixes.emplace_back(node->host_address(family));
    }
    return std::make_unique<Capture>(cluster.underlay(), rules);
}

bool pods_reach_each_other(const Node& left, const Node& right) {
    for (const Family family : kFamilies) {
        if (!reaches(left.pod(), right.pod_address(family)) ||
            !reaches(right.pod(), left.pod_address(family)))
            return false;
    }
    return true;
}

using TopologyTest = MeshTest;

TEST_F(TopologyTest, PodsBehindABridge) {
    Cluster cluster({.nodes = 2, .policy = "require", .pods = PodStyle::bridged});
    form_mesh(cluster);
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
    for (const Family family : kFamilies)
        EXPECT_TRUE(tcp_transfer(cluster.node(1).pod(), cluster.node(2).pod_address(family),
                                 cluster.node(2).pod(), 1'000'000));
}

// Pods of two nodes whose CNI puts their packets into VXLAN.
class OverlayTest : public MeshTest {
  protected:
    void form(const std::string& overlay, int mtu = 1390) {
        cluster_.emplace(ClusterOptions{.nodes = 2, .policy = "require", .hosts = false});
        connect(left(), right(), mtu);
        connect(right(), left(), mtu);
        for (Node* node : {&left(), &right()})
            node->agent().settings().overlay = overlay;
        form_mesh(*cluster_);
    }

    static void connect(const Node& node, const Node& other, int mtu) {
        node.ns().ip(fmt::format(
            "link add vx0 mtu {4} type vxlan id 7 dstport 4789 local {2} remote {3} dev eth0\n"
            "addr add 172.30.0.{0}/24 dev vx0\n"
            "addr add fd30::{0}/64 dev vx0 nodad\n"
            "link set vx0 up\n"
            "route replace 10.{1}.0.0/24 via 172.30.0.{1} dev vx0\n"
            "route replace fd10:{1}::/64 via fd30::{1} dev vx0\n",
            node.number(), other.number(), node.host_address(Family::v4).to_string(),
            other.host_address(Family::v4).to_string(), mtu));
    }

    // What a capture sees of pods that talk.
    WireCounts talk() {
        const auto capture = capture_of_hosts(*cluster_);
        EXPECT_TRUE(pods_reach_each_other(left(), right()));
        for (const Family family : kFamilies)
            EXPECT_TRUE(
                tcp_transfer(left().pod(), right().pod_address(family), right().pod(), 300'000));
        return capture->stop();
    }

    Node& left() { return cluster_->node(1); }
    Node& right() { return cluster_->node(2); }

    std::optional<Cluster> cluster_;
};

TEST_F(OverlayTest, IsEncryptedThoughHostsAreNot) {
    if (!kernel_has_link_type("vxlan")) GTEST_SKIP() << "the kernel has no VXLAN";
    form("auto");
    EXPECT_TRUE(only_encrypted(talk()));
    const auto capture = capture_of_hosts(*cluster_);
    EXPECT_TRUE(reaches(left().ns(), right().host_address(Family::v4)));
    EXPECT_GT(capture->stop().clear, 0U) << "hosts themselves are to be in clear";
}

// As a CNI sets it up that knows of no tunnel below.
TEST_F(OverlayTest, TcpFitsThoughTheOverlayTakesMore) {
    if (!kernel_has_link_type("vxlan")) GTEST_SKIP() << "the kernel has no VXLAN";
    form("auto", 1450);
    const WireCounts counts = talk();
    EXPECT_TRUE(only_encrypted(counts));
    EXPECT_EQ(counts.pieces, 0U);
}

TEST_F(OverlayTest, IsLeftInClearIfToldSo) {
    if (!kernel_has_link_type("vxlan")) GTEST_SKIP() << "the kernel has no VXLAN";
    form("off");
    EXPECT_GT(talk().clear, 50U);
}

class BypassTest : public MeshTest {
  protected:
    // Two nodes on which these services are exempt.
    void form(const std::string& services) {
        cluster_.emplace(ClusterOptions{.nodes = 2, .policy = "require"});
        for (const auto& node : cluster_->nodes())
            node->agent().settings().bypass = services;
        form_mesh(*cluster_);
    }

    Node& left() { return cluster_->node(1); }
    Node& right() { return cluster_->node(2); }

    std::optional<Cluster> cluster_;
};

TEST_F(BypassTest, AServiceOfNodesIsInClearBothWays) {
    form("[{proto: tcp, port: 7001}]");  // that of tcp_transfer()
    for (const Family family : kFamilies) {
        const auto capture = cluster_->capture();
        EXPECT_TRUE(tcp_transfer(left().ns(), right().host_address(family), right().ns(), 100'000));
        EXPECT_TRUE(tcp_transfer(right().ns(), left().host_address(family), left().ns(), 100'000));
        EXPECT_GT(capture->stop().clear, 20U);
    }
}

TEST_F(BypassTest, EverythingElseIsEncrypted) {
    expect_lossless([this] {
        form("[{proto: tcp, port: 7001}]");
        EXPECT_TRUE(talk_encrypted(*cluster_, left(), right()));
        const auto capture = cluster_->capture();
        UdpStream other_port(left().ns(), right().host_address(Family::v4), right().ns(), 200);
        EXPECT_TRUE(
            tcp_transfer(left().pod(), right().pod_address(Family::v4), right().pod(), 100'000));
        EXPECT_TRUE(eventually(5s, [&] { return other_port.sent() > 50; }));
        const Loss loss = loss_of(*cluster_, {&other_port});
        EXPECT_TRUE(only_encrypted(capture->stop()));
        return loss;
    });
}

TEST_F(BypassTest, PingOfNodesMayBeExempt) {
    form("[{proto: icmp}]");
    const auto nodes = cluster_->capture();
    EXPECT_TRUE(reaches(left().ns(), right().host_address(Family::v4)));
    EXPECT_GE(nodes->stop().clear, 2U);
    const auto pods = cluster_->capture();
    EXPECT_TRUE(pods_reach_each_other(left(), right()));
    EXPECT_TRUE(only_encrypted(pods->stop()));
}

// Node 1 has a NIC in each of two subnets, nodes 2 and 3 are in one each, with a router between.
class TwoUnderlaysTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        cluster_.emplace(ClusterOptions{.nodes = 3, .policy = "require"});
        build_router();
        give_second_nic(cluster_->node(1));
        move_to_second_subnet(cluster_->node(3));
        cluster_->node(2).ns().ip(
            "route replace 192.168.51.0/24 via 192.168.50.254\n"
            "route replace fd51::/64 via fd50::fe\n"
            "route replace 10.3.0.0/24 via 192.168.50.254\n"
            "route replace fd10:3::/64 via fd50::fe\n");
        form_mesh(*cluster_);
    }

    void build_router() {
        const NetNamespace& router = cluster_->underlay();
        router.ip(
            "link add br1 type bridge\n"
            "link set br1 up\n"
            "addr add 192.168.50.254/24 dev br0\n"
            "addr add 192.168.51.254/24 dev br1\n"
            "addr add fd50::fe/64 dev br0 nodad\n"
            "addr add fd51::fe/64 dev br1 nodad\n");
        router.sysctl("ipv4/ip_forward", "1");
        router.sysctl("ipv6/conf/all/forwarding", "1");
    }

    void give_second_nic(Node& node) {
        cluster_->underlay().ip("link add port1b type veth peer name eth1 netns " +
                                node.ns().path() +
                                "\nlink set port1b master br1\nlink set port1b up\n");
        node.ns().ip(
            "link set eth1 up\n"
            "addr add 192.168.51.1/24 dev eth1\n"
            "addr add fd51::1/64 dev eth1 nodad\n"
            "route replace 10.3.0.0/24 via 192.168.51.3 dev eth1\n"
            "route replace fd10:3::/64 via fd51::3 dev eth1\n");
        node.agent().settings().underlay = {"eth0", "eth1"};
        node.agent().settings().addresses = {"192.168.50.1", "fd50::1", "192.168.51.1", "fd51::1"};
    }

    void move_to_second_subnet(Node& node) {
        cluster_->underlay().ip("link set port3 master br1\n");
        node.ns().ip(
            "addr flush dev eth0 scope global\n"
            "addr add 192.168.51.3/24 dev eth0\n"
            "addr add fd51::3/64 dev eth0 nodad\n"
            "route replace 192.168.50.0/24 via 192.168.51.254\n"
            "route replace fd50::/64 via fd51::fe\n"
            "route replace 10.1.0.0/24 via 192.168.51.1\n"
            "route replace fd10:1::/64 via fd51::1\n"
            "route replace 10.2.0.0/24 via 192.168.51.254\n"
            "route replace fd10:2::/64 via fd51::fe\n");
        node.agent().settings().addresses = {"192.168.51.3", "fd51::3"};
    }

    [[nodiscard]] std::unique_ptr<Capture> capture() {
        WireRules rules;
        for (const char* prefix :
             {"10.0.0.0/8", "fd10::/16", "192.168.50.1/32", "192.168.50.2/32", "192.168.51.1/32",
              "192.168.51.3/32", "fd50::1/128", "fd50::2/128", "fd51::1/128", "fd51::3/128"})
            rules.protected_prefixes.push_back(Prefix::parse(prefix).value());
        return std::make_unique<Capture>(cluster_->underlay(), rules);
    }

    std::optional<Cluster> cluster_;
};

TEST_F(TwoUnderlaysTest, AllPairsTalkEncrypted) {
    const auto wire = capture();
    for (const auto& [left, right] : {std::pair(1, 2), std::pair(1, 3), std::pair(2, 3)}) {
        EXPECT_TRUE(pods_reach_each_other(cluster_->node(left), cluster_->node(right)))
            << left << " and " << right;
        for (const Family family : kFamilies)
            EXPECT_TRUE(tcp_transfer(cluster_->node(right).pod(),
                                     cluster_->node(left).pod_address(family),
                                     cluster_->node(left).pod(), 300'000));
    }
    for (const char* other : {"192.168.50.2", "192.168.51.3", "fd50::2", "fd51::3"})
        EXPECT_TRUE(reaches(cluster_->node(1).ns(), address(other))) << other;
    for (const int from : {2, 3}) {
        for (const char* node_1 : {"192.168.50.1", "192.168.51.1", "fd50::1", "fd51::1"})
            EXPECT_TRUE(reaches(cluster_->node(from).ns(), address(node_1)))
                << "from " << from << " to " << node_1;
    }
    EXPECT_TRUE(only_encrypted(wire->stop()));
}

TEST_F(TopologyTest, ABondAsUnderlay) {
    if (!kernel_has_link_type("bond")) GTEST_SKIP() << "the kernel has no bonding";
    Cluster cluster({.nodes = 2, .policy = "require"});
    const Node& left = cluster.node(1);
    const Node& right = cluster.node(2);
    left.ns().ip(
        "link set eth0 down\n"
        "link add bond0 type bond mode active-backup\n"
        "link set eth0 master bond0\n"
        "link set bond0 up\n"
        "addr flush dev eth0\n"
        "addr add 192.168.50.1/24 dev bond0\n"
        "addr add fd50::1/64 dev bond0 nodad\n"
        "route replace 10.2.0.0/24 via 192.168.50.2 dev bond0\n"
        "route replace fd10:2::/64 via fd50::2 dev bond0\n");
    cluster.node(1).agent().settings().underlay = {"bond0"};
    form_mesh(cluster);
    EXPECT_TRUE(talk_encrypted(cluster, left, right));
}

// A VPN between pods of its own, on the very port that the mesh uses: a WireGuard device in each.
class PodTunnelTest : public MeshTest {
  protected:
    struct End {
        End(const Node& node, int number)
            : device(fmt::format("wgpod{}-{}", ::getpid() % 100000, number)),
              process({"wireguard-go", "-f", device},
                      {.ns = &node.pod(), .environment = {"LOG_LEVEL=error"}}),
              control(node.pod(), "/var/run", device) {}
        ~End() {
            process.signal(SIGTERM);  // on which it removes its socket
            process.wait(2s);
        }
        End(const End&) = delete;
        End& operator=(const End&) = delete;

        PrivateKey key = PrivateKey::generate();
        std::string device;
        Process process;
        WireguardControl control;
    };

    static void connect(const Node& node, const End& own, const Node& to, const End& other) {
        const std::filesystem::path socket = "/var/run/wireguard/" + own.device + ".sock";
        if (!eventually(5s, [&] { return exists(socket); })) broken(own.process.errors());
        own.control.connect(own.key, 51820, other.key.public_key(),
                            to.pod_address(Family::v4).to_string() + ":51820",
                            Prefix::parse(fmt::format("172.31.0.{}/32", to.number())).value());
        node.pod().ip(fmt::format("addr add 172.31.0.{}/24 dev {}\nlink set {} mtu 1360 up\n",
                                  node.number(), own.device, own.device));
    }
};

TEST_F(PodTunnelTest, WorksAndIsEncryptedOnceMore) {
    if (!has_tool("wireguard-go")) GTEST_SKIP() << "wireguard-go is not here";
    Cluster cluster({.nodes = 2, .policy = "require"});
    form_mesh(cluster);
    const Node& left = cluster.node(1);
    const Node& right = cluster.node(2);
    const End left_end(left, 1);
    const End right_end(right, 2);
    WireRules rules{.wireguard_ports = {}};  // what is between pods is clear text, WireGuard or not
    for (const Node* node : {&left, &right})
        rules.protected_prefixes.push_back(node->pod_prefix(Family::v4));
    Capture capture(cluster.underlay(), rules);
    connect(left, left_end, right, right_end);
    connect(right, right_end, left, left_end);
    EXPECT_TRUE(reaches(left.pod(), address("172.31.0.2"), 10s));
    EXPECT_TRUE(tcp_transfer(left.pod(), address("172.31.0.2"), right.pod(), 1'000'000));
    EXPECT_TRUE(nothing_in_clear(capture.stop()));
}

}  // namespace
}  // namespace wgs::test
