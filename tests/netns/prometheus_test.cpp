// SPDX-License-Identifier: Apache-2.0
// A real Prometheus scrapes a mesh and fires the alerts of deploy/prometheus.
#include <fmt/format.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/netns/fixture.h"
#include "tests/support/bpf_link.h"
#include "tests/support/http.h"

namespace wgs::test {
namespace {

// The rules with patience cut short: 5m and 1m are windows of production.
std::string hasty_rules() {
    std::stringstream text;
    text << std::ifstream(WGS_SOURCE_DIR "/deploy/prometheus/wgsteer.rules.yaml").rdbuf();
    const std::string windows = std::regex_replace(text.str(), std::regex(R"(\[\d+m\])"), "[6s]");
    return std::regex_replace(windows, std::regex(R"(for: \d+m)"), "for: 1s");
}

// Runs in the namespace of a node and knows all of them.
class Prometheus {
  public:
    Prometheus(const Cluster& cluster, const NetNamespace& ns)
        : ns_(ns),
          directory_(cluster.workspace().directory() / "prometheus"),
          process_(command(cluster), {.ns = &ns, .environment = {cluster.workspace().mark()}}) {}

    // "NAME instance peer" of all that fire.
    [[nodiscard]] std::set<std::string> firing() const {
        std::set<std::string> names;
        const nlohmann::json answer = get("/api/v1/alerts");
        if (!answer.is_object()) return names;
        for (const auto& alert : answer["data"]["alerts"]) {
            const auto& labels = alert["labels"];
            if (alert["state"] != "firing") continue;
            names.insert(fmt::format("{} {} {}", labels.value("alertname", ""),
                                     labels.value("instance", ""), labels.value("peer", "")));
        }
        return names;
    }
    [[nodiscard]] bool scrapes(std::size_t nodes) const {
        const nlohmann::json answer = get("/api/v1/query?query=count(up==1)");
        if (!answer.is_object()) return false;
        const auto& result = answer["data"]["result"];
        return !result.empty() && result[0]["value"][1] == std::to_string(nodes);
    }

  private:
    std::vector<std::string> command(const Cluster& cluster) {
        std::filesystem::create_directories(directory_);
        std::ofstream(directory_ / "rules.yaml") << hasty_rules();
        std::ofstream config(directory_ / "prometheus.yaml");
        config << "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
               << "rule_files: [rules.yaml]\nscrape_configs:\n- job_name: wgsteer\n"
               << "  static_configs:\n";
        for (const auto& node : cluster.nodes())
            config << fmt::format("  - {{targets: ['{}:9586'], labels: {{instance: {}}}}}\n",
                                  node->host_address(Family::v4).to_string(), node->name());
        return {"prometheus", "--config.file=" + (directory_ / "prometheus.yaml").string(),
                "--storage.tsdb.path=" + (directory_ / "data").string(),
                "--web.listen-address=127.0.0.1:9090", "--log.level=warn"};
    }
    [[nodiscard]] nlohmann::json get(const std::string& path) const {
        const Within inside(ns_);
        const auto reply = http_get("http://127.0.0.1:9090" + path);
        return reply ? nlohmann::json::parse(reply->body, nullptr, false) : nlohmann::json();
    }

    const NetNamespace& ns_;
    std::filesystem::path directory_;
    Process process_;
};

class PrometheusTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        if (!has_tool("prometheus")) GTEST_SKIP() << "prometheus is not installed";
        cluster_.emplace(ClusterOptions{.nodes = 3, .hosts = false});
        for (const auto& node : cluster_->nodes())
            node->agent().settings().metrics = "0.0.0.0:9586";
        form_mesh(*cluster_);
        prometheus_.emplace(*cluster_, node(1).ns());
        ASSERT_TRUE(eventually(60s, [&] { return prometheus_->scrapes(3); }));
    }

    Node& node(int number) { return cluster_->node(number); }

    // Keeps at `act` until the alert fires.
    [[nodiscard]] testing::AssertionResult fires(const std::string& alert,
                                                 const std::function<void()>& act) {
        std::set<std::string> firing;
        const bool fired = eventually(60s, [&] {
            act();
            firing = prometheus_->firing();
            return firing.contains(alert);
        });
        if (fired) return testing::AssertionSuccess();
        auto failure = testing::AssertionFailure() << alert << " does not fire, but";
        for (const std::string& other : firing)
            failure << " [" << other << "]";
        return failure;
    }

    void leak() {
        if (detach_pinned_links(node(1).agent().bpffs(), "wgs_nic_out-") == 0)
            run({"tc", "filter", "del", "dev", "eth0", "egress", "pref", "65520"},
                {.ns = &node(1).ns()});
        ping(node(1).pod(), node(2).pod_address(Family::v4), 300ms);
    }

    std::optional<Cluster> cluster_;
    std::optional<Prometheus> prometheus_;
};

TEST_F(PrometheusTest, FiresForAStoppedPeerALeakAndADuplicatedKey) {
    EXPECT_EQ(prometheus_->firing(), std::set<std::string>{}) << "in a sound mesh";

    EXPECT_TRUE(fires("WgsteerLeak node-1 ", [&] { leak(); }));

    const std::string key = node(2).agent().status()["tunnels"][0]["public_key"];
    write_node_file(*cluster_, "copy",
                    "name: copy\naddresses: [192.168.50.99]\npublic_key: \"" + key + "\"\n");
    EXPECT_TRUE(fires("WgsteerKeyConflict node-1 ", [] {}));
    std::filesystem::remove(cluster_->mesh() / "copy.yaml");

    node(3).agent().kill9();
    node(3).ns().ip("link set eth0 down");
    EXPECT_TRUE(fires("WgsteerPeerSilent node-1 node-3",
                      [&] { ping(node(1).pod(), node(3).pod_address(Family::v4), 100ms); }));
    EXPECT_TRUE(fires("WgsteerAgentDown node-3 ", [] {}));
}

}  // namespace
}  // namespace wgs::test
