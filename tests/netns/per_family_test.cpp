// SPDX-License-Identifier: Apache-2.0
// A tunnel for each family.
#include <map>
#include <set>
#include <sstream>

#include "tests/netns/fixture.h"
#include "tests/netns/loss.h"
#include "tests/support/process.h"

namespace wgs::test {
namespace {

using PerFamilyTest = MeshTest;

constexpr const char* kDevices[] = {"wgsteer0", "wgsteer0-v6"};

// Packets that node 1 has steered into each device.
std::map<std::string, std::uint64_t> steered(const Agent& agent) {
    std::map<std::string, std::uint64_t> packets;
    for (const auto& peer : agent.peers())
        packets[peer.value("tunnel", "")] += peer.value("steered_packets", std::uint64_t{0});
    return packets;
}

TEST_F(PerFamilyTest, EachFamilyIsEncryptedInItsOwnDevice) {
    Cluster cluster({.nodes = 2, .policy = "require", .per_family = true});
    form_mesh(cluster);
    Node& left = cluster.node(1);
    const Node& right = cluster.node(2);
    EXPECT_TRUE(talk_encrypted(cluster, left, right));

    const auto tunnels = left.agent().status()["tunnels"];
    ASSERT_EQ(tunnels.size(), 2U);
    for (const std::size_t i : {0, 1}) {
        EXPECT_EQ(tunnels[i]["device"], kDevices[i]);
        EXPECT_EQ(tunnels[i]["port"], 51820 + i);
        EXPECT_EQ(tunnels[i]["mtu"], i == 0 ? 1440 : 1408);
        EXPECT_TRUE(left.ns().has_link(kDevices[i]));
    }
    EXPECT_NE(tunnels[0]["public_key"], tunnels[1]["public_key"]);

    for (const Family family : kFamilies) {
        const std::string own = kDevices[family == Family::v4 ? 0 : 1];
        auto before = steered(left.agent());
        EXPECT_TRUE(ping(left.pod(), right.pod_address(family)));
        auto after = steered(left.agent());
        for (const char* device : kDevices)
            EXPECT_EQ(after[device] > before[device], device == own) << device;
        EXPECT_EQ(left.agent()
                      .explain(left.pod_address(family).to_string(),
                               right.pod_address(family).to_string())
                      .value("tunnel", ""),
                  own);
    }
}

TEST_F(PerFamilyTest, EventsOfAPeerComeFromBothTunnelsAndNameTheirs) {
    Cluster cluster({.nodes = 2, .per_family = true});
    form_mesh(cluster);
    Node& left = cluster.node(1);
    const Node& right = cluster.node(2);
    Process monitor({binary("wgsteer"), "--socket", left.agent().socket(), "monitor", "-o", "json",
                     "--peer", "node-2", "--count", "8"},
                    {.ns = &left.ns()});
    ASSERT_TRUE(eventually(30s, [&] {
        for (const Family family : kFamilies)
            ping(left.pod(), right.pod_address(family));
        return !monitor.running();
    }));
    std::map<std::string, std::set<std::string>> tunnels;  // by family and hook
    std::istringstream lines(monitor.output());
    for (std::string line; std::getline(lines, line);) {
        const auto event = nlohmann::json::parse(line);
        EXPECT_EQ(event["peer"], "node-2");
        const bool v6 = event.value("source", "").find(':') != std::string::npos;
        tunnels[(v6 ? "v6 " : "v4 ") + event.value("hook", "")].insert(event.value("tunnel", ""));
    }
    const std::set<std::string> first{kDevices[0]};
    const std::set<std::string> second{kDevices[1]};
    EXPECT_EQ(tunnels["v4 nic_out"], first) << monitor.output();
    EXPECT_EQ(tunnels["v4 wg_in"], first);
    EXPECT_EQ(tunnels["v6 nic_out"], second);
    EXPECT_EQ(tunnels["v6 wg_in"], second);
}

TEST_F(PerFamilyTest, KillsUnderLoadLoseNothing) {
    expect_lossless([] {
        Cluster cluster({.nodes = 2, .per_family = true});
        form_mesh(cluster);
        Node& left = cluster.node(1);
        const Node& right = cluster.node(2);
        const auto capture = cluster.capture();
        UdpStream outward(left.pod(), right.pod_address(Family::v4), right.pod(), 300);
        UdpStream inward(right.pod(), left.pod_address(Family::v6), left.pod(), 300);
        for (int kill = 0; kill < 5; ++kill) {
            left.agent().kill9();
            std::this_thread::sleep_for(50ms);
            left.agent().start();
        }
        EXPECT_TRUE(left.agent().wait_ready(2));
        const Loss loss = loss_of(cluster, {&outward, &inward});
        EXPECT_TRUE(only_encrypted(capture->stop()));
        return loss;
    });
}

TEST_F(PerFamilyTest, ALostDeviceIsMadeAnew) {
    Cluster cluster({.nodes = 2, .policy = "require", .per_family = true});
    form_mesh(cluster);
    cluster.node(1).ns().ip("link del wgsteer0-v6\n");
    EXPECT_TRUE(soon_encrypted(cluster, cluster.node(1), cluster.node(2)));
}

TEST_F(PerFamilyTest, OneTunnelTakesOverFromTwoAndTwoFromOne) {
    Cluster cluster({.nodes = 2, .per_family = true});
    form_mesh(cluster);
    for (const bool per_family : {false, true}) {
        for (const auto& node : cluster.nodes()) {
            node->agent().kill9();
            node->agent().settings().per_family = per_family;
            node->agent().start();
        }
        for (const auto& node : cluster.nodes())
            EXPECT_TRUE(node->agent().wait_ready(per_family ? 2 : 1));
        EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
    }
}

TEST_F(PerFamilyTest, CleanupTakesBothAway) {
    Cluster cluster({.nodes = 2, .per_family = true});
    form_mesh(cluster);
    Node& node = cluster.node(1);
    ASSERT_EQ(node.agent().stop(), 0);
    const Outcome outcome = node.agent().cleanup();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output << outcome.errors;
    for (const char* device : kDevices)
        EXPECT_FALSE(node.ns().has_link(device));
    EXPECT_TRUE(eventually(3s, [&] { return node.ns().processes("wireguard-go").empty(); }));
    EXPECT_TRUE(!exists(node.agent().run_dir()) || is_empty(node.agent().run_dir()));
    EXPECT_FALSE(exists(node.agent().node_file()));
}

}  // namespace
}  // namespace wgs::test
