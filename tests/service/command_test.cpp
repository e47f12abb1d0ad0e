// SPDX-License-Identifier: Apache-2.0
// The wgsteer command as a process, against an agent that answers what the test wants.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/version.h"
#include "serving.h"
#include "tests/support/process.h"
#include "tests/unit/temporary_directory.h"

namespace wgs {
namespace {

using test::Outcome;

const char* const kHealthy = R"({
  "node": "node-a", "policy": "prefer", "hosts": false, "in_sync": true,
  "peers": {"total": 0, "ready": 0, "waiting": 0, "no_key": 0, "conflict": 0, "stalled": 0},
  "tunnels": [], "hooks": [], "verdicts": {}, "leaks": null, "leak_flows": [],
  "leak_watch": {"enabled": false, "self_test": null}, "problems": []
}
)";
const char* const kExplained = R"({
  "verdict": "pass", "reason": "no_peer", "text": "t", "advice": "", "peer": null, "prefix": null, "tunnel": null
}
)";

std::string changed(const char* document, const char* key, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(document);
    json[key] = value;
    return json.dump();
}

class Command : public testing::Test {
  protected:
    // From now on the agent gives this answer to everything.
    void answer(const HttpResponse& response) {
        serving_.reset();
        serving_.emplace([&](EventLoop& loop) {
            return HttpServer::listen_unix(loop, socket_,
                                           [this, response](const HttpRequest& request) {
                                               const std::lock_guard lock(mutex_);
                                               asked_ = request;
                                               return response;
                                           });
        });
    }

    [[nodiscard]] Outcome run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {test::binary("wgsteer"), "--socket", socket_});
        return test::run(arguments);
    }
    [[nodiscard]] HttpRequest asked() {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

    void expect_failure(const std::vector<std::string>& arguments, int code,
                        const std::string& message) const {
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.exit_code, code);
        EXPECT_EQ(outcome.output, "");
        EXPECT_EQ(outcome.errors, "wgsteer: " + message + "\n");
    }

    const TemporaryDirectory directory_;
    const std::filesystem::path socket_ = directory_.path() / "api.sock";

  private:
    std::mutex mutex_;
    HttpRequest asked_;
    std::optional<Serving> serving_;  // ends first: its handler uses the others
};

const std::vector<std::vector<std::string>> kQuestions{
    {"status"},
    {"status", "--check"},
    {"peers"},
    {"explain", "--src", "10.1.0.1", "--dst", "10.2.0.1"},
};

TEST_F(Command, ListsAllCommandsInItsHelp) {
    const Outcome outcome = run({"--help"});
    EXPECT_EQ(outcome.exit_code, 0);
    for (const char* command :
         {"status", "peers", "top", "explain", "leak-test", "cleanup", "version"}) {
        EXPECT_NE(outcome.output.find("\n  " + std::string(command) + " "), std::string::npos)
            << command;
        EXPECT_EQ(run({command, "--help"}).exit_code, 0) << command;
    }
}

TEST_F(Command, RefusesBadUsage) {
    const std::vector<std::vector<std::string>> bad{
        {},
        {"no-such-command"},
        {"status", "--no-such-option"},
        {"status", "peers"},
        {"status", "-o", "yaml"},
        {"status", "-o"},
        {"explain"},
        {"explain", "--src", "10.1.0.1"},
        {"explain", "--dst", "10.1.0.1"},
        {"explain", "--src", "10.1.0.1", "--dst", "10.2.0.1", "--port", "80"},
        {"version", "extra"},
    };
    for (const auto& arguments : bad) {
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.exit_code, 2) << outcome.errors;
        EXPECT_EQ(outcome.output, "");
        EXPECT_NE(outcome.errors, "");
    }
}

TEST_F(Command, TellsItsVersionWithoutAnAgent) {
    const std::string version(kVersion);
    EXPECT_EQ(run({"version"}).output, "wgsteer " + version + "\n");
    EXPECT_EQ(run({"--version"}).output, version + "\n");
    const Outcome json = run({"version", "-o", "json"});
    EXPECT_EQ(json.exit_code, 0);
    EXPECT_EQ(nlohmann::json::parse(json.output), (nlohmann::json{{"version", version}}));
}

TEST_F(Command, PrintsForPeopleUnlessAskedForJson) {
    answer({.body = kHealthy});
    EXPECT_TRUE(run({"status"}).output.starts_with("node     node-a\n"));
    EXPECT_EQ(run({"status", "-o", "text"}).output, run({"status"}).output);
    EXPECT_EQ(run({"status", "-o", "json"}).output, kHealthy);
    EXPECT_EQ(run({"status", "--output=json"}).output, kHealthy);
    EXPECT_EQ(run({"status", "-o", "json", "--check"}).output, kHealthy);
    EXPECT_EQ(run({"status", "--check", "-o", "json"}).output, kHealthy);
    EXPECT_EQ(asked().path, "/v1/status");
}

TEST_F(Command, TakesTheSocketAfterTheCommandToo) {
    answer({.body = "[]\n"});
    const Outcome outcome =
        test::run({test::binary("wgsteer"), "peers", "-o", "json", "--socket", socket_});
    EXPECT_EQ(outcome.output, "[]\n");
    EXPECT_EQ(asked().path, "/v1/peers");
}

TEST_F(Command, AsksForTheFlowItIsGiven) {
    answer({.body = kExplained});
    const Outcome outcome =
        run({"explain", "-o", "json", "--src", "fd10:1::a", "--dst", "fd10:2::b", "--proto", "udp",
             "--sport", "1", "--dport", "a&b c"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_EQ(outcome.output, kExplained);
    EXPECT_EQ(asked().path, "/v1/explain");
    EXPECT_EQ(asked().query, (std::map<std::string, std::string>{{"src", "fd10:1::a"},
                                                                 {"dst", "fd10:2::b"},
                                                                 {"proto", "udp"},
                                                                 {"sport", "1"},
                                                                 {"dport", "a&b c"}}));
}

TEST_F(Command, ChecksTheHealthOnlyWhenAsked) {
    answer({.body = kHealthy});
    EXPECT_EQ(run({"status", "--check"}).exit_code, 0);

    answer({.body = changed(kHealthy, "in_sync", false)});
    EXPECT_EQ(run({"status", "--check"}).exit_code, 1);
    EXPECT_EQ(run({"status", "--check", "-o", "json"}).exit_code, 1);
    EXPECT_EQ(run({"status"}).exit_code, 0);

    answer({.body = changed(kHealthy, "problems", {{{"object", "o"}, {"message", "m"}}})});
    const Outcome outcome = run({"status", "--check"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(outcome.output.starts_with("PROBLEM  o: m\n"));
}

TEST_F(Command, TellsThatThereIsNoAgent) {
    for (const auto& question : kQuestions) {
        expect_failure(question, 3,
                       "no agent answers on " + socket_.string() + ": Couldn't connect to server");
    }
}

TEST_F(Command, TellsWhyTheAgentRefuses) {
    answer({.status = 400, .body = R"({"error": "src: no"})"});
    expect_failure(kQuestions[3], 2, "src: no");
}

TEST_F(Command, TellsWhyTheAgentFails) {
    for (const auto& question : kQuestions) {
        answer({.status = 500, .body = R"({"error": "read map: no"})"});
        expect_failure(question, 1, "read map: no");
        answer({.status = 404, .body = "<html>"});
        expect_failure(question, 1, "the agent answered with HTTP status 404");
        answer({.status = 500, .body = R"({"error": 5})"});
        expect_failure(question, 1, "the agent answered with HTTP status 500");
    }
}

TEST_F(Command, RefusesAnAnswerThatIsNotJson) {
    for (const char* body : {"", "<html></html>", "{", "[1,]", "\"\xff\""}) {
        answer({.body = body});
        for (auto question : kQuestions) {
            expect_failure(question, 3, "the agent's answer is not JSON");
            question.insert(question.end(), {"-o", "json"});
            expect_failure(question, 3, "the agent's answer is not JSON");
        }
    }
}

TEST_F(Command, RefusesAnAnswerOfAnotherShape) {
    for (const char* body : {"null", "5", "{}", "[5]", R"({"in_sync": "yes", "problems": 0})"}) {
        answer({.body = body});
        for (const auto& question : kQuestions) {
            const Outcome outcome = run(question);
            EXPECT_EQ(outcome.exit_code, 3) << question[0] << " " << body;
            EXPECT_EQ(outcome.output, "");
            EXPECT_TRUE(
                outcome.errors.starts_with("wgsteer: the agent's answer has an unknown shape: "))
                << outcome.errors;
        }
    }
}

TEST_F(Command, TellsWhenItsOutputIsLost) {
    answer({.body = kHealthy});
    const Outcome outcome = test::run(
        {"sh", "-c", R"("$0" --socket "$1" status >/dev/full)", test::binary("wgsteer"), socket_});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.errors, "wgsteer: standard output does not take the answer\n");
}

// Accepts one connection, sends `text` and hangs up.
class RudeAgent {
  public:
    RudeAgent(const std::filesystem::path& socket, std::string text)
        : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
        std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
        std::filesystem::remove(socket);
        const auto* generic = reinterpret_cast<const sockaddr*>(&address);
        if (::bind(listener_.get(), generic, sizeof address) != 0 ||
            ::listen(listener_.get(), 1) != 0) {
            throw std::runtime_error("listen on " + socket.string());
        }
        thread_ = std::thread([this, answer = std::move(text)] {
            const UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
            ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
            char request[4096];
            static_cast<void>(::recv(client.get(), request, sizeof request, 0));
        });
    }
    RudeAgent(const RudeAgent&) = delete;
    RudeAgent& operator=(const RudeAgent&) = delete;
    ~RudeAgent() { thread_.join(); }

  private:
    UniqueFd listener_;
    std::thread thread_;
};

TEST_F(Command, TellsThatTheAgentHangsUp) {
    for (const char* text : {"", "HTTP/1.1 200 OK\r\nContent-Le",
                             "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "garbage\n"}) {
        const RudeAgent agent(socket_, text);
        const Outcome outcome = run({"status"});
        EXPECT_EQ(outcome.exit_code, 3) << text;
        EXPECT_EQ(outcome.output, "");
        EXPECT_TRUE(outcome.errors.starts_with("wgsteer: ")) << outcome.errors;
    }
}

TEST_F(Command, CleansUpOnlyWithAConfiguration) {
    expect_failure({"cleanup", "--yes"}, 3,
                   "no agent answers on " + socket_.string() + " and there is no " +
                       (directory_.path() / "config.yaml").string() +
                       "; name the configuration with --config");
}

TEST_F(Command, AsksBeforeItOpensANodeThatRequiresEncryption) {
    write_text(directory_.path() / "config.yaml",
               "node: node-a\npolicy: require\ncluster_prefixes: [10.0.0.0/8]\n"
               "source: {directory: /nonexistent}\n");
    expect_failure({"cleanup"}, 2, "cleanup opens this node, which requires encryption; say --yes");
    answer({.body = "{}\n"});
    expect_failure({"cleanup"}, 2, "cleanup opens this node, which requires encryption; say --yes");
    EXPECT_EQ(asked().method, "GET") << "the agent was told to clean up";
}

TEST_F(Command, TellsWhetherTheWatcherPassesItsSelfTest) {
    for (const auto& [outcome, code] : std::map<std::string, int>{
             {"\"passed\"", 0}, {"\"failed\"", 1}, {"\"nothing to watch yet\"", 1}, {"null", 1}}) {
        answer({.body = R"({"enabled": true, "detail": "d", "self_test": )" + outcome + "}"});
        EXPECT_EQ(run({"leak-test"}).exit_code, code) << outcome;
        EXPECT_EQ(asked().path, "/v1/leak-test");
    }
}

// The command at a terminal whose user types this line.
Outcome run_at_terminal(const std::vector<std::string>& command, const std::string& line) {
    std::string text;
    for (const std::string& word : command)
        text += word + " ";
    return test::run({"script", "-qec", text, "/dev/null"}, {.input = line + "\n"});
}

TEST_F(Command, AsksAtATerminalBeforeItCleansUp) {
    const auto clean_up_as = [&](const std::string& policy, const std::string& line) {
        write_text(directory_.path() / "config.yaml",
                   "node: node-a\npolicy: " + policy + "\nsource: {directory: /nonexistent}\n");
        answer({.body = "{}\n"});
        return run_at_terminal({test::binary("wgsteer"), "--socket", socket_, "cleanup"}, line);
    };
    const Outcome refused = clean_up_as("require", "n");
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_NE(refused.output.find("Node node-a requires encryption, and cleanup opens it: its "
                                  "traffic to the mesh will leave in clear. Go on? [y/N] "),
              std::string::npos)
        << refused.output;
    EXPECT_NE(refused.output.find("nothing was removed"), std::string::npos);
    EXPECT_EQ(asked().method, "GET");

    for (const char* policy : {"require", "prefer"}) {
        EXPECT_EQ(clean_up_as(policy, "y").exit_code, 0) << policy;
        EXPECT_EQ(asked().path, "/v1/cleanup");
    }
    EXPECT_EQ(clean_up_as("prefer", "").exit_code, 2);
    EXPECT_EQ(asked().path, "/v1/version");
}

TEST_F(Command, CleansUpThroughARunningAgent) {
    write_text(directory_.path() / "config.yaml",
               "node: node-a\nsource: {directory: /nonexistent}\n");
    answer({.body = "{}\n"});
    const Outcome outcome = run({"cleanup", "--yes"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_EQ(
        outcome.output,
        "Removed every trace of wgsteer from node node-a. Its traffic leaves in clear now.\n");
    EXPECT_EQ(asked().method, "POST");
    EXPECT_EQ(asked().path, "/v1/cleanup");
}

TEST_F(Command, TellsWhyTheAgentCouldNotCleanUp) {
    write_text(directory_.path() / "config.yaml",
               "node: node-a\nsource: {directory: /nonexistent}\n");
    answer({.status = 500, .body = R"({"error": "remove tunnel: no"})"});
    expect_failure({"cleanup", "--yes"}, 1, "remove tunnel: no");
}

}  // namespace
}  // namespace wgs
