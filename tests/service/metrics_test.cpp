// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "base/version.h"
#include "example.h"
#include "service/metric_list.h"

namespace wgs {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

Readings readings_of(const Example& example) {
    return {
        .totals = example.verdicts,
        .counts = example.counts,
        .tables = {{.name = "peers", .entries = 2, .capacity = 4096}},
        .process = {
            .cpu_time = 1500ms, .resident_bytes = 4096, .started = Clock::time_point(1600000000s)}};
}

std::string metrics_of(const Example& example) {
    return metrics_text(example.view(), readings_of(example));
}

// Without the comments.
std::vector<std::string> samples_of(const Example& example) {
    std::vector<std::string> lines = lines_of(metrics_of(example));
    std::erase_if(lines, [](const std::string& line) { return line.starts_with('#'); });
    return lines;
}

TEST(Metrics, CountEverything) {
    const std::vector<std::string> expected{
        "wgsteer_build_info{version=\"" + std::string(kVersion) + "\",node=\"node-a\"} 1",
        "wgsteer_in_sync 1",
        "wgsteer_problems 0",
        "wgsteer_rejected_claims 1",
        "wgsteer_held_nodes 0",
        R"(wgsteer_tunnel_info{device="wgsteer0",backend="userspace",public_key=")" +
            key(1).to_base64() + "\"} 1",
        R"(wgsteer_tunnel_mtu_bytes{device="wgsteer0"} 1440)",
        R"(wgsteer_hooks{state="current"} 0)",
        R"(wgsteer_hooks{state="outdated"} 0)",
        R"(wgsteer_hooks{state="refused"} 0)",
        "wgsteer_source_complete 1",
        R"(wgsteer_source_events_total{event="upsert"} 3)",
        R"(wgsteer_source_events_total{event="remove"} 1)",
        "wgsteer_source_errors_total 2",
        "wgsteer_source_last_event_timestamp_seconds 1650000000",
        "wgsteer_source_problems 1",
        "wgsteer_reconcile_runs_total 7",
        "wgsteer_reconcile_failures_total 1",
        R"(wgsteer_resync_duration_seconds_sum{look="devices"} 0)",
        R"(wgsteer_resync_duration_seconds_count{look="devices"} 0)",
        R"(wgsteer_resync_duration_seconds_sum{look="all"} 0.25)",
        R"(wgsteer_resync_duration_seconds_count{look="all"} 4)",
        "wgsteer_last_resync_timestamp_seconds 1660000000",
        "wgsteer_plan_duration_seconds_sum 0",
        "wgsteer_plan_duration_seconds_count 0",
        "wgsteer_apply_duration_seconds_sum 0",
        "wgsteer_apply_duration_seconds_count 0",
        "wgsteer_plan_steps_total 16",
        R"(wgsteer_table_entries{table="peers"} 2)",
        R"(wgsteer_table_capacity{table="peers"} 4096)",
        R"(wgsteer_prefixes{family="ipv4"} 4)",
        R"(wgsteer_prefixes{family="ipv6"} 0)",
        R"(wgsteer_verdict_packets_total{direction="out",hook="nic_out",verdict="steer",reason="steered"} 5)",
        R"(wgsteer_verdict_packets_total{direction="out",hook="nic_out",verdict="drop",reason="no_tunnel"} 1)",
        R"(wgsteer_verdict_packets_total{direction="in",hook="wg_in",verdict="pass",reason="no_tunnel"} 2)",
        R"(wgsteer_verdict_packets_total{direction="in",hook="wg_in",verdict="pass",reason="decrypted"} 3)",
        R"(wgsteer_verdict_packets_total{direction="in",hook="nic_in",verdict="pass",reason="decrypted"} 3)",
        R"(wgsteer_verdict_bytes_total{direction="out",hook="nic_out",verdict="steer",reason="steered"} 500)",
        R"(wgsteer_verdict_bytes_total{direction="out",hook="nic_out",verdict="drop",reason="no_tunnel"} 100)",
        R"(wgsteer_verdict_bytes_total{direction="in",hook="wg_in",verdict="pass",reason="no_tunnel"} 200)",
        R"(wgsteer_verdict_bytes_total{direction="in",hook="wg_in",verdict="pass",reason="decrypted"} 300)",
        R"(wgsteer_verdict_bytes_total{direction="in",hook="nic_in",verdict="pass",reason="decrypted"} 342)",
        "wgsteer_leaked_packets_total 0",
        "wgsteer_leaked_bytes_total 0",
        "wgsteer_leak_watch_passed 0",
        "wgsteer_event_listeners 0",
        "wgsteer_events_lost_total 0",
        R"(wgsteer_peers{state="no_key"} 1)",
        R"(wgsteer_peers{state="conflict"} 0)",
        R"(wgsteer_peers{state="waiting"} 0)",
        R"(wgsteer_peers{state="ready"} 1)",
        R"(wgsteer_peers{state="stalled"} 0)",
        "wgsteer_oldest_handshake_timestamp_seconds 1700000000.5",
        R"(wgsteer_peer_state{peer="node-b",tunnel="wgsteer0",state="ready"} 1)",
        R"(wgsteer_peer_state{peer="node-c",tunnel="wgsteer0",state="no_key"} 1)",
        R"(wgsteer_peer_ready{peer="node-b",tunnel="wgsteer0"} 1)",
        R"(wgsteer_peer_ready{peer="node-c",tunnel="wgsteer0"} 0)",
        R"(wgsteer_peer_last_handshake_timestamp_seconds{peer="node-b",tunnel="wgsteer0"} 1700000000.5)",
        R"(wgsteer_peer_receive_bytes_total{peer="node-b",tunnel="wgsteer0"} 1000)",
        R"(wgsteer_peer_transmit_bytes_total{peer="node-b",tunnel="wgsteer0"} 2000)",
        R"(wgsteer_peer_packets_total{peer="node-b",tunnel="wgsteer0",verdict="steered"} 5)",
        R"(wgsteer_peer_packets_total{peer="node-b",tunnel="wgsteer0",verdict="dropped"} 1)",
        R"(wgsteer_peer_packets_total{peer="node-b",tunnel="wgsteer0",verdict="clear"} 2)",
        R"(wgsteer_peer_packets_total{peer="node-b",tunnel="wgsteer0",verdict="decrypted"} 3)",
        R"(wgsteer_peer_packets_total{peer="node-d",tunnel="wgsteer0",verdict="steered"} 0)",
        R"(wgsteer_peer_packets_total{peer="node-d",tunnel="wgsteer0",verdict="dropped"} 0)",
        R"(wgsteer_peer_packets_total{peer="node-d",tunnel="wgsteer0",verdict="clear"} 4)",
        R"(wgsteer_peer_packets_total{peer="node-d",tunnel="wgsteer0",verdict="decrypted"} 0)",
        "process_cpu_seconds_total 1.5",
        "process_resident_memory_bytes 4096",
        "process_start_time_seconds 1600000000",
    };
    EXPECT_EQ(samples_of(Example()), expected);
}

TEST(Metrics, TellOfProblems) {
    Example example;
    example.problems = {{.object = "kernel", .message = "no"}, {.object = "plan", .message = "no"}};
    EXPECT_NE(metrics_of(example).find("\nwgsteer_problems 2\n"), std::string::npos);
}

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

// Everything that can be there at once.
Example full_example() {
    Example example;
    example.config.metrics_calico = true;
    return example;
}

std::string full_text() {
    const Example example = full_example();
    Readings readings = readings_of(example);
    readings.programs = {{.name = "wgs_nic_out", .runs = 3, .time = 600ns}};
    readings.all_crypto = wgs_crypto{.buckets = {0, 1}, .nanoseconds = 1500};
    readings.crypto = {{"node-b", *readings.all_crypto}, {"node-d", {}}};
    return metrics_text(example.view(), readings);
}

// https://prometheus.io/docs/instrumenting/exposition_formats/ and its naming practices, from which
// Calico's names depart.
TEST(Metrics, KeepPrometheusRules) {
    const std::regex help(R"(# HELP ([a-z_]+) [A-Z1].*\.)");
    const std::regex type(R"(# TYPE ([a-z_]+) (counter|gauge|summary|histogram))");
    const std::regex sample(
        R"re(([a-z_]+)(\{[a-z_]+="[^"\\]*"(,[a-z_]+="[^"\\]*")*\})? [-+.0-9e]+)re");
    std::set<std::string> families;
    std::set<std::string> series;
    std::string current;
    for (const std::string& line : lines_of(full_text())) {
        std::smatch match;
        if (std::regex_match(line, match, help)) {
            current = match[1];
            EXPECT_TRUE(families.insert(current).second) << "twice: " << line;
        } else if (std::regex_match(line, match, type)) {
            EXPECT_EQ(match[1], current);
            if (current.starts_with("wireguard_")) continue;
            EXPECT_EQ(match[2] == "counter", current.ends_with("_total")) << line;
        } else {
            ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
            EXPECT_TRUE(match[1] == current || match[1] == current + "_sum" ||
                        match[1] == current + "_count" || match[1] == current + "_bucket")
                << line << " is outside its family";
            EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << "twice: " << line;
        }
    }
    std::set<std::string> listed;
    for (const MetricInfo& metric : kMetrics)
        listed.emplace(metric.name);
    EXPECT_EQ(families, listed) << "what is listed, and what was written";
}

TEST(Metrics, SpreadTheTimeInWireguardOverBuckets) {
    Readings readings = readings_of(Example());
    readings.events = {.listeners = 2, .lost = 7};
    readings.all_crypto = wgs_crypto{.buckets = {0, 1, 2, 4}, .nanoseconds = 25'500'000};
    readings.all_crypto->buckets[WGS_CRYPTO_BUCKETS - 1] = 1;
    readings.crypto = {{"node-b", *readings.all_crypto}, {"node-c", {}}};
    const std::string text = metrics_text(Example().view(), readings);
    for (const char* sample :
         {R"(wgsteer_crypto_seconds_bucket{le="1e-06"} 0)",
          R"(wgsteer_crypto_seconds_bucket{le="2e-06"} 1)",
          R"(wgsteer_crypto_seconds_bucket{le="4e-06"} 3)",
          R"(wgsteer_crypto_seconds_bucket{le="8e-06"} 7)",
          R"(wgsteer_crypto_seconds_bucket{le="1.048576"} 7)",
          R"(wgsteer_crypto_seconds_bucket{le="+Inf"} 8)", "wgsteer_crypto_seconds_sum 0.0255",
          "wgsteer_crypto_seconds_count 8",
          R"(wgsteer_peer_crypto_seconds_bucket{peer="node-b",tunnel="wgsteer0",le="4e-06"} 3)",
          R"(wgsteer_peer_crypto_seconds_bucket{peer="node-b",tunnel="wgsteer0",le="1.6e-05"} 7)",
          R"(wgsteer_peer_crypto_seconds_bucket{peer="node-b",tunnel="wgsteer0",le="+Inf"} 8)",
          R"(wgsteer_peer_crypto_seconds_count{peer="node-b",tunnel="wgsteer0"} 8)",
          "wgsteer_event_listeners 2", "wgsteer_events_lost_total 7"})
        EXPECT_NE(text.find("\n" + std::string(sample) + "\n"), std::string::npos) << sample;
    EXPECT_EQ(text.find(R"(le="8e-06",)"), std::string::npos);
    EXPECT_EQ(text.find(R"(peer_crypto_seconds_count{peer="node-c")"), std::string::npos);
}

TEST(Metrics, SpareALargeMeshItsPeers) {
    Example example;
    example.config.metrics_per_peer = false;
    const std::string text = metrics_of(example);
    EXPECT_EQ(text.find("node-b"), std::string::npos);
    EXPECT_NE(text.find("wgsteer_peers{state=\"ready\"} 1\n"), std::string::npos);
    EXPECT_NE(text.find("wgsteer_oldest_handshake_timestamp_seconds"), std::string::npos);
}

TEST(Metrics, HaveCalicosNamesIfAskedTo) {
    EXPECT_EQ(metrics_of(Example()).find("\nwireguard_"), std::string::npos);
    const std::string text = metrics_of(full_example());
    const std::string own = key(1).to_base64();
    const std::string labels = "{hostname=\"node-a\",public_key=\"" + own + "\",peer_key=\"" +
                               key(2).to_base64() + "\",peer_endpoint=\"203.0.113.7:51820\"} ";
    for (const std::string& sample :
         {"wireguard_meta{hostname=\"node-a\",public_key=\"" + own +
              "\",iface=\"wgsteer0\",listen_port=\"51820\"} 1\n",
          "wireguard_bytes_rcvd" + labels + "1000\n", "wireguard_bytes_sent" + labels + "2000\n",
          "wireguard_latest_handshake_seconds" + labels + "1700000000.5\n"})
        EXPECT_NE(text.find(sample), std::string::npos) << sample;
}

TEST(Metrics, SayWhatProgramsCostWhileThatIsMeasured) {
    EXPECT_EQ(metrics_of(Example()).find("wgsteer_program_"), std::string::npos);
    const std::string text = full_text();
    EXPECT_NE(text.find("wgsteer_program_runs_total{program=\"wgs_nic_out\"} 3\n"),
              std::string::npos);
    EXPECT_NE(text.find("wgsteer_program_run_seconds_total{program=\"wgs_nic_out\"} 6e-07\n"),
              std::string::npos);
}

TEST(Metrics, CallTheVerdictWhatThePolicyMakesOfIt) {
    Example example;
    example.config.policy = Policy::prefer;
    EXPECT_NE(metrics_of(example).find(R"(hook="nic_out",verdict="pass",reason="no_tunnel"} 1)"),
              std::string::npos);
}

TEST(Metrics, EscapeWhatALabelMayNotHold) {
    Example example;
    example.counts = {{"a\"b\\c\nd", {}}};
    EXPECT_NE(
        metrics_of(example).find(R"({peer="a\"b\\c\nd",tunnel="wgsteer0",verdict="steered"} 0)"),
        std::string::npos);
}

TEST(Metrics, LeaveOutAHandshakeThatHasNotBeen) {
    Example example;
    example.actual.tunnels.at(0).sessions.begin()->second.last_handshake.reset();
    EXPECT_EQ(metrics_of(example).find("last_handshake_timestamp_seconds{"), std::string::npos);
}

}  // namespace
}  // namespace wgs
