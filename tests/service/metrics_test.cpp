// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "base/version.h"
#include "example.h"

namespace wgs {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

std::string metrics_of(const Example& example) {
    return metrics_text(example.view(), example.verdicts, example.counts);
}

// Without the comments.
std::vector<std::string> samples_of(const Example& example) {
    std::vector<std::string> lines = lines_of(metrics_of(example));
    std::erase_if(lines, [](const std::string& line) { return line.starts_with('#'); });
    return lines;
}

TEST(Metrics, CountEverything) {
    const std::vector<std::string> expected{
        "wgsteer_build_info{version=\"" + std::string(kVersion) + "\"} 1",
        "wgsteer_in_sync 1",
        "wgsteer_source_complete 1",
        "wgsteer_problems 0",
        "wgsteer_rejected_claims 1",
        "wgsteer_plan_steps_total 16",
        "wgsteer_leaked_packets_total 0",
        "wgsteer_leaked_bytes_total 0",
        "wgsteer_leak_watch_passed 0",
        R"(wgsteer_peers{state="no_key"} 1)",
        R"(wgsteer_peers{state="conflict"} 0)",
        R"(wgsteer_peers{state="waiting"} 0)",
        R"(wgsteer_peers{state="ready"} 1)",
        R"(wgsteer_peers{state="stalled"} 0)",
        R"(wgsteer_peer_ready{peer="node-b"} 1)",
        R"(wgsteer_peer_ready{peer="node-c"} 0)",
        R"(wgsteer_peer_receive_bytes_total{peer="node-b"} 1000)",
        R"(wgsteer_peer_transmit_bytes_total{peer="node-b"} 2000)",
        R"(wgsteer_peer_last_handshake_timestamp_seconds{peer="node-b"} 1700000000.5)",
        R"(wgsteer_verdict_packets_total{hook="nic_out",reason="steered"} 5)",
        R"(wgsteer_verdict_packets_total{hook="nic_out",reason="no_tunnel"} 1)",
        R"(wgsteer_verdict_packets_total{hook="wg_in",reason="no_tunnel"} 2)",
        R"(wgsteer_verdict_packets_total{hook="wg_in",reason="decrypted"} 3)",
        R"(wgsteer_verdict_packets_total{hook="nic_in",reason="decrypted"} 3)",
        R"(wgsteer_verdict_bytes_total{hook="nic_out",reason="steered"} 500)",
        R"(wgsteer_verdict_bytes_total{hook="nic_out",reason="no_tunnel"} 100)",
        R"(wgsteer_verdict_bytes_total{hook="wg_in",reason="no_tunnel"} 200)",
        R"(wgsteer_verdict_bytes_total{hook="wg_in",reason="decrypted"} 300)",
        R"(wgsteer_verdict_bytes_total{hook="nic_in",reason="decrypted"} 342)",
        R"(wgsteer_peer_packets_total{peer="node-b",verdict="steered"} 5)",
        R"(wgsteer_peer_packets_total{peer="node-b",verdict="dropped"} 1)",
        R"(wgsteer_peer_packets_total{peer="node-b",verdict="clear"} 2)",
        R"(wgsteer_peer_packets_total{peer="node-b",verdict="decrypted"} 3)",
        R"(wgsteer_peer_packets_total{peer="node-d",verdict="steered"} 0)",
        R"(wgsteer_peer_packets_total{peer="node-d",verdict="dropped"} 0)",
        R"(wgsteer_peer_packets_total{peer="node-d",verdict="clear"} 4)",
        R"(wgsteer_peer_packets_total{peer="node-d",verdict="decrypted"} 0)",
    };
    EXPECT_EQ(samples_of(Example()), expected);
}

TEST(Metrics, TellOfProblems) {
    Example example;
    example.problems = {{.object = "kernel", .message = "no"}, {.object = "plan", .message = "no"}};
    EXPECT_NE(metrics_of(example).find("\nwgsteer_problems 2\n"), std::string::npos);
}

// https://prometheus.io/docs/instrumenting/exposition_formats/ and its naming practices.
TEST(Metrics, CountLeaksOnlyIfSomebodyWatches) {
    Example example;
    example.leaks.note({.packets = 2, .bytes = 200}, {}, Clock::now());
    example.leaks.note({.outcome = SelfTest::passed, .detail = "sees"});
    const std::string text = metrics_of(example);
    for (const char* sample : {"wgsteer_leaked_packets_total 2\n",
                               "wgsteer_leaked_bytes_total 200\n", "wgsteer_leak_watch_passed 1\n"})
        EXPECT_NE(text.find(sample), std::string::npos) << sample;
    example.config.leak_watch = false;
    EXPECT_EQ(metrics_of(example).find("leak"), std::string::npos);
}

TEST(Metrics, KeepPrometheusRules) {
    const std::regex help(R"(# HELP (wgsteer_[a-z_]+) [A-Z1].*\.)");
    const std::regex type(R"(# TYPE (wgsteer_[a-z_]+) (counter|gauge))");
    const std::regex sample(
        R"re((wgsteer_[a-z_]+)(\{[a-z_]+="[^"\\]*"(,[a-z_]+="[^"\\]*")*\})? [-+.0-9e]+)re");
    std::set<std::string> families;
    std::set<std::string> series;
    std::string current;
    for (const std::string& line : lines_of(metrics_of(Example()))) {
        std::smatch match;
        if (std::regex_match(line, match, help)) {
            current = match[1];
            EXPECT_TRUE(families.insert(current).second) << "twice: " << line;
        } else if (std::regex_match(line, match, type)) {
            EXPECT_EQ(match[1], current);
            EXPECT_EQ(match[2] == "counter", current.ends_with("_total")) << line;
        } else {
            ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
            EXPECT_EQ(match[1], current) << "outside its family";
            EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << "twice: " << line;
        }
    }
    EXPECT_EQ(families.size(), 17U);
}

TEST(Metrics, EscapeWhatALabelMayNotHold) {
    Example example;
    example.counts = {{"a\"b\\c\nd", {}}};
    EXPECT_NE(metrics_of(example).find(R"({peer="a\"b\\c\nd",verdict="steered"} 0)"),
              std::string::npos);
}

TEST(Metrics, LeaveOutAHandshakeThatHasNotBeen) {
    Example example;
    example.actual.tunnels.at(0).sessions.begin()->second.last_handshake.reset();
    EXPECT_EQ(metrics_of(example).find("last_handshake"), std::string::npos);
}

}  // namespace
}  // namespace wgs
