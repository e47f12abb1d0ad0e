// SPDX-License-Identifier: Apache-2.0
// What Prometheus and Grafana make of the metrics: its own tool judges text and rules, and rules
// and dashboard name nothing that is not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <string_view>

#include "example.h"
#include "service/metric_list.h"
#include "service/metrics.h"
#include "tests/support/process.h"

namespace wgs {
namespace {

const std::string kDeploy = WGS_SOURCE_DIR "/deploy";

std::string content_of(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

class Promtool : public testing::Test {
  protected:
    void SetUp() override {
        if (!test::has_tool("promtool")) GTEST_SKIP() << "promtool is not installed";
    }
};

TEST_F(Promtool, FindsNothingToCriticise) {
    const Example example;
    const std::string text = metrics_text(
        example.view(), {.totals = example.verdicts,
                         .counts = example.counts,
                         .tables = {{.name = "peers", .entries = 2, .capacity = 4096}},
                         .programs = {{.name = "wgs_nic_out", .runs = 3, .time = 600ns}}});
    const test::Outcome checked =
        test::run({"promtool", "check", "metrics"}, {.input = text}, std::chrono::seconds(60));
    EXPECT_EQ(checked.exit_code, 0) << checked.output << checked.errors;
    EXPECT_EQ(checked.errors, "");
}

TEST_F(Promtool, SeesTheRulesFireWhenTheyShould) {
    const test::Outcome tested = test::run(
        {"promtool", "test", "rules", kDeploy + "/prometheus/wgsteer.rules.test.yaml"}, {}, 60s);
    EXPECT_EQ(tested.exit_code, 0) << tested.output << tested.errors;
}

// Names of metrics in an expression, without what a summary appends.
std::set<std::string> metrics_in(const std::string& expression) {
    static const std::regex kName(R"((^|[^a-z_:$"])((wgsteer|wireguard|process)_[a-z_]+))");
    std::set<std::string> names;
    for (std::sregex_iterator it(expression.begin(), expression.end(), kName), end; it != end; ++it)
        names.insert(std::regex_replace((*it)[2].str(), std::regex("_(sum|count|bucket)$"), ""));
    return names;
}

std::set<std::string> documented() {
    std::set<std::string> names;
    const std::string page = content_of(WGS_SOURCE_DIR "/docs/metrics.md");
    static const std::regex kRow(R"(\| `([a-z_]+)` \|)");
    for (std::sregex_iterator it(page.begin(), page.end(), kRow), end; it != end; ++it)
        names.insert((*it)[1].str());
    return names;
}

// How many known metrics the expression names; fails on others.
std::size_t expect_known(const std::string& expression) {
    static const std::set<std::string> kKnown = documented();
    const std::set<std::string> names = metrics_in(expression);
    for (const std::string& name : names)
        EXPECT_TRUE(kKnown.contains(name)) << name << " is not in docs/metrics.md: " << expression;
    return names.size();
}

// Lines of other keys than `expr` hold words for people.
bool is_expression(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(" -"), line.size()));
    return std::ranges::none_of(
        std::initializer_list<std::string_view>{
            "#", "record:", "alert:", "summary:", "action:", "name:"},
        [&](std::string_view key) { return line.starts_with(key); });
}

TEST(PrometheusRules, NameDocumentedMetricsOnly) {
    std::istringstream rules(content_of(kDeploy + "/prometheus/wgsteer.rules.yaml"));
    std::size_t names = 0;
    for (std::string line; std::getline(rules, line);)
        if (is_expression(line)) names += expect_known(line);
    EXPECT_GT(names, 15U);
}

TEST(Dashboard, NamesDocumentedMetricsOnly) {
    const auto board =
        nlohmann::json::parse(content_of(kDeploy + "/grafana/wgsteer.json"), nullptr, false);
    ASSERT_TRUE(board.is_object());
    std::set<int> ids;
    std::size_t panels = 0;
    for (const auto& panel : board["panels"]) {
        EXPECT_TRUE(ids.insert(panel.value("id", 0)).second) << panel["title"];
        EXPECT_TRUE(panel["gridPos"].is_object()) << panel["title"];
        if (panel["type"] == "row") continue;
        ++panels;
        ASSERT_FALSE(panel["targets"].empty()) << panel["title"];
        for (const auto& target : panel["targets"])
            EXPECT_GT(expect_known(target.value("expr", "")), 0U) << target;
    }
    EXPECT_GT(panels, 20U);
}

// Grafana's own variables stand for durations and patterns.
TEST_F(Promtool, ParsesEveryExpressionOfTheDashboard) {
    const auto board = nlohmann::json::parse(content_of(kDeploy + "/grafana/wgsteer.json"));
    std::string rules = "groups: [{name: dashboard, rules: [";
    for (const auto& panel : board["panels"]) {
        for (const auto& target : panel.value("targets", nlohmann::json::array())) {
            std::string expression = target.value("expr", "");
            expression = std::regex_replace(expression, std::regex(R"(\$__[a-z_]+)"), "5m");
            rules += nlohmann::json{{"record", "a:b"}, {"expr", expression}}.dump() + ",";
        }
    }
    const auto file = testing::TempDir() + "wgsteer-dashboard.rules.yaml";
    std::ofstream(file) << rules << "]}]\n";
    const test::Outcome checked =
        test::run({"promtool", "check", "rules", "--lint=none", file}, {}, 60s);
    EXPECT_EQ(checked.exit_code, 0) << checked.output << checked.errors;
    std::remove(file.c_str());
}

}  // namespace
}  // namespace wgs
