// SPDX-License-Identifier: Apache-2.0
// The documents, commands, files and exit codes that operators and their tools rely on.
#include <sys/stat.h>

#include <fstream>

#include "tests/netns/fixture.h"
#include "tests/support/http.h"

namespace wgs::test {
namespace {

mode_t mode_of(const std::filesystem::path& path) {
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0) broken_call("stat " + path.string());
    return info.st_mode & 07777;
}

class InterfaceTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (!IsSkipped()) cluster_.emplace(ClusterOptions{.nodes = 2});
    }

    Agent& agent() { return cluster_->node(1).agent(); }

    // Runs the daemon on a configuration which it must refuse.
    Outcome start_with(const std::string& config) {
        const auto file = cluster_->workspace().directory() / "bad.yaml";
        std::ofstream(file) << config;
        return run({binary("wgsteerd"), "--config", file},
                   {.ns = &cluster_->node(1).ns(), .environment = {agent().settings().mark}});
    }

    std::optional<Cluster> cluster_;
};

TEST_F(InterfaceTest, StatusHasTheShapeOfTheContract) {
    form_mesh(*cluster_);
    const nlohmann::json status = agent().status();
    EXPECT_EQ(status.value("node", ""), "node-1");
    EXPECT_EQ(status.value("policy", ""), "prefer");
    EXPECT_EQ(status.value("in_sync", false), true);
    EXPECT_EQ(status["peers"], nlohmann::json({{"total", 1},
                                               {"ready", 1},
                                               {"waiting", 0},
                                               {"no_key", 0},
                                               {"conflict", 0},
                                               {"stalled", 0}}));
    ASSERT_EQ(status["tunnels"].size(), 1U);
    const nlohmann::json& tunnel = status["tunnels"][0];
    EXPECT_EQ(tunnel.value("device", ""), "wgsteer0");
    EXPECT_EQ(tunnel.value("port", 0), 51820);
    EXPECT_EQ(tunnel.value("public_key", "").size(), 44U);
    for (const char* key : {"backend", "mtu", "fwmark"})
        EXPECT_TRUE(tunnel.contains(key)) << key;
    ASSERT_EQ(status["hooks"].size(), 4U);
    for (const auto& hook : status["hooks"]) {
        EXPECT_EQ(hook.value("attached", false), true) << hook;
        for (const char* key : {"device", "hook", "kind", "program"}) {
            EXPECT_TRUE(hook.contains(key)) << key;
        }
    }
    EXPECT_TRUE(status["verdicts"].is_object());
    EXPECT_EQ(status["leaks"], 0);
}

TEST_F(InterfaceTest, PeersShowTheSessionAndItsTraffic) {
    form_mesh(*cluster_);
    const std::uint64_t before = agent().peer("node-2").value("steered_packets", 0U);
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(ping(cluster_->node(1).pod(), cluster_->node(2).pod_address(Family::v4)));
    }
    constexpr unsigned kLeast = 10 * 84;  // the pings alone
    EXPECT_TRUE(
        eventually(3s, [&] { return agent().peer("node-2").value("tx_bytes", 0U) > kLeast; }));
    const nlohmann::json peer = agent().peer("node-2");
    EXPECT_EQ(peer.value("steered_packets", 0U), before + 10);
    EXPECT_EQ(peer.value("dropped_packets", 1U), 0U);
    EXPECT_EQ(peer.value("state", ""), "ready");
    EXPECT_EQ(peer.value("endpoint", ""), "192.168.50.2:51820");
    EXPECT_GT(peer.value("rx_bytes", 0U), kLeast);
    EXPECT_NEAR(peer.value("last_handshake", 0.0), static_cast<double>(::time(nullptr)), 200.0);
    EXPECT_EQ(peer["prefixes"], nlohmann::json({"10.2.0.0/24", "fd10:2::/64"}));
}

TEST_F(InterfaceTest, ExplainSaysWhatHappensAndCountsNothing) {
    form_mesh(*cluster_);
    const nlohmann::json verdicts = agent().status()["verdicts"];
    const nlohmann::json steered = agent().explain("10.1.0.10", "10.2.0.10");
    EXPECT_EQ(steered.value("verdict", ""), "steer") << steered;
    EXPECT_EQ(steered.value("reason", ""), "steered");
    EXPECT_EQ(steered.value("peer", ""), "node-2");
    EXPECT_EQ(steered.value("prefix", ""), "10.2.0.0/24");
    EXPECT_EQ(steered.value("tunnel", ""), "wgsteer0");
    EXPECT_EQ(agent().explain("fd10:1::10", "fd10:2::10").value("prefix", ""), "fd10:2::/64");
    EXPECT_EQ(agent().explain("192.168.50.1", "192.168.50.2").value("verdict", ""), "steer");
    EXPECT_EQ(agent().explain("10.1.0.10", "203.0.113.1").value("reason", ""), "no_peer");
    EXPECT_EQ(agent().explain("203.0.113.1", "10.2.0.10").value("reason", ""), "foreign_source");
    EXPECT_EQ(agent().status()["verdicts"].value("steered", 0), verdicts.value("steered", 0));
}

TEST_F(InterfaceTest, ExplainTakesAFlow) {
    form_mesh(*cluster_);
    const Outcome outcome = agent().cli({"explain", "--src", "10.1.0.10", "--dst", "10.2.0.10",
                                         "--proto", "tcp", "--sport", "40000", "--dport", "80"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_NE(outcome.output.find("steer"), std::string::npos);
    EXPECT_NE(outcome.output.find("node-2"), std::string::npos);
}

TEST_F(InterfaceTest, CommandsPrintWhatTheSocketServes) {
    form_mesh(*cluster_);
    const Outcome status = agent().cli({"status", "-o", "json"});
    EXPECT_EQ(status.exit_code, 0) << status.errors;
    EXPECT_EQ(nlohmann::json::parse(status.output)["tunnels"], agent().status()["tunnels"]);
    const Outcome peers = agent().cli({"peers", "-o", "json"});
    EXPECT_EQ(nlohmann::json::parse(peers.output)[0]["name"], "node-2");
    EXPECT_NE(agent().cli({"peers"}).output.find("node-2"), std::string::npos);
    EXPECT_EQ(agent().cli({"status", "--check"}).exit_code, 0);
}

TEST_F(InterfaceTest, ExitCodesTellUsageFromAnAbsentAgent) {
    EXPECT_EQ(agent().cli({"status"}).exit_code, 3);
    EXPECT_EQ(agent().cli({"peers", "-o", "json"}).exit_code, 3);
    EXPECT_EQ(agent().cli({"no-such-command"}).exit_code, 2);
    EXPECT_EQ(agent().cli({"version"}).exit_code, 0);
    EXPECT_EQ(run({binary("wgsteerd"), "--config", "/nonexistent.yaml"}).exit_code, 2);
    EXPECT_EQ(run({binary("wgsteerd"), "--no-such-option"}).exit_code, 2);
}

TEST_F(InterfaceTest, ExplainOfNonsenseIsAUsageError) {
    agent().start();
    const auto explain = [&](const char* source, const char* destination) {
        return agent().cli({"explain", "--src", source, "--dst", destination}).exit_code;
    };
    EXPECT_EQ(explain("not-an-address", "10.2.0.10"), 2);
    EXPECT_EQ(explain("10.1.0.10", "fd10:2::10"), 2);
}

TEST_F(InterfaceTest, StatusCheckFailsWithARefusedClaim) {
    agent().start();
    EXPECT_EQ(agent().cli({"status", "--check"}).exit_code, 0);
    write_node_file(*cluster_, "node-2",
                    "name: node-2\naddresses: [192.168.50.2]\nprefixes: [10.1.0.0/24]\n");
    ASSERT_TRUE(eventually(5s, [&] { return agent().peer_state("node-2") == "no_key"; }));
    EXPECT_EQ(agent().cli({"status", "--check"}).exit_code, 1);
}

TEST_F(InterfaceTest, BadConfigurationIsRefusedWithFileLineAndKey) {
    const Outcome unknown = start_with("node: a\nsource:\n  directory: /tmp\npolcy: require\n");
    EXPECT_EQ(unknown.exit_code, 2);
    EXPECT_NE(unknown.errors.find("bad.yaml:4: polcy"), std::string::npos) << unknown.errors;
    const Outcome value =
        start_with("node: a\nsource:\n  directory: /tmp\nwireguard:\n  port: 99999\n");
    EXPECT_EQ(value.exit_code, 2);
    EXPECT_NE(value.errors.find("bad.yaml:5: wireguard.port"), std::string::npos) << value.errors;
}

TEST_F(InterfaceTest, ReadablePrivateKeyIsRefused) {
    agent().start();
    agent().stop();
    std::vector<std::filesystem::path> keys;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(agent().settings().directory / "state")) {
        if (entry.is_regular_file()) keys.push_back(entry.path());
    }
    ASSERT_EQ(keys.size(), 1U);
    EXPECT_EQ(mode_of(keys[0]), 0600U);
    std::filesystem::permissions(keys[0], std::filesystem::perms(0644));

    const Outcome refused = run({binary("wgsteerd"), "--config", agent().config_file()},
                                {.ns = &cluster_->node(1).ns()});
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_NE(refused.errors.find(keys[0].string()), std::string::npos) << refused.errors;
}

TEST_F(InterfaceTest, FilesHaveTheirModes) {
    form_mesh(*cluster_);
    EXPECT_EQ(mode_of(agent().socket()), 0660U);
    EXPECT_EQ(mode_of(agent().node_file()), 0644U);
}

TEST_F(InterfaceTest, MetricsAnswerInPrometheusText) {
    form_mesh(*cluster_);
    const Within inside(cluster_->node(1).ns());
    const auto reply = http_get("http://127.0.0.1:9586/metrics");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 200);
    EXPECT_NE(reply->body.find("# TYPE wgsteer_"), std::string::npos) << reply->body;
}

TEST_F(InterfaceTest, SecondAgentOnTheSameRunDirIsRefused) {
    agent().start();
    const Outcome second =
        run({binary("wgsteerd"), "--config", agent().config_file()},
            {.ns = &cluster_->node(1).ns(), .environment = {agent().settings().mark}});
    EXPECT_NE(second.exit_code, 0);
    EXPECT_EQ(agent().status().value("node", ""), "node-1");
}

}  // namespace
}  // namespace wgs::test
