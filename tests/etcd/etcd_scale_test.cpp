// SPDX-License-Identifier: Apache-2.0
// Ten thousand nodes with a hundred thousand prefixes, and a storm of changes among them, by a real
// etcd. What was measured is printed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "tests/etcd/sourcing.h"
#include "tests/etcd/writer.h"

namespace wgs::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kNodes = 10'000;
constexpr int kPrefixes = 10;  // of each
constexpr int kChangesPerSecond = 1'000;
constexpr int kStorm = 3'000;  // changes
const std::string kPrefix = "/wgsteer/nodes/";

NodeInfo numbered(int number, std::uint16_t port) {
    NodeInfo info{.name = fmt::format("node-{:05}", number)};
    const int high = number / 250;
    const int low = number % 250;
    info.addresses = {ip(fmt::format("172.16.{}.{}", high, low + 1))};
    for (int i = 0; i < kPrefixes; ++i)
        info.prefixes.push_back(prefix(fmt::format("10.{}.{}.{}/28", high, low, i * 16)));
    std::array<std::uint8_t, PublicKey::kSize> bytes{};
    bytes.fill(1);
    bytes[0] = static_cast<std::uint8_t>(number);
    bytes[1] = static_cast<std::uint8_t>(number >> 8);
    info.public_key = PublicKey(bytes);
    info.port = port;
    return info;
}

void fill(const EtcdCluster& etcd) {
    EtcdWriter writer(etcd.endpoint());
    std::vector<NodeInfo> nodes;
    for (int i = 0; i < kNodes; ++i)
        nodes.push_back(numbered(i, 51820));
    writer.put(kPrefix, nodes);
    ASSERT_EQ(writer.failed(), 0);
}

// Of this process, in MiB.
long resident() {
    std::ifstream file("/proc/self/statm");
    long size = 0;
    long pages = 0;
    file >> size >> pages;
    return pages * 4 / 1024;
}

long milliseconds(Clock::duration time) {
    return std::chrono::duration_cast<Millis>(time).count();
}

TEST(EtcdScale, TenThousandNodesAreToldSoonAndAStormIsKeptUpWith) {
    if (!has_tool("etcd")) GTEST_SKIP() << "etcd is not installed";
    EtcdCluster etcd;
    etcd.start();
    fill(etcd);

    Sourcing one("self", {.endpoints = etcd.endpoints()}, 10s);
    const long before = resident();
    const auto begin = Clock::now();
    one.source->start();
    ASSERT_TRUE(one.until([&] { return one.mesh.completed == 1; }, 60s)) << one.complaints();
    const auto synced = Clock::now() - begin;
    ASSERT_EQ(one.mesh.nodes.size(), static_cast<std::size_t>(kNodes));
    EXPECT_EQ(one.mesh.nodes.at("node-09999"), numbered(9999, 51820));
    fmt::print("full sync of {} nodes: {} ms, {} MiB more with all that was told\n", kNodes,
               milliseconds(synced), resident() - before);
    ASSERT_TRUE(one.until([&] { return one.source->problems().empty(); }));

    // Each change has a port of its own, which says when it was sent.
    std::vector<Clock::time_point> sent(kStorm);
    int failed = 0;
    std::thread storm([&] {
        EtcdWriter writer(etcd.endpoint());
        const auto start = Clock::now();
        for (int i = 0; i < kStorm; ++i) {
            writer.run_until(start + i * 1s / kChangesPerSecond);
            sent[static_cast<std::size_t>(i)] = Clock::now();
            writer.send("/v3/kv/put",
                        put_of(kPrefix, numbered(i % kNodes, static_cast<std::uint16_t>(1 + i))));
            writer.settle(64);
        }
        writer.settle(0);
        failed = writer.failed();
    });
    const std::size_t told = one.mesh.upserts;
    const auto storm_begin = Clock::now();
    const bool kept_up = one.until([&] { return one.mesh.upserts >= told + kStorm; }, 120s);
    const auto last = Clock::now();
    storm.join();
    EXPECT_TRUE(kept_up) << one.mesh.upserts - told << " of " << kStorm << " changes came";
    EXPECT_EQ(failed, 0);
    fmt::print("storm of {} changes: {} ms, the last one {} ms after it was sent; {} MiB more\n",
               kStorm, milliseconds(last - storm_begin), milliseconds(last - sent.back()),
               resident() - before);
    EXPECT_TRUE(one.mesh.removed.empty());
    EXPECT_EQ(one.mesh.completed, 1) << one.complaints();
}

}  // namespace
}  // namespace wgs::test
