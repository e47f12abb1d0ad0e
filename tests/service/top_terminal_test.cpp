// SPDX-License-Identifier: Apache-2.0
// `wgsteer top` on a real terminal, which tmux draws, against an agent that the test plays.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "serving.h"
#include "tests/support/process.h"
#include "tests/unit/temporary_directory.h"
#include "top_document.h"

namespace wgs::test {
namespace {

struct Size {
    int columns = 80;
    int lines = 24;
};

// Peers node-0000 on; each is sent as many kbit/s as its number says, node-0001 is stalled.
class AgentStandIn {
  public:
    AgentStandIn(std::filesystem::path socket, std::size_t peers)
        : socket_(std::move(socket)), peers_(peers) {
        come();
    }
    ~AgentStandIn() { leave(); }
    AgentStandIn(const AgentStandIn&) = delete;
    AgentStandIn& operator=(const AgentStandIn&) = delete;

    void come() {
        serving_.emplace([this](EventLoop& loop) {
            return HttpServer::listen_unix(
                loop, socket_, [this](const HttpRequest& request) { return answer(request); });
        });
    }
    void leave() {
        resume();
        serving_.reset();
    }
    // Takes requests and says nothing.
    void hang() {
        const std::lock_guard lock(mutex_);
        hanging_ = true;
    }
    void resume() {
        const std::lock_guard lock(mutex_);
        hanging_ = false;
        resumed_.notify_all();
    }

  private:
    HttpResponse answer(const HttpRequest& request) {
        std::unique_lock lock(mutex_);
        resumed_.wait(lock, [this] { return !hanging_; });
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now().time_since_epoch());
        const auto now = static_cast<std::uint64_t>(ms.count());
        if (request.path == "/v1/peers")
            return {.body = peer_document(request.query.at("name"), now, 3).dump()};
        std::vector<TopRow> rows;
        for (std::size_t i = 0; i < peers_; ++i)
            rows.push_back({.name = fmt::format("node-{:04}", i),
                            .state = i == 1 ? "stalled" : "ready",
                            .out_packets = now,
                            .out_bytes = i * now / 8});
        const auto alarms = nlohmann::json::array({stalled_alarm("node-0001")});
        return {.body = top_document(ms.count(), rows, alarms).dump()};
    }

    std::filesystem::path socket_;
    std::size_t peers_;
    std::mutex mutex_;
    std::condition_variable resumed_;
    bool hanging_ = false;
    std::optional<Serving> serving_;
};

class TopTerminalTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!has_tool("tmux")) GTEST_SKIP() << "tmux is not installed";
    }
    void TearDown() override { stop(); }

    Outcome tmux(std::vector<std::string> arguments) {
        std::vector<std::string> words{
            "tmux",      "-u", "-f",
            "/dev/null", "-S", directory_.path() / fmt::format("tmux-{}", servers_)};
        words.insert(words.end(), arguments.begin(), arguments.end());
        return run(words, {.environment = {"LC_ALL=C.UTF-8", "TERM=xterm-256color"}});
    }
    // `environment` is assignments for the command, as the shell has them.
    void start(Size size, const std::string& arguments = "",
               const std::string& environment = "LC_ALL=C.UTF-8") {
        stop();
        ++servers_;
        const std::string command =
            fmt::format("env {} {} --socket {} top --interval 0.2 {}; echo ended with $?; cat",
                        environment, binary("wgsteer").string(), socket_.string(), arguments);
        const Outcome started = tmux({"new-session", "-d", "-x", std::to_string(size.columns), "-y",
                                      std::to_string(size.lines), command});
        if (started.exit_code != 0) broken("tmux: " + started.errors);
    }
    void stop() {
        if (servers_ > 0) tmux({"kill-server"});
    }
    void resize(Size size) {
        tmux({"resize-window", "-x", std::to_string(size.columns), "-y",
              std::to_string(size.lines)});
    }
    void press(std::vector<std::string> keys) {
        keys.insert(keys.begin(), "send-keys");
        tmux(std::move(keys));
    }
    std::string screen() { return tmux({"capture-pane", "-p"}).output; }
    // With escape sequences for colours and the like.
    std::string painted() { return tmux({"capture-pane", "-p", "-e"}).output; }

    testing::AssertionResult shows(const std::string& text) {
        if (eventually(30s, [&] { return screen().find(text) != std::string::npos; }))
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << "no \"" << text << "\" in\n" << screen();
    }

    const TemporaryDirectory directory_;
    const std::filesystem::path socket_ = directory_.path() / "api.sock";
    int servers_ = 0;  // each with a socket of its own: one that ends may still hold its own
};

TEST_F(TopTerminalTest, FitsSeveralSizesAndFollowsTheirChange) {
    const AgentStandIn agent(socket_, 30);
    start({.columns = 80, .lines = 24});
    EXPECT_TRUE(shows("node-0029 ready      never    1.0k     29k "));
    EXPECT_TRUE(shows("CLEAR/s HISTORY"));
    EXPECT_TRUE(shows("node-a  policy require  in sync  30 peers: 1 stalled, 29 ready"));
    EXPECT_TRUE(shows("PROBLEM node-0001: answers nothing"));
    EXPECT_TRUE(shows("1 of 30"));
    resize({.columns = 40, .lines = 10});
    EXPECT_TRUE(shows("h help  narrow: 5 columns hidden"));
    EXPECT_TRUE(shows("NAME      STATE    OUT b/s IN b/s DROP/s\n"));
    resize({.columns = 20, .lines = 4});
    EXPECT_TRUE(shows("20x4 is too small:\n30x5 is needed"));
    resize({.columns = 200, .lines = 40});
    EXPECT_TRUE(shows("node-0000 ready"));
    EXPECT_TRUE(shows("CLEAR/s HISTORY"));
}

TEST_F(TopTerminalTest, HeedsKeysAndLeavesTheTerminalAsItWas) {
    const AgentStandIn agent(socket_, 30);
    start({});
    EXPECT_TRUE(shows("node-0029 ready      never    1.0k"));
    press({"S"});
    EXPECT_TRUE(shows("sort: name"));
    press({"/", "2", "8", "Enter"});
    EXPECT_TRUE(shows("1 of 1 matching \"28\""));
    press({"Enter"});
    EXPECT_TRUE(shows("endpoint    203.0.113.7:51820, published as 192.168.50.2:51820"));
    EXPECT_TRUE(shows("steered: encrypted to the peer"));
    EXPECT_TRUE(shows("3 PREFIXES\n10.2.0.0/24"));
    press({"Escape"});
    EXPECT_TRUE(shows("matching \"28\""));
    press({"Escape"});
    EXPECT_TRUE(shows("29 of 30")) << "the cursor stays on the peer";
    press({"Home", "Down", "Down"});
    EXPECT_TRUE(shows("3 of 30"));
    press({"End"});
    EXPECT_TRUE(shows("30 of 30"));
    press({"q"});
    EXPECT_TRUE(shows("ended with 0"));
    EXPECT_EQ(screen().find("node-0029"), std::string::npos) << "what was there before is back";
}

TEST_F(TopTerminalTest, IsGoodForThousandsOfPeers) {
    const AgentStandIn agent(socket_, 5000);
    start({});
    EXPECT_TRUE(shows("node-4999 ready      never    1.0k    5.0M"));
    EXPECT_TRUE(shows("5000 peers: 1 stalled, 4999 ready"));
    press({"End"});
    EXPECT_TRUE(shows("5000 of 5000"));
    EXPECT_TRUE(shows("node-0000 ready"));
}

TEST_F(TopTerminalTest, SaysThatTheAgentHasGoneAndGoesOnWithTheNextOne) {
    AgentStandIn agent(socket_, 3);
    start({});
    EXPECT_TRUE(shows("node-0002 ready      never    1.0k"));
    agent.leave();
    EXPECT_TRUE(shows("no agent answers on"));
    EXPECT_TRUE(shows("node-0002 ready")) << "what is known stays";
    agent.come();
    EXPECT_TRUE(shows("PROBLEM node-0001: answers nothing"));
}

TEST_F(TopTerminalTest, HeedsKeysWhileTheAgentHangs) {
    AgentStandIn agent(socket_, 3);
    start({});
    EXPECT_TRUE(shows("node-0002 ready      never    1.0k"));
    agent.hang();
    EXPECT_TRUE(shows("the agent has not answered for"));
    press({"Down"});
    EXPECT_TRUE(shows("2 of 3"));
    press({"q"});
    EXPECT_TRUE(shows("ended with 0"));
}

TEST_F(TopTerminalTest, UsesColoursOnlyWhereTheTerminalHasThem) {
    const AgentStandIn agent(socket_, 3);
    const std::string red = "\033[31m";
    const std::string also_red = "\033[1m" + red;
    start({});
    EXPECT_TRUE(shows("node-0002 ready      never    1.0k"));
    EXPECT_NE(painted().find(red), std::string::npos) << painted();
    for (const char* environment : {"LC_ALL=C.UTF-8 TERM=vt100", "LC_ALL=C.UTF-8 NO_COLOR=1"}) {
        start({}, "", environment);
        EXPECT_TRUE(shows("node-0002 ready      never    1.0k"));
        EXPECT_EQ(painted().find(red), std::string::npos) << environment << painted();
        EXPECT_NE(painted().find("\033["), std::string::npos) << "bold and reverse are there";
    }
}

TEST_F(TopTerminalTest, DrawsHistoryWithTheLettersOfTheLocale) {
    const AgentStandIn agent(socket_, 30);
    start({}, "", "LC_ALL=C.UTF-8");
    EXPECT_TRUE(shows("0       0 █"));
    start({}, "", "LC_ALL=C");
    EXPECT_TRUE(shows("0       0 #"));
}

TEST_F(TopTerminalTest, SaysWhatIsWrongBeforeItTakesTheScreen) {
    start({});
    EXPECT_TRUE(shows("no agent answers on"));
    EXPECT_TRUE(shows("ended with 3"));
    const AgentStandIn agent(socket_, 3);
    // ncurses leaks what it has prepared when it finds no such terminal.
    start({}, "", "TERM=no-such-terminal ASAN_OPTIONS=detect_leaks=0");
    EXPECT_TRUE(shows("this terminal is not known, TERM=no-such-terminal"));
    EXPECT_TRUE(shows("ended with 2"));
}

TEST_F(TopTerminalTest, PrintsOneListWithoutATerminal) {
    const AgentStandIn agent(socket_, 30);
    const auto top = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {binary("wgsteer"), "--socket", socket_, "top"});
        return run(arguments);
    };
    const Outcome refused = top({});
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_EQ(refused.errors,
              "wgsteer: top needs a terminal; --once prints one list, -o json for programs\n");
    EXPECT_EQ(top({"--sort", "speed", "--once"}).exit_code, 2);
    EXPECT_EQ(top({"--interval", "0", "--once"}).exit_code, 2);

    const Outcome once = top({"--once", "--interval", "0.2", "--rows", "2", "--sort", "out"});
    EXPECT_EQ(once.exit_code, 0) << once.errors;
    EXPECT_NE(once.output.find("\nnode-0029 ready      never    1.0k     29k"), std::string::npos)
        << once.output;
    EXPECT_EQ(once.output.find("node-0027"), std::string::npos);

    const Outcome json = top({"-o", "json", "--interval", "0.2", "--filter", "0017"});
    const auto document = nlohmann::json::parse(json.output);
    ASSERT_EQ(document["peers"].size(), 1U);
    EXPECT_NEAR(document["peers"][0]["out_bits"].get<double>(), 17'000, 500);
}

}  // namespace
}  // namespace wgs::test
