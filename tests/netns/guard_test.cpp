// SPDX-License-Identifier: Apache-2.0
// The guard on the NICs of a mesh: forged packets end there, and nobody else notices.
#include <fmt/format.h>

#include "tests/netns/fixture.h"
#include "tests/support/flood.h"
#include "tests/support/http.h"
#include "tests/support/socket_address.h"

namespace wgs::test {
namespace {

constexpr int kFloodRate = 2000;
constexpr std::size_t kTransfer = 2 << 20;

nlohmann::json guard_hook(const Agent& agent) {
    const nlohmann::json status = agent.status();
    for (const auto& hook : status["hooks"]) {
        if (hook["program"] == "wgs_nic_guard") return hook;
    }
    return nlohmann::json::object();
}

std::uint64_t counted(const Agent& agent, const std::string& reason) {
    return agent.status()["verdicts"][reason].get<std::uint64_t>();
}

// Packets that the guard itself has dropped.
std::uint64_t guarded(const Node& node, const std::string& reason) {
    const Within inside(node.ns());
    const auto reply = http_get("http://127.0.0.1:9586/metrics");
    if (!reply) broken("no metrics");
    const std::string metric = fmt::format(
        R"(wgsteer_verdict_packets_total{{direction="in",hook="nic_guard",verdict="drop",reason="{}"}} )",
        reason);
    const std::size_t found = reply->body.find(metric);
    return found == std::string::npos ? 0 : std::stoull(reply->body.substr(found + metric.size()));
}

std::string device_of(const Node& node) {
    return node.ns().ip("link show eth0\n");
}

FloodTarget underlay_of(const Node& node) {
    FloodTarget target{.mac = mac_of(node.ns(), "eth0")};
    std::ranges::copy(node.host_address(Family::v4).bytes(), target.address.begin());
    return target;
}

class GuardTest : public MeshTest {
  protected:
    // Somebody else's XDP program on eth0 of the node, which has no running agent.
    static void attach_foreign(const Node& node) {
        const std::string program = (node.agent().bpffs() / "progs" / "wgs_nic_guard").string();
        const Outcome outcome =
            run({"bpftool", "net", "attach", "xdpdrv", "pinned", program, "dev", "eth0"},
                {.ns = &node.ns()});
        if (outcome.exit_code != 0) broken(outcome.errors);
    }
};

class GuardModeTest : public GuardTest, public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(, GuardModeTest, testing::Values("native", "generic"),
                         [](const auto& parameter) { return std::string(parameter.param); });

TEST_P(GuardModeTest, AMeshFormsAndTalksEncrypted) {
    for (const char* policy : {"prefer", "require"}) {
        Cluster cluster({.nodes = 2, .policy = policy, .guard = GetParam()});
        form_mesh(cluster);
        const Node& left = cluster.node(1);
        const Node& right = cluster.node(2);
        EXPECT_EQ(guard_hook(left.agent()), nlohmann::json({{"device", "eth0"},
                                                            {"hook", "xdp"},
                                                            {"kind", GetParam()},
                                                            {"program", "wgs_nic_guard"},
                                                            {"attached", true}}));
        EXPECT_TRUE(talk_encrypted(cluster, left, right));
        for (const Family family : kFamilies)
            EXPECT_TRUE(
                tcp_transfer(left.pod(), right.pod_address(family), right.pod(), kTransfer));
        for (const Node* node : {&left, &right}) {
            EXPECT_EQ(guarded(*node, "bad_message"), 0U);
            EXPECT_EQ(guarded(*node, "flood"), 0U);
            EXPECT_EQ(guarded(*node, "clear_in"), 0U) << policy;
        }
    }
}

TEST_P(GuardModeTest, AFloodOfForgedHandshakesEndsAtTheNic) {
    Cluster cluster({.nodes = 2, .guard = GetParam()});
    form_mesh(cluster);
    const Node& node = cluster.node(1);
    for (const std::uint32_t addresses : {1U, 5000U}) {
        const std::uint64_t before = guarded(node, "flood");
        HandshakeFlood flood(cluster.underlay(), "port1", underlay_of(node), {.count = addresses},
                             kFloodRate);
        EXPECT_TRUE(eventually(20s, [&] { return guarded(node, "flood") - before > kFloodRate; }))
            << addresses;
        EXPECT_TRUE(tcp_transfer(cluster.node(2).pod(), node.pod_address(Family::v4), node.pod(),
                                 kTransfer));
    }
    EXPECT_TRUE(talk_encrypted(cluster, node, cluster.node(2)));
}

TEST_P(GuardModeTest, APeerComesBackDuringAFlood) {
    Cluster cluster({.nodes = 2, .guard = GetParam()});
    form_mesh(cluster);
    HandshakeFlood flood(cluster.underlay(), "port1", underlay_of(cluster.node(1)), {.count = 5000},
                         kFloodRate);
    Agent& returning = cluster.node(2).agent();
    ASSERT_EQ(returning.stop(), 0);
    ASSERT_EQ(returning.cleanup().exit_code, 0);
    returning.start();
    EXPECT_TRUE(soon_encrypted(cluster, cluster.node(1), cluster.node(2)));
}

TEST_P(GuardModeTest, WhatIsNoMessageEndsAtTheNic) {
    // With hosts the packets would come through the tunnel.
    Cluster cluster({.nodes = 2, .hosts = false, .guard = GetParam()});
    form_mesh(cluster);
    const Node& node = cluster.node(1);
    for (const Family family : kFamilies) {
        const UniqueFd socket =
            cluster.node(2).ns().socket(family == Family::v4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
        const SocketAddress address(node.host_address(family), 51820);
        for (int i = 0; i < 10; ++i)
            ::sendto(socket.get(), "not WireGuard", 13, 0, address.get(), address.size());
    }
    EXPECT_TRUE(eventually(10s, [&] { return guarded(node, "bad_message") == 20; }));
    EXPECT_EQ(counted(node.agent(), "bad_message"), 20U);
}

TEST_P(GuardModeTest, GoesWhenSwitchedOffAndWithCleanup) {
    Cluster cluster({.nodes = 2, .guard = GetParam()});
    form_mesh(cluster);
    Agent& agent = cluster.node(1).agent();
    EXPECT_NE(device_of(cluster.node(1)).find("xdp"), std::string::npos);
    agent.settings().guard = "off";
    agent.kill9();
    agent.start();
    ASSERT_TRUE(agent.wait_ready(1));
    EXPECT_EQ(device_of(cluster.node(1)).find("xdp"), std::string::npos);
    EXPECT_TRUE(guard_hook(agent).empty());

    Agent& other = cluster.node(2).agent();
    ASSERT_EQ(other.stop(), 0);
    EXPECT_NE(device_of(cluster.node(2)).find("xdp"), std::string::npos) << "it outlives the agent";
    ASSERT_EQ(other.cleanup().exit_code, 0);
    EXPECT_EQ(device_of(cluster.node(2)).find("xdp"), std::string::npos);
}

TEST_P(GuardModeTest, FollowsAReplacedNic) {
    Cluster cluster({.nodes = 2, .guard = GetParam()});
    form_mesh(cluster);
    cluster.node(1).replace_nic();
    EXPECT_TRUE(eventually(10s, [&] {
        const nlohmann::json hook = guard_hook(cluster.node(1).agent());
        return hook.value("device", "") == "eth0" && hook.value("attached", false);
    }));
    EXPECT_TRUE(soon_encrypted(cluster, cluster.node(1), cluster.node(2)));
}

// Node 2 is announced by its file alone: nothing there encrypts.
TEST_F(GuardTest, ClearTextEndsAtTheNicUnderRequire) {
    Cluster cluster({.nodes = 2, .policy = "require", .guard = "native"});
    write_node_file(cluster, "node-2",
                    "name: node-2\naddresses: [192.168.50.2, \"fd50::2\"]\n"
                    "prefixes: [10.2.0.0/24, \"fd10:2::/64\"]\nport: 51820\n");
    Node& node = cluster.node(1);
    node.agent().start();
    ASSERT_TRUE(eventually(5s, [&] { return node.agent().peer_state("node-2") == "no_key"; }));
    for (const Family family : kFamilies)
        EXPECT_FALSE(ping(cluster.node(2).pod(), node.pod_address(family), 300ms));
    EXPECT_EQ(guarded(node, "clear_in"), 2U);
}

TEST_F(GuardTest, AForeignProgramStaysAndIsNamed) {
    Cluster cluster({.nodes = 2});
    form_mesh(cluster);
    Node& node = cluster.node(1);
    ASSERT_EQ(node.agent().stop(), 0);
    attach_foreign(node);
    const std::string before = device_of(node);
    node.agent().settings().guard = "native";
    node.agent().start();
    const auto complaint = [&] {
        const nlohmann::json problems = node.agent().status()["problems"];
        return problems.empty() ? "" : problems[0]["message"].get<std::string>();
    };
    EXPECT_TRUE(eventually(5s, [&] {
        return complaint().starts_with(
            "the guard is off on eth0: another XDP program 'wgs_nic_guard' (id ");
    })) << complaint();
    EXPECT_NE(node.agent().log().find("the guard is off on eth0"), std::string::npos);
    EXPECT_EQ(device_of(node), before);
    EXPECT_TRUE(soon_encrypted(cluster, node, cluster.node(2)));

    run({"bpftool", "net", "detach", "xdpdrv", "dev", "eth0"}, {.ns = &node.ns()});
    EXPECT_TRUE(eventually(20s, [&] { return !guard_hook(node.agent()).empty(); }))
        << "the other program has gone";
    EXPECT_EQ(complaint(), "");
}

TEST_F(GuardTest, AutomaticallySparesSoftwareDevices) {
    Cluster cluster({.nodes = 2, .guard = "auto"});
    form_mesh(cluster);
    const nlohmann::json status = cluster.node(1).agent().status();
    EXPECT_EQ(status["notes"],
              nlohmann::json::array(
                  {{{"object", "plan"},
                    {"message", "the guard is off on eth0: 'auto' spares veth devices"}}}));
    EXPECT_EQ(status["problems"], nlohmann::json::array());
    EXPECT_EQ(device_of(cluster.node(1)).find("xdp"), std::string::npos);
}

}  // namespace
}  // namespace wgs::test
