// SPDX-License-Identifier: Apache-2.0
// The dataplane does not need the agent to be there.
#include <csignal>

#include "tests/netns/fixture.h"
#include "tests/netns/loss.h"

namespace wgs::test {
namespace {

using RestartTest = MeshTest;

constexpr int kKills = 20;
constexpr int kRate = 1000;  // packets a second; each is echoed, so both directions carry as many

// That rate in all, half of it in each family, from either side.
struct Streams {
    Streams(const Node& left, const Node& right)
        : outward(left.pod(), right.pod_address(Family::v4), right.pod(), kRate / 2),
          inward(right.pod(), left.pod_address(Family::v6), left.pod(), kRate / 2) {}
    UdpStream outward;
    UdpStream inward;
};

// Ends a scenario which has restarted the agent of node 1 under load.
Loss unharmed(Cluster& cluster, Streams& streams, Capture& capture) {
    EXPECT_TRUE(cluster.node(1).agent().wait_ready(1));
    const Loss loss = loss_of(cluster, {&streams.outward, &streams.inward});
    EXPECT_TRUE(only_encrypted(capture.stop()));
    return loss;
}

std::string device_index(const Node& node) {
    const std::string line = node.ns().ip("link show wgsteer0\n");
    return line.substr(0, line.find(':'));
}

// The control: without a restart nothing is lost either.
TEST_F(RestartTest, UndisturbedMeshLosesNothing) {
    expect_lossless([] {
        Cluster cluster({.nodes = 2});
        form_mesh(cluster);
        Streams streams(cluster.node(1), cluster.node(2));
        std::this_thread::sleep_for(5s);
        return loss_of(cluster, {&streams.outward, &streams.inward});
    });
}

TEST_F(RestartTest, TwentyKillsUnderLoadLoseNothing) {
    expect_lossless([] {
        Cluster cluster({.nodes = 2});
        form_mesh(cluster);
        Node& left = cluster.node(1);
        const auto capture = cluster.capture();
        Streams streams(left, cluster.node(2));
        for (int kill = 0; kill < kKills; ++kill) {
            left.agent().kill9();
            std::this_thread::sleep_for(50ms);
            left.agent().start();
        }
        return unharmed(cluster, streams, *capture);
    });
}

// Other settings need other programs: they are loaded beside the old ones and take their place.
TEST_F(RestartTest, ReplacingTheProgramsLosesNothing) {
    if (slow_machine()) GTEST_SKIP() << "the verifier starves the streams of an emulated machine";
    expect_lossless([] {
        Cluster cluster({.nodes = 2});
        form_mesh(cluster);
        Node& left = cluster.node(1);
        const auto capture = cluster.capture();
        Streams streams(left, cluster.node(2));
        for (int change = 0; change < 4; ++change) {
            left.agent().kill9();
            left.agent().settings().hosts = !left.agent().settings().hosts;
            left.agent().start();
        }
        return unharmed(cluster, streams, *capture);
    });
}

TEST_F(RestartTest, ChangingThePolicyLosesNothing) {
    if (slow_machine()) GTEST_SKIP() << "the verifier starves the streams of an emulated machine";
    expect_lossless([] {
        Cluster cluster({.nodes = 2, .policy = "prefer"});
        form_mesh(cluster);
        const auto capture = cluster.capture();
        Streams streams(cluster.node(1), cluster.node(2));
        for (const char* policy : {"require", "prefer", "require"}) {
            for (const auto& node : cluster.nodes()) {
                node->agent().settings().policy = policy;
                node->agent().start();
            }
        }
        return unharmed(cluster, streams, *capture);
    });
}

TEST_F(RestartTest, KillWhileStartingLosesNothing) {
    expect_lossless([] {
        Cluster cluster({.nodes = 2});
        form_mesh(cluster);
        Node& left = cluster.node(1);
        const Node& right = cluster.node(2);
        UdpStream stream(left.pod(), right.pod_address(Family::v4), right.pod(), kRate);
        for (Millis life = 0ms; life < 100ms; life += 5ms) {
            left.agent().kill9();
            left.agent().launch();
            std::this_thread::sleep_for(life);
        }
        left.agent().start();
        EXPECT_TRUE(left.agent().wait_ready(1));
        return loss_of(cluster, {&stream});
    });
}

TEST_F(RestartTest, CleanStopLeavesTheDataplaneWorking) {
    expect_lossless([] {
        Cluster cluster({.nodes = 2});
        form_mesh(cluster);
        Node& left = cluster.node(1);
        Node& right = cluster.node(2);
        UdpStream stream(left.pod(), right.pod_address(Family::v4), right.pod(), kRate);
        EXPECT_EQ(left.agent().stop(), 0);
        EXPECT_EQ(right.agent().stop(), 0);
        EXPECT_TRUE(talk_encrypted(cluster, left, right));
        form_mesh(cluster);
        return loss_of(cluster, {&stream});
    });
}

TEST_F(RestartTest, StartingAgainAdoptsDeviceAndProcess) {
    Cluster cluster({.nodes = 2});
    form_mesh(cluster);
    Node& node = cluster.node(1);
    const std::string device = device_index(node);
    const std::vector<pid_t> engines = node.ns().processes("wireguard-go");
    const std::string key = cluster.node(2).agent().peer("node-1").value("public_key", "");

    node.agent().kill9();
    node.agent().start();
    EXPECT_TRUE(node.agent().wait_ready(1));
    EXPECT_EQ(device_index(node), device);
    EXPECT_EQ(node.ns().processes("wireguard-go"), engines);
    EXPECT_EQ(cluster.node(2).agent().peer("node-1").value("public_key", ""), key);
}

// A service manager, a container or `ip netns exec` may give each start its own mount namespace,
// and with it another bpffs.
TEST_F(RestartTest, RestartInAnotherMountNamespaceLosesNothing) {
    if (!has_tool("unshare")) GTEST_SKIP() << "unshare is not here";
    expect_lossless([] {
        Cluster cluster({.nodes = 2});
        Node& left = cluster.node(1);
        const Node& right = cluster.node(2);
        left.agent().settings().launcher = {"unshare", "-m"};
        form_mesh(cluster);
        const auto capture = cluster.capture();
        UdpStream stream(left.pod(), right.pod_address(Family::v4), right.pod(), kRate);
        for (int round = 0; round < 3; ++round) {
            left.agent().kill9();
            std::this_thread::sleep_for(300ms);
            left.agent().start();
        }
        EXPECT_TRUE(left.agent().wait_ready(1));
        const Loss loss = loss_of(cluster, {&stream});
        EXPECT_TRUE(only_encrypted(capture->stop()));
        return loss;
    });
}

TEST_F(RestartTest, PeerGoneWhileTheAgentWasAwayIsRemoved) {
    Cluster cluster({.nodes = 3});
    form_mesh(cluster);
    cluster.node(1).agent().kill9();
    cluster.node(3).agent().kill9();
    std::filesystem::remove(cluster.node(3).agent().node_file());
    cluster.node(1).agent().start();
    EXPECT_TRUE(cluster.node(1).agent().wait_ready(1));
    EXPECT_TRUE(cluster.node(1).agent().peer("node-3").is_null());
    EXPECT_EQ(cluster.node(1).agent().explain("10.1.0.10", "10.3.0.10").value("reason", ""),
              "no_peer");
}

}  // namespace
}  // namespace wgs::test
