// SPDX-License-Identifier: Apache-2.0
// `require` lets nothing between protected prefixes out in clear; `prefer` keeps the network
// working.
#include <fmt/format.h>

#include "tests/netns/fixture.h"
#include "tests/support/socket_address.h"

namespace wgs::test {
namespace {

struct Knock {
    int answers = 0;
    WireCounts wire;
};

// Node 1 and its pod try to reach node 2 and its pod.
Knock knock(Cluster& cluster) {
    Knock result;
    const auto capture = cluster.capture();
    for (const Family family : kFamilies) {
        const auto pod = cluster.node(2).pod_address(family);
        const auto host = cluster.node(2).host_address(family);
        result.answers += ping(cluster.node(1).pod(), pod, 300ms).has_value() ? 1 : 0;
        result.answers += ping(cluster.node(1).ns(), host, 300ms).has_value() ? 1 : 0;
    }
    result.wire = capture->stop();
    return result;
}

// The tables of node 1 give this answer for a packet to node 2's pod.
testing::AssertionResult judges(Cluster& cluster, const std::string& verdict,
                                const std::string& reason) {
    const nlohmann::json answer = cluster.node(1).agent().explain("10.1.0.10", "10.2.0.10");
    if (answer.value("verdict", "") == verdict && answer.value("reason", "") == reason) {
        return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << answer;
}

class PolicyTest : public MeshTest {
  protected:
    // Two nodes; only the first has an agent. The second is announced by its file alone.
    void start_half_a_mesh(const std::string& policy, const std::string& key_line,
                           const std::string& state) {
        cluster_.emplace(ClusterOptions{.nodes = 2, .policy = policy});
        write_node_file(*cluster_, "node-2",
                        "name: node-2\naddresses: [192.168.50.2, \"fd50::2\"]\n"
                        "prefixes: [10.2.0.0/24, \"fd10:2::/64\"]\nport: 51820\n" +
                            key_line);
        open_port_of_node_2();
        Agent& agent = cluster_->node(1).agent();
        agent.start();
        if (!eventually(5s, [&] { return agent.peer_state("node-2") == state; })) {
            broken("node-2 is not " + state);
        }
    }

    static std::string key_line() {
        return fmt::format("public_key: \"{}\"\n", unused_public_key());
    }

    // Takes what WireGuard of node 1 sends, or node 2 would refuse it with ICMP, in clear.
    void open_port_of_node_2() {
        port_ = cluster_->node(2).ns().socket(AF_INET, SOCK_DGRAM, 0);
        const SocketAddress address(cluster_->node(2).host_address(Family::v4), 51820);
        if (::bind(port_.get(), address.get(), address.size()) != 0) broken_call("bind");
    }

    std::optional<Cluster> cluster_;
    UniqueFd port_;
};

TEST_F(PolicyTest, RequireDropsForAWaitingPeer) {
    start_half_a_mesh("require", key_line(), "waiting");
    const Knock result = knock(*cluster_);
    EXPECT_EQ(result.answers, 0);
    EXPECT_TRUE(nothing_in_clear(result.wire));
    EXPECT_TRUE(judges(*cluster_, "drop", "waiting"));
}

TEST_F(PolicyTest, RequireDropsForAPeerWithoutKey) {
    start_half_a_mesh("require", "", "no_key");
    const Knock result = knock(*cluster_);
    EXPECT_EQ(result.answers, 0);
    EXPECT_TRUE(nothing_in_clear(result.wire));
    EXPECT_TRUE(judges(*cluster_, "drop", "no_key"));
}

TEST_F(PolicyTest, PreferPassesForAWaitingPeer) {
    start_half_a_mesh("prefer", key_line(), "waiting");
    const Knock result = knock(*cluster_);
    EXPECT_EQ(result.answers, 4);
    EXPECT_GE(result.wire.clear, 8U);
    EXPECT_EQ(cluster_->node(1).agent().leaks(), 0U) << "what the policy lets out is no leak";
    EXPECT_TRUE(judges(*cluster_, "pass", "waiting"));
}

TEST_F(PolicyTest, RequireFormsAMesh) {
    Cluster cluster({.nodes = 3, .policy = "require"});
    const auto capture = cluster.capture();
    form_mesh(cluster);
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(2), cluster.node(3)));
    EXPECT_TRUE(only_encrypted(capture->stop()));
    EXPECT_TRUE(nothing_leaked(cluster));
}

TEST_F(PolicyTest, PrefixOfADepartedNodeStaysClosed) {
    Cluster cluster({.nodes = 2, .policy = "require"});
    form_mesh(cluster);
    Agent& staying = cluster.node(1).agent();
    cluster.node(2).agent().kill9();
    std::filesystem::remove(cluster.node(2).agent().node_file());
    ASSERT_TRUE(eventually(5s, [&] { return static_cast<bool>(judges(cluster, "drop", "gone")); }));
    EXPECT_TRUE(staying.peer("node-2").is_null());

    const Knock left = knock(cluster);
    EXPECT_EQ(left.answers, 0);
    EXPECT_TRUE(nothing_in_clear(left.wire));
    EXPECT_TRUE(judges(cluster, "drop", "gone"));

    staying.kill9();
    staying.start();
    ASSERT_TRUE(staying.wait_ready(0));
    EXPECT_TRUE(judges(cluster, "drop", "gone"));
    EXPECT_TRUE(nothing_in_clear(knock(cluster).wire));
}

TEST_F(PolicyTest, StoppedAgentStillRequires) {
    start_half_a_mesh("require", key_line(), "waiting");
    ASSERT_EQ(cluster_->node(1).agent().stop(), 0);
    const Knock result = knock(*cluster_);
    EXPECT_EQ(result.answers, 0);
    EXPECT_TRUE(nothing_in_clear(result.wire));
}

TEST_F(PolicyTest, UnclaimedClusterPrefixIsClosedUnderRequire) {
    Cluster cluster({.nodes = 2, .policy = "require", .cluster_prefixes = {"10.0.0.0/8"}});
    form_mesh(cluster);
    const Agent& agent = cluster.node(1).agent();
    const nlohmann::json inside = agent.explain("10.1.0.10", "10.200.0.1");
    EXPECT_EQ(inside.value("verdict", ""), "drop") << inside;
    EXPECT_EQ(inside.value("reason", ""), "unclaimed") << inside;
    EXPECT_EQ(agent.explain("10.1.0.10", "203.0.113.1").value("verdict", ""), "pass");
}

}  // namespace
}  // namespace wgs::test
