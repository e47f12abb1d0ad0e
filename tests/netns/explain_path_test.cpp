// SPDX-License-Identifier: Apache-2.0
// The steps that `explain` names are those that packets take, now and when an event was of them.
#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "tests/netns/fixture.h"
#include "tests/support/process.h"

namespace wgs::test {
namespace {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

class ExplainPathTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        cluster_.emplace(
            ClusterOptions{.nodes = 2, .policy = "require", .cluster_prefixes = {"10.0.0.0/8"}});
        for (const auto& node : cluster_->nodes())
            node->agent().settings().bypass = "[{proto: tcp, port: 7001}]";
        form_mesh(*cluster_);
        node(1).ns().ip("route add 10.9.0.0/24 via 192.168.50.2\n");
    }

    Node& node(int number) { return cluster_->node(number); }

    Outcome explain(int number, Words arguments) {
        arguments.insert(arguments.begin(), "explain");
        return node(number).agent().cli(arguments);
    }
    Json explained(int number, Words arguments) {
        arguments.insert(arguments.end(), {"-o", "json"});
        const Outcome outcome = explain(number, arguments);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
        return Json::parse(outcome.output);
    }
    // From the pod of node 1 to that of node 2.
    static Words pods(Words more = {}) {
        more.insert(more.begin(), {"--src", "10.1.0.10", "--dst", "10.2.0.10"});
        return more;
    }

    // The first event that fits, while pods ping.
    std::string event(Words filters) {
        Words arguments{binary("wgsteer"), "--socket", node(1).agent().socket(),
                        "monitor",         "-o",       "json",
                        "--count",         "1"};
        arguments.insert(arguments.end(), filters.begin(), filters.end());
        Process monitor(arguments, {.ns = &node(1).ns()});
        const bool ended = eventually(60s, [&] {
            ping(node(1).pod(), node(2).pod_address(Family::v4));
            run({"ping", "-c", "1", "-W", "0.1", "10.9.0.10"}, {.ns = &node(1).pod()});
            return !monitor.running();
        });
        EXPECT_TRUE(ended) << "no event";
        return monitor.output();
    }
    // What `explain --event` says of the line.
    Outcome past(const std::string& line, const Words& more = {}) {
        const auto file = cluster_->workspace().directory() / "event.json";
        std::ofstream(file) << line;
        Words arguments{"--event", file};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return explain(1, arguments);
    }

    std::optional<Cluster> cluster_;
};

Words steps_of(const Json& explanation) {
    Words steps;
    for (const Json& step : explanation.at("path"))
        steps.push_back(step.at("step"));
    return steps;
}

std::size_t longest_line(const std::string& text) {
    std::size_t longest = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        longest = std::max(longest, line.size());
    return longest;
}

TEST_F(ExplainPathTest, NamesTheDevicesAndStepsOfBothNodes) {
    const Json before = node(2).agent().status()["verdicts"];
    const Json out = explained(1, pods({"--both"}));
    EXPECT_EQ(steps_of(out),
              (Words{"pod", "route", "nic_out", "tunnel", "peer", "wire", "wg_in", "nic_in"}));
    EXPECT_EQ(out["path"][0]["device"], "veth-pod");
    EXPECT_EQ(out["path"][1]["device"], "eth0");
    EXPECT_NE(out["path"][4]["text"].get<std::string>().find("node-2 is ready, at 192.168.50.2:"),
              std::string::npos);
    EXPECT_EQ(out["reply"]["reason"], "decrypted");

    const Json in = explained(2, pods());
    EXPECT_EQ(in["direction"], "in");
    EXPECT_EQ(steps_of(in),
              (Words{"peer", "nic_in", "tunnel", "wg_in", "nic_in", "pod", "in_clear"}));
    EXPECT_EQ(in["path"][3]["reason"], "decrypted");
    EXPECT_EQ(in["path"][5]["device"], "veth-pod");
    EXPECT_EQ(in["path"][6]["verdict"], "drop") << "what is required is encryption";
    const Json after = node(2).agent().status()["verdicts"];
    for (const char* reason : {"decrypted", "clear_in"})
        EXPECT_EQ(after[reason], before[reason]) << "nothing of this was counted";

    const Json large = explained(1, pods({"--size", "1441"}));
    EXPECT_EQ(large["verdict"], "drop");
    EXPECT_EQ(large["reason"], "too_big");
    EXPECT_EQ(explained(1, pods({"--size", "1440"}))["reason"], "steered");
    EXPECT_EQ(explained(1, pods({"--size", "1441", "--fragment"}))["reason"], "in_pieces");
}

TEST_F(ExplainPathTest, FitsATerminalOf80Columns) {
    for (const Words& arguments :
         {pods({"--both"}), Words{"--src", "fd10:1::10", "--dst", "fd10:2::10", "--both"},
          Words{"--src", "10.1.0.10", "--dst", "10.9.0.10"},
          Words{"--src", "192.168.50.1", "--dst", "192.168.50.2", "--dport", "1-65535"}}) {
        const Outcome outcome = explain(1, arguments);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
        EXPECT_LE(longest_line(outcome.output), 80U) << outcome.output;
        EXPECT_NE(outcome.output.find("\nSTEP "), std::string::npos) << outcome.output;
    }
    EXPECT_NE(explain(1, pods({"--both"})).output.find("\nTHE ANSWER\n"), std::string::npos);
    EXPECT_NE(explain(1, {"--src", "10.1.0.10", "--dst", "10.9.0.10"}).output.find("\nto do "),
              std::string::npos);
}

TEST_F(ExplainPathTest, ARangeSaysOfEachPortWhatItWouldGetAlone) {
    const Words hosts{"--src", "192.168.50.1", "--dst", "192.168.50.2"};
    const auto with = [&](const std::string& port) {
        Words all = hosts;
        all.insert(all.end(), {"--dport", port});
        return explained(1, all);
    };
    const Json ranges = with("6900-7100")["ranges"];
    ASSERT_EQ(ranges.size(), 3U) << ranges;
    for (const Json& range : ranges) {
        for (const char* end : {"first", "last"})
            EXPECT_EQ(with(range[end].dump())["reason"], range["reason"]) << range;
    }
    EXPECT_EQ(ranges[1]["first"], 7001);
    EXPECT_EQ(ranges[1]["last"], 7001);
    EXPECT_EQ(ranges[1]["reason"], "bypass");
    Words nonsense = hosts;
    nonsense.insert(nonsense.end(), {"--dport", "9000-8000"});
    EXPECT_EQ(explain(1, nonsense).exit_code, 2);
}

TEST_F(ExplainPathTest, OfAnEventSaysWhetherItWouldHappenAgain) {
    for (const char* hook : {"nic_out", "wg_in", "nic_in"}) {
        const std::string line = event({"--hook", hook, "--prefix", "10.2.0.0/24"});
        const Outcome outcome = past(line, {"-o", "json"});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.errors << line;
        const Json document = Json::parse(outcome.output);
        EXPECT_EQ(document["event"]["hook"], hook);
        EXPECT_EQ(document["same"], true) << document.dump(2);
    }

    const std::string dropped = event({"--reason", "unclaimed"});
    Json document = Json::parse(past(dropped, {"-o", "json"}).output);
    EXPECT_EQ(document["event"]["verdict"], "drop");
    EXPECT_NE(document["event"]["advice"], "");
    EXPECT_EQ(document["same"], true) << document.dump(2);
    EXPECT_NE(past(dropped).output.find("\nthen     drop unclaimed: "), std::string::npos)
        << past(dropped).output;

    write_node_file(*cluster_, "node-9",
                    "name: node-9\naddresses: [192.168.50.9]\nprefixes: [10.9.0.0/24]\n");
    ASSERT_TRUE(eventually(60s, [&] { return node(1).agent().peer_state("node-9") == "no_key"; }));
    ASSERT_TRUE(eventually(60s, [&] {
        document = Json::parse(past(dropped, {"-o", "json"}).output);
        return document["same"] == false;
    })) << document.dump(2);
    EXPECT_EQ(document["now"]["reason"], "no_key");
    EXPECT_NE(past(dropped).output.find("something else would happen"), std::string::npos);
    EXPECT_LE(longest_line(past(dropped).output), 80U) << past(dropped).output;

    const Outcome piped =
        run({binary("wgsteer"), "--socket", node(1).agent().socket(), "explain", "--event"},
            {.ns = &node(1).ns(), .input = dropped});
    EXPECT_EQ(piped.output, past(dropped).output) << piped.errors;
    EXPECT_EQ(past("no event\n").exit_code, 2);
    EXPECT_EQ(explain(1, {"--event", "/nonexistent"}).exit_code, 2);
}

}  // namespace
}  // namespace wgs::test
