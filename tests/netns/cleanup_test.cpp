// SPDX-License-Identifier: Apache-2.0
// `wgsteer cleanup` leaves the machine as if the agent had never run.
#include <fstream>

#include "tests/netns/fixture.h"
#include "tests/support/bpf_link.h"

namespace wgs::test {
namespace {

class CleanupTest : public MeshTest {
  protected:
    static bool mounted(const std::filesystem::path& path) {
        std::ifstream mounts("/proc/self/mounts");
        for (std::string device, target, rest;
             mounts >> device >> target && std::getline(mounts, rest);) {
            if (target == path) return true;
        }
        return false;
    }

    static void expect_no_trace(const Node& node) {
        const Agent& agent = node.agent();
        EXPECT_FALSE(node.ns().has_link("wgsteer0"));
        EXPECT_TRUE(eventually(3s, [&] { return node.ns().processes("wireguard-go").empty(); }));
        EXPECT_FALSE(mounted(agent.bpffs()));
        EXPECT_TRUE(!exists(agent.bpffs()) || is_empty(agent.bpffs()));
        EXPECT_FALSE(exists(agent.socket()));
        EXPECT_FALSE(delete_clsact(node.ns(), "eth0")) << "a clsact qdisc was left";
        EXPECT_FALSE(exists(agent.node_file()));
    }
};

TEST_F(CleanupTest, StoppedAgentLeavesNoTrace) {
    Cluster cluster({.nodes = 2});
    form_mesh(cluster);
    Node& node = cluster.node(1);
    ASSERT_EQ(node.agent().stop(), 0);
    const Outcome outcome = node.agent().cleanup();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output << outcome.errors;
    expect_no_trace(node);
}

TEST_F(CleanupTest, TrafficIsPlainAfterwards) {
    Cluster cluster({.nodes = 2});
    form_mesh(cluster);
    for (const int number : {1, 2}) {
        cluster.node(number).agent().stop();
        ASSERT_EQ(cluster.node(number).agent().cleanup().exit_code, 0);
    }
    const auto capture = cluster.capture();
    EXPECT_TRUE(all_answer(cluster.node(1), cluster.node(2)));
    const WireCounts counts = capture->stop();
    EXPECT_GE(counts.clear, 12U);
    EXPECT_EQ(counts.wireguard, 0U);
}

TEST_F(CleanupTest, AgentStartsAfreshAfterCleanup) {
    Cluster cluster({.nodes = 2});
    form_mesh(cluster);
    Node& node = cluster.node(1);
    node.agent().stop();
    ASSERT_EQ(node.agent().cleanup().exit_code, 0);
    node.agent().start();
    EXPECT_TRUE(soon_encrypted(cluster, node, cluster.node(2)));
}

}  // namespace
}  // namespace wgs::test
