// SPDX-License-Identifier: Apache-2.0
// `wgsteer monitor` and `capture` in a mesh that works, and in one that does not.
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/netns/fixture.h"
#include "tests/support/http.h"
#include "tests/support/process.h"
#include "tests/support/traffic.h"

namespace wgs::test {
namespace {

using Json = nlohmann::json;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

class EventsTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        cluster_.emplace(ClusterOptions{.nodes = 2});
        form_mesh(*cluster_);
    }

    Node& node(int number) { return cluster_->node(number); }

    // A command of the CLI on node 1 that goes on.
    Process start(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(),
                         {binary("wgsteer"), "--socket", node(1).agent().socket()});
        return Process(arguments, {.ns = &node(1).ns()});
    }

    [[nodiscard]] std::filesystem::path file(const std::string& name) const {
        return cluster_->workspace().directory() / name;
    }

    // Pings until the command has ended.
    testing::AssertionResult pings_end(Process& command) {
        const bool ended = eventually(20s, [&] {
            ping(node(1).pod(), node(2).pod_address(Family::v4));
            return !command.running();
        });
        if (!ended) return testing::AssertionFailure() << "it has not ended";
        if (const auto code = command.wait(1s); code != 0)
            return testing::AssertionFailure() << "exit code " << *code << command.errors();
        return testing::AssertionSuccess();
    }

    static Outcome tshark(const std::filesystem::path& capture,
                          const std::vector<std::string>& fields) {
        std::vector<std::string> arguments{"tshark", "-n", "-r", capture, "-T", "fields"};
        for (const std::string& field : fields) {
            arguments.emplace_back("-e");
            arguments.push_back(field);
        }
        return run(arguments);
    }

    std::optional<Cluster> cluster_;
};

TEST_F(EventsTest, MonitorShowsALineForEachPacketWithNames) {
    Process monitor = start({"monitor", "--count", "4", "--peer", "node-2", "--proto", "icmp"});
    ASSERT_TRUE(pings_end(monitor));
    const auto lines = lines_of(monitor.output());
    ASSERT_EQ(lines.size(), 5U) << "headings and four packets: " << monitor.output();
    EXPECT_NE(lines[0].find("REASON"), std::string::npos);
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const bool out = lines[i].find("nic_out") != std::string::npos;
        const char* ends = out ? "10.1.0.10 > 10.2.0.10" : "10.2.0.10 > 10.1.0.10";
        for (const char* part : {out ? " steered " : " decrypted ", "node-2", "icmp", ends, " 76"})
            EXPECT_NE(lines[i].find(part), std::string::npos) << part << " in " << lines[i];
        EXPECT_EQ(lines[i].find('\x1b'), std::string::npos) << "a pipe is no terminal";
    }
}

TEST_F(EventsTest, MonitorTellsScriptsTheSame) {
    Process monitor = start(
        {"monitor", "--count", "2", "--hook", "nic_out", "--prefix", "10.2.0.0/24", "-o", "json"});
    ASSERT_TRUE(pings_end(monitor));
    const auto lines = lines_of(monitor.output());
    ASSERT_EQ(lines.size(), 2U) << monitor.output();
    for (const std::string& line : lines) {
        const Json event = Json::parse(line);
        EXPECT_EQ(event["hook"], "nic_out");
        EXPECT_EQ(event["device"], "eth0");
        EXPECT_EQ(event["verdict"], "steer");
        EXPECT_EQ(event["reason"], "steered");
        EXPECT_EQ(event["peer"], "node-2");
        EXPECT_EQ(event["tunnel"], "wgsteer0");
        EXPECT_EQ(event["source"], "10.1.0.10");
        EXPECT_EQ(event["destination"], "10.2.0.10");
        EXPECT_EQ(event["protocol"], 1);
        EXPECT_EQ(event["length"], 76);
        EXPECT_NEAR(event["time_ns"].get<double>() / 1e9, static_cast<double>(::time(nullptr)), 60);
    }
}

TEST_F(EventsTest, MonitorUnderstandsTcpdump) {
    Process monitor = start({"monitor", "--count", "6", "-o", "json",
                             "host 10.2.0.10 and tcp port " + std::to_string(443)});
    Process other = start({"monitor", "--count", "3", "-o", "json", "icmp[icmptype] == icmp-echo"});
    ASSERT_TRUE(pings_end(other));
    for (const std::string& line : lines_of(other.output()))
        EXPECT_EQ(Json::parse(line)["source"], "10.1.0.10") << "the answers do not fit";
    EXPECT_TRUE(monitor.running()) << "no ping fits " << monitor.errors();
    const Outcome wrong = node(1).agent().cli({"monitor", "host or host"});
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_NE(wrong.errors.find("syntax error"), std::string::npos) << wrong.errors;
}

TEST_F(EventsTest, MonitorSumsUpFlows) {
    Process monitor =
        start({"monitor", "--flows", "--proto", "tcp", "--peer", "node-2", "-o", "json"});
    const auto listening = [&] { return monitor.running(); };
    ASSERT_TRUE(eventually(5s, listening));
    Json flows;
    ASSERT_TRUE(eventually(20s, [&] {
        Process again = start({"monitor", "--flows", "--proto", "tcp", "--peer", "node-2", "-o",
                               "json", "--duration", "2"});
        std::this_thread::sleep_for(300ms);
        if (!tcp_transfer(node(1).pod(), node(2).pod_address(Family::v4), node(2).pod(), 300'000))
            return false;
        if (again.wait(10s) != 0) return false;
        flows = Json::parse(again.output(), nullptr, false);
        return flows.is_array() && flows.size() >= 2;
    })) << flows;
    const Json& largest = flows[0];  // towards the receiver
    EXPECT_EQ(largest["source"], "10.1.0.10");
    EXPECT_EQ(largest["peer"], "node-2");
    EXPECT_GT(largest["bytes"], 200'000);
    EXPECT_GT(largest["verdicts"].value("steer steered", 0), 0) << largest;
    EXPECT_GE(largest["last_ns"], largest["first_ns"]);
    monitor.signal(SIGINT);
    EXPECT_EQ(monitor.wait(10s), 0) << monitor.errors();
    EXPECT_TRUE(Json::parse(monitor.output()).is_array()) << "^C still shows the sums";
}

TEST_F(EventsTest, MonitorEndsWithItsReaderAndMakesRoomForOthers) {
    const std::string command =
        binary("wgsteer").string() + " --socket " + node(1).agent().socket().string() + " monitor";
    // The shell's exit code is that of `monitor`, whose reader leaves after three lines.
    Process pipe({"bash", "-c", command + " | head -n 3; exit ${PIPESTATUS[0]}"},
                 {.ns = &node(1).ns()});
    ASSERT_TRUE(pings_end(pipe));
    EXPECT_EQ(lines_of(pipe.output()).size(), 3U);
    EXPECT_EQ(pipe.errors(), "");
    for (int i = 0; i < 3 * 8; ++i) {  // more than there are places
        const Outcome outcome = node(1).agent().cli({"monitor", "--duration", "0.1"});
        if (outcome.exit_code == 0) continue;
        ASSERT_NE(outcome.errors.find("listen already"), std::string::npos) << outcome.errors;
        EXPECT_TRUE(eventually(10s, [&] {
            return node(1).agent().cli({"monitor", "--duration", "0.1"}).exit_code == 0;
        })) << "places are not given back";
    }
}

TEST_F(EventsTest, UnknownNamesAreErrorsWithTheKnownOnes) {
    for (const auto& [arguments, part] :
         std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"monitor", "--verdict", "maybe"}, "steer"},
             {{"monitor", "--reason", "bad_luck"}, "steered"},
             {{"monitor", "--peer", "node-77"}, "node-77"},
             {{"monitor", "--port", "0"}, "65535"}}) {
        const Outcome outcome = node(1).agent().cli(arguments);
        EXPECT_EQ(outcome.exit_code, 2) << part;
        EXPECT_NE(outcome.errors.find(part), std::string::npos) << outcome.errors;
    }
}

TEST_F(EventsTest, EventsGoOnAfterARestartOfTheAgent) {
    Process before = start({"monitor"});
    ASSERT_TRUE(eventually(5s, [&] { return before.running(); }));
    node(1).agent().stop();
    EXPECT_EQ(before.wait(10s), 3) << "the agent has ended";
    node(1).agent().start();
    ASSERT_TRUE(cluster_->wait_ready());
    Process after = start({"monitor", "--count", "2", "--proto", "icmp"});
    EXPECT_TRUE(pings_end(after));
}

TEST_F(EventsTest, DropsAreRememberedWhenNobodyListened) {
    node(1).agent().stop();
    node(1).agent().settings().policy = "require";
    node(1).agent().settings().cluster_prefixes = {"10.0.0.0/8"};
    node(1).agent().start();
    ASSERT_TRUE(cluster_->wait_ready());
    const Outcome routed =
        run({"ip", "route", "add", "10.77.0.0/24", "via", "192.168.50.2"}, {.ns = &node(1).ns()});
    ASSERT_EQ(routed.exit_code, 0) << routed.errors;
    std::string drops;
    EXPECT_TRUE(eventually(20s, [&] {
        ping(node(1).pod(), IpAddress::parse("10.77.0.1").value(), 100ms);
        drops = node(1).agent().cli({"monitor", "--recent"}).output;
        return drops.find("10.1.0.10 > 10.77.0.1") != std::string::npos;
    })) << drops;
    EXPECT_NE(drops.find("drop  unclaimed"), std::string::npos) << drops;
}

TEST_F(EventsTest, ACaptureShowsAFlowBeforeAndAfterEncryption) {
    if (!has_tool("tshark")) GTEST_SKIP() << "tshark is not installed";
    Process capture = start({"capture", "-w", file("both.pcapng"), "--outer", "--count", "12"});
    ASSERT_TRUE(pings_end(capture));
    EXPECT_NE(capture.errors().find("12 packets captured"), std::string::npos) << capture.errors();
    const Outcome read = tshark(file("both.pcapng"), {"frame.interface_name", "ip.src", "ip.dst",
                                                      "udp.dstport", "frame.comment"});
    ASSERT_EQ(read.exit_code, 0) << read.errors;
    EXPECT_EQ(lines_of(read.output).size(), 12U);
    EXPECT_NE(read.output.find("eth0\t10.1.0.10\t10.2.0.10\t\tsteer: steered, peer node-2, at "
                               "nic_out of eth0"),
              std::string::npos)
        << read.output;
    EXPECT_NE(read.output.find("eth0\t192.168.50.1\t192.168.50.2\t51820\tpass: outer"),
              std::string::npos)
        << read.output;
    EXPECT_NE(read.output.find("wgsteer0\t10.2.0.10\t10.1.0.10\t\tsteer: decrypted, peer node-2"),
              std::string::npos)
        << read.output;
}

TEST_F(EventsTest, ACaptureCanBePipedAndFiltered) {
    if (!has_tool("tshark")) GTEST_SKIP() << "tshark is not installed";
    const std::string command = binary("wgsteer").string() + " --socket " +
                                node(1).agent().socket().string() +
                                " capture -w - --count 3 --snaplen 28 --hook nic_out icmp";
    Process pipe({"bash", "-c",
                  command + " | tshark -n -r - -T fields -e ip.dst -e frame.cap_len "
                            "-e frame.len -e frame.packet_flags_direction"},
                 {.ns = &node(1).ns()});
    ASSERT_TRUE(pings_end(pipe));
    for (const std::string& line : lines_of(pipe.output()))
        EXPECT_TRUE(line.starts_with("10.2.0.10\t28\t76\t")) << line;
    EXPECT_EQ(lines_of(pipe.output()).size(), 3U);
}

}  // namespace
}  // namespace wgs::test
