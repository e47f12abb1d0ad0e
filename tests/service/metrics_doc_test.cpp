// SPDX-License-Identifier: Apache-2.0
// docs/metrics.md is made from agent/service/metric_list.h; WGS_UPDATE_DOCS=1 in the environment
// writes it anew.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "service/metric_list.h"

namespace wgs {
namespace {

constexpr const char* kPath = WGS_SOURCE_DIR "/docs/metrics.md";

constexpr const char* kIntroduction =
    "# Metrics\n\nWhat `http://127.0.0.1:9586/metrics` tells Prometheus; the setting `metrics` "
    "says "
    "where. Counters of packets\nare the kernel's and outlive the agent; those of the agent's own "
    "work begin anew with it. Units are seconds and\nbytes, moments are Unix time. "
    "`deploy/prometheus` has rules and alerts, `deploy/grafana` a dashboard, "
    "[reasons.md](reasons.md)\nthe values of `reason`. Made from `agent/service/metric_list.h`.\n";

struct Section {
    MetricGroup group;
    const char* text;
};

constexpr Section kSections[] = {
    {MetricGroup::always, "The node"},
    {MetricGroup::leaks, "Leaks, with `leak_watch: on`"},
    {MetricGroup::peers,
     "Each peer, by its name, unless `metrics_per_peer: false`. Nine series a peer"},
    {MetricGroup::crypto,
     "Time in WireGuard, with `crypto_latency: on` and the kernel's WireGuard"},
    {MetricGroup::peer_crypto,
     "The same for each peer, unless `metrics_per_peer: false`. Fourteen series a peer"},
    {MetricGroup::cost,
     "What the programs cost, with `bpf_stats: true`. Measuring takes some 20 ns a packet"},
    {MetricGroup::calico,
     "Under Calico's names, with `metrics_calico: true`, for dashboards that are there already"},
};

std::string label_list(std::string_view labels) {
    std::string text;
    for (const char c : labels)
        text.append(c == ' ' ? "`, `" : std::string(1, c));
    return text.empty() ? text : "`" + text + "`";
}

std::string page() {
    std::string text = kIntroduction;
    for (const Section& section : kSections) {
        text += fmt::format("\n## {}\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n",
                            section.text);
        for (const MetricInfo& metric : kMetrics) {
            if (metric.group != section.group) continue;
            text += fmt::format("| `{}` | {} | {} | {} |\n", metric.name, to_string(metric.kind),
                                label_list(metric.labels), metric.help);
        }
    }
    return text;
}

TEST(MetricsPage, ShowsTheListThatTheAgentWritesFrom) {
    if (std::getenv("WGS_UPDATE_DOCS") != nullptr) std::ofstream(kPath) << page();
    std::stringstream found;
    found << std::ifstream(kPath).rdbuf();
    EXPECT_EQ(found.str(), page());
}

}  // namespace
}  // namespace wgs
