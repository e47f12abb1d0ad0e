// SPDX-License-Identifier: Apache-2.0
// The watcher tells when clear text passes the steering program, and is silent otherwise.
#include "tests/netns/fixture.h"
#include "tests/support/bpf_link.h"
#include "tests/support/http.h"

namespace wgs::test {
namespace {

class LeakWatchTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (!IsSkipped()) cluster_.emplace(ClusterOptions{.nodes = 2});
    }

    Node& left() { return cluster_->node(1); }
    Agent& agent() { return left().agent(); }

    bool ping_right() {
        const auto pod = cluster_->node(2).pod_address(Family::v4);
        return ping(left().pod(), pod, 300ms).has_value();
    }

    // Takes the steering program from the device; false if the agent has not put it back yet.
    bool take_steering_away() {
        if (detach_pinned_links(agent().bpffs(), "wgs_nic_out-") > 0) return true;
        return run({"tc", "filter", "del", "dev", "eth0", "egress", "pref", "65520"},
                   {.ns = &left().ns()})
                   .exit_code == 0;
    }

    // Sends a packet before the agent puts it back.
    void leak() {
        if (take_steering_away()) ping_right();
    }

    std::string metrics() {
        const Within inside(left().ns());
        const auto reply = http_get("http://127.0.0.1:9586/metrics");
        return reply ? reply->body : "";
    }

    std::optional<Cluster> cluster_;
};

TEST_F(LeakWatchTest, ClearTextThatPassesTheSteeringProgramIsToldEverywhere) {
    form_mesh(*cluster_);
    ASSERT_EQ(agent().leaks(), 0U);
    ASSERT_TRUE(eventually(10s, [&] {
        leak();
        return agent().leaks() > 0U;
    }));
    const nlohmann::json status = agent().status();
    ASSERT_FALSE(status["leak_flows"].empty());
    const nlohmann::json& flow = status["leak_flows"][0];
    EXPECT_EQ(flow.value("source", ""), "10.1.0.10") << flow;
    EXPECT_EQ(flow.value("destination", ""), "10.2.0.10");
    EXPECT_EQ(flow.value("protocol", 0), 1);
    EXPECT_EQ(flow.value("device", ""), "eth0");
    EXPECT_EQ(status["problems"][0].value("object", ""), "leaks") << status["problems"];
    EXPECT_EQ(agent().cli({"status", "--check"}).exit_code, 1);
    EXPECT_NE(agent().cli({"status"}).output.find("leak  10.1.0.10 > 10.2.0.10 icmp by eth0: "),
              std::string::npos);
    EXPECT_NE(agent().log().find("LEAK: left in clear: 10.1.0.10 > 10.2.0.10 icmp by eth0: "),
              std::string::npos);
    const auto counted = std::to_string(*agent().leaks());
    EXPECT_NE(metrics().find("wgsteer_leaked_packets_total " + counted + "\n"), std::string::npos);
    EXPECT_EQ(cluster_->node(2).agent().leaks(), 0U);
}

TEST_F(LeakWatchTest, TheHealedProgramIsAheadOfTheWatcherAgain) {
    form_mesh(*cluster_);
    ASSERT_TRUE(take_steering_away());
    ASSERT_TRUE(soon_encrypted(*cluster_, left(), cluster_->node(2)));
    const auto before = agent().leaks();
    EXPECT_TRUE(all_answer(left(), cluster_->node(2)));
    EXPECT_EQ(agent().leaks(), before);
}

TEST_F(LeakWatchTest, PassesItsSelfTest) {
    agent().start();
    EXPECT_EQ(agent().status()["leak_watch"]["self_test"], "nothing to watch yet");
    EXPECT_EQ(agent().cli({"leak-test"}).exit_code, 1);
    form_mesh(*cluster_);
    EXPECT_EQ(agent().status()["leak_watch"],
              nlohmann::json({{"enabled", true}, {"self_test", "passed"}}));
    const Outcome test = agent().cli({"leak-test"});
    EXPECT_EQ(test.exit_code, 0) << test.output << test.errors;
    EXPECT_NE(test.output.find("passed"), std::string::npos);
    EXPECT_EQ(agent().leaks(), 0U) << "the test was counted";
}

TEST_F(LeakWatchTest, OffIsNotThere) {
    form_mesh(*cluster_);
    agent().stop();
    agent().settings().leak_watch = "off";
    agent().start();
    ASSERT_TRUE(agent().wait_ready(1));
    const nlohmann::json status = agent().status();
    EXPECT_TRUE(status["leaks"].is_null());
    for (const auto& hook : status["hooks"])
        EXPECT_NE(hook.value("program", ""), "wgs_leak_watch");
    leak();
    EXPECT_TRUE(agent().status()["leak_flows"].empty());
    EXPECT_EQ(metrics().find("leak"), std::string::npos);
    EXPECT_NE(agent().cli({"status"}).output.find("not watched"), std::string::npos);
}

TEST_F(LeakWatchTest, SilentWhileSettingsChange) {
    form_mesh(*cluster_);
    const auto restart = [&](const std::string& policy, bool hosts) {
        agent().settings().policy = policy;
        agent().settings().hosts = hosts;
        agent().start();
        ASSERT_TRUE(agent().wait_ready(1));
        EXPECT_EQ(agent().leaks(), 0U) << policy << hosts;
    };
    UdpStream pods(left().pod(), cluster_->node(2).pod_address(Family::v4), cluster_->node(2).pod(),
                   500);
    UdpStream nodes(left().ns(), cluster_->node(2).host_address(Family::v4), cluster_->node(2).ns(),
                    500);
    restart("require", true);
    restart("prefer", false);
    restart("require", false);
    restart("prefer", true);
    pods.stop();
    nodes.stop();
    EXPECT_TRUE(nothing_leaked(*cluster_));
}

}  // namespace
}  // namespace wgs::test
