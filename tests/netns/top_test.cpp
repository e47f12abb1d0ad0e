// SPDX-License-Identifier: Apache-2.0
// `wgsteer top` on a terminal, against an agent that has something to show.
#include <fmt/format.h>

#include <regex>

#include "tests/netns/fixture.h"
#include "tests/support/process.h"

namespace wgs::test {
namespace {

class TopTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        if (!has_tool("tmux")) GTEST_SKIP() << "tmux is not installed";
        cluster_.emplace(ClusterOptions{.nodes = 3});
        form_mesh(*cluster_);
    }
    void TearDown() override {
        if (cluster_) tmux({"kill-server"});
    }

    Outcome tmux(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"tmux", "-u", "-f", "/dev/null", "-S",
                                             cluster_->workspace().directory() / "tmux"});
        return run(arguments, {.ns = &cluster_->node(1).ns(),
                               .environment = {"LC_ALL=C.UTF-8", "TERM=xterm-256color"}});
    }
    std::string screen() { return tmux({"capture-pane", "-p"}).output; }

    // Pings until a line of the screen fits.
    testing::AssertionResult shows(const std::string& pattern) {
        const std::regex expression(pattern);
        const bool shown = eventually(60s, [&] {
            ping(cluster_->node(1).pod(), cluster_->node(2).pod_address(Family::v4));
            return std::regex_search(screen(), expression);
        });
        if (shown) return testing::AssertionSuccess();
        return testing::AssertionFailure() << "no " << pattern << " in\n" << screen();
    }

    std::optional<Cluster> cluster_;
};

TEST_F(TopTest, ShowsWhatAnAgentTells) {
    const std::string command =
        fmt::format("{} --socket {} top --interval 0.5; echo ended with $?; cat",
                    binary("wgsteer").string(), cluster_->node(1).agent().socket().string());
    const Outcome started = tmux({"new-session", "-d", "-x", "80", "-y", "24", command});
    ASSERT_EQ(started.exit_code, 0) << started.errors;
    EXPECT_TRUE(shows("node-1  policy prefer  in sync  2 peers: .*2 ready"));
    // Name, state, handshake, packets and bits out, then in.
    EXPECT_TRUE(shows("node-2 +ready +[0-9]+ s +[1-9][0-9.]* +[0-9.]+k"));
    EXPECT_TRUE(shows("node-3 +ready +[0-9]+ s +0 +0"));
    tmux({"send-keys", "/", "node-2", "Enter"});
    EXPECT_TRUE(shows("1 of 1 matching"));
    tmux({"send-keys", "Enter"});
    EXPECT_TRUE(shows("endpoint +192\\.168\\.50\\.2:51820"));
    EXPECT_TRUE(shows("steered: sent into the tunnel"));
    EXPECT_TRUE(shows("10\\.2\\.0\\.0/24"));
    tmux({"send-keys", "q"});
    EXPECT_TRUE(shows("ended with 0"));
}

}  // namespace
}  // namespace wgs::test
