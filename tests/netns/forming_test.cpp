// SPDX-License-Identifier: Apache-2.0
// A mesh forms, encrypts, and leaves the node's networking as it was.
#include <sstream>

#include "tests/netns/fixture.h"

namespace wgs::test {
namespace {

using FormingTest = MeshTest;

// Routes and rules of every table, without what the kernel itself adds to the tunnel device
// (its link-local and multicast entries).
std::string routing(const NetNamespace& ns) {
    std::istringstream lines(
        ns.ip("rule show\nroute show table all\n") +
        run({"ip", "-6", "-batch", "-"}, {.ns = &ns, .input = "rule show\nroute show table all\n"})
            .output);
    std::string kept;
    for (std::string line; std::getline(lines, line);) {
        const bool of_tunnel = line.find("dev wgsteer0") != std::string::npos;
        const bool automatic = line.find("fe80:") != std::string::npos ||
                               line.find("ff00::/8") != std::string::npos ||
                               line.starts_with("anycast");
        if (!of_tunnel || !automatic) kept += line + "\n";
    }
    return kept;
}

TEST_F(FormingTest, ThreeNodesEncryptPodAndHostTraffic) {
    Cluster cluster({.nodes = 3});
    form_mesh(cluster);
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(3)));
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(2), cluster.node(3)));
}

TEST_F(FormingTest, TcpArrivesIntactAndUnseen) {
    Cluster cluster({.nodes = 2});
    form_mesh(cluster);
    const Node& left = cluster.node(1);
    const Node& right = cluster.node(2);
    const auto capture = cluster.capture();
    for (const Family family : kFamilies) {
        EXPECT_TRUE(tcp_transfer(left.pod(), right.pod_address(family), right.pod(), 3'000'000));
        EXPECT_TRUE(tcp_transfer(right.ns(), left.host_address(family), left.ns(), 3'000'000));
    }
    EXPECT_TRUE(only_encrypted(capture->stop()));
}

TEST_F(FormingTest, TtlIsThatOfPlainRouting) {
    Cluster cluster({.nodes = 2});
    const Node& left = cluster.node(1);
    const Node& right = cluster.node(2);
    const auto ttls = [&] {
        std::vector<std::optional<int>> values;
        for (const Family family : kFamilies) {
            values.push_back(ping(left.pod(), right.pod_address(family)));
            values.push_back(ping(left.ns(), right.host_address(family)));
        }
        return values;
    };
    ASSERT_TRUE(all_answer(left, right));
    const auto before = ttls();
    form_mesh(cluster);
    EXPECT_EQ(ttls(), before);
    EXPECT_EQ(before.front(), 62);
}

TEST_F(FormingTest, RulesRoutesAndReversePathFilterStayAsTheyWere) {
    Cluster cluster({.nodes = 2});
    ASSERT_TRUE(all_answer(cluster.node(1), cluster.node(2)));
    const NetNamespace& ns = cluster.node(1).ns();
    const std::string before = routing(ns);
    ASSERT_NE(before.find("10.2.0.0/24"), std::string::npos);
    form_mesh(cluster);
    ASSERT_TRUE(ns.has_link("wgsteer0"));
    EXPECT_EQ(routing(ns), before);
    for (const char* scope : {"all", "default", "eth0", "wgsteer0"}) {
        EXPECT_EQ(ns.sysctl(std::string("ipv4/conf/") + scope + "/rp_filter"), "1") << scope;
    }
}

TEST_F(FormingTest, VlanUnderlayIsSteeredToo) {
    if (!kernel_has_link_type("vlan")) GTEST_SKIP() << "the kernel has no VLAN devices (8021q)";
    Cluster cluster({.nodes = 2, .vlan = 7});
    form_mesh(cluster);
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
}

TEST_F(FormingTest, HostsOffLeavesNodeTrafficAlone) {
    Cluster cluster({.nodes = 2, .hosts = false});
    form_mesh(cluster);
    const Node& left = cluster.node(1);
    const Node& right = cluster.node(2);
    EXPECT_TRUE(talk_encrypted(cluster, left, right));

    WireRules nodes_only;
    nodes_only.protected_prefixes.emplace_back(left.host_address(Family::v4));
    nodes_only.protected_prefixes.emplace_back(right.host_address(Family::v4));
    Capture capture(cluster.underlay(), nodes_only);
    ASSERT_TRUE(ping(left.ns(), right.host_address(Family::v4)));
    EXPECT_GE(capture.stop().clear, 2U);
    EXPECT_TRUE(nothing_leaked(cluster));
}

}  // namespace
}  // namespace wgs::test
