// SPDX-License-Identifier: Apache-2.0
// A large cluster: how long a list takes, what it costs, and whether a storm of changes is kept up
// with. WGS_SCALE_NODES sets how many nodes; the usual run has fewer than it is built for.
#include <cstdlib>
#include <fstream>

#include "tests/source/kubernetes_fixture.h"

namespace wgs::test {
namespace {

constexpr int kUsualNodes = 2'000;
constexpr int kPrefixes = 10;
constexpr double kStormRate = 1'000;
constexpr double kStormSeconds = 2;

int node_count() {
    const char* const text = std::getenv("WGS_SCALE_NODES");
    return text == nullptr ? kUsualNodes : std::atoi(text);
}

std::size_t resident_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
    }
    return 0;
}

double seconds_since(SteadyTime begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

TEST_F(KubernetesTest, KeepsUpWithALargeClusterAndAStormInIt) {
    const int nodes = node_count();
    api_.control("fill",
                 {{"nodes", std::to_string(nodes)}, {"prefixes", std::to_string(kPrefixes)}});

    const SteadyTime begin = std::chrono::steady_clock::now();
    start();
    ASSERT_TRUE(run_until([this] { return sink_.completions == 1; }, 120s));
    const double listed = seconds_since(begin);
    ASSERT_EQ(sink_.nodes.size(), static_cast<std::size_t>(nodes - 1));
    RecordProperty("list_seconds", std::to_string(listed));
    EXPECT_LT(listed, std::chrono::duration<double>(scaled(20s)).count());

    const std::string last = key_of(123);
    const auto sent = SteadyTime(std::chrono::nanoseconds(
        api_.control("touch", {{"name", "node-1"}, {"key", last}}).get<std::int64_t>()));
    ASSERT_TRUE(run_until(
        [&] { return sink_.nodes["node-1"].public_key == PublicKey::parse(last).value(); }));
    const double one = std::chrono::duration<double>(sink_.changed["node-1"] - sent).count();

    const std::size_t before = sink_.upserts;
    const auto changes = static_cast<std::size_t>(kStormRate * kStormSeconds);
    const SteadyTime storm = std::chrono::steady_clock::now();
    api_.control("storm", {{"rate", std::to_string(kStormRate)},
                           {"seconds", std::to_string(kStormSeconds)},
                           {"nodes", std::to_string(nodes)}});
    // Those of node-0 are ours, and not told.
    const std::size_t own = changes / static_cast<std::size_t>(nodes) + 1;
    EXPECT_TRUE(run_until([&] { return sink_.upserts - before >= changes - own; }, 60s));
    const double stormed = seconds_since(storm);
    EXPECT_EQ(api_.count("watch nodes"), 1);
    EXPECT_TRUE(sink_.removed.empty());
    std::printf(
        "%d nodes: listed in %.2f s, %zu KiB resident; one change told after %.1f ms; "
        "%zu changes in %.2f s\n",
        nodes, listed, resident_kib(), one * 1000, changes, stormed);
}

}  // namespace
}  // namespace wgs::test
