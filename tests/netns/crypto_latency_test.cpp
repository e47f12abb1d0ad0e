// SPDX-License-Identifier: Apache-2.0
// How long packets are in WireGuard, as the agent tells it.
#include "tests/netns/fixture.h"

namespace wgs::test {
namespace {

constexpr double kDelayMs = 60;

struct Times {
    std::uint64_t samples = 0;
    double sum_ms = 0;
};

Times times_of(const Agent& agent, const std::string& peer) {
    const nlohmann::json crypto = agent.peer(peer).at("crypto_latency");
    const auto samples = crypto.at("samples").get<std::uint64_t>();
    if (samples == 0) return {};
    return {.samples = samples,
            .sum_ms = static_cast<double>(samples) * crypto.at("mean_us").get<double>() / 1e3};
}

bool delays_packets_for_the_tunnel(const NetNamespace& ns) {
    const Within inside(ns);
    const Outcome done = run({"tc", "qdisc", "add", "dev", "wgsteer0", "root", "netem", "limit",
                              "10000", "delay", "60ms"},
                             {}, 20s);
    return done.exit_code == 0;
}

class CryptoLatencyTest : public MeshTest {};

TEST_F(CryptoLatencyTest, APeersSlowPacketsShow) {
    if (!kernel_has_link_type("wireguard")) GTEST_SKIP() << "no WireGuard in this kernel";
    Cluster cluster({.nodes = 2});
    form_mesh(cluster);
    Node& left = cluster.node(1);
    Node& right = cluster.node(2);
    ASSERT_TRUE(tcp_transfer(left.pod(), right.pod_address(Family::v4), right.pod(), 4 << 20, 60s));
    const Times quick = times_of(left.agent(), "node-2");
    EXPECT_GT(quick.samples, 0U);
    EXPECT_GT(quick.sum_ms, 0);
    EXPECT_GT(times_of(right.agent(), "node-1").samples, 0U) << "acknowledgements are packets too";

    // Between the program that steers and WireGuard.
    ASSERT_TRUE(delays_packets_for_the_tunnel(left.ns()));
    UdpStream stream(left.pod(), right.pod_address(Family::v4), right.pod(), 500);
    EXPECT_TRUE(eventually(
        60s, [&] { return times_of(left.agent(), "node-2").samples > quick.samples + 1; }));
    stream.stop();
    const Times slow = times_of(left.agent(), "node-2");
    ASSERT_GT(slow.samples, quick.samples);
    const double mean =
        (slow.sum_ms - quick.sum_ms) / static_cast<double>(slow.samples - quick.samples);
    EXPECT_GE(mean, kDelayMs * 0.99);
    const Outcome shown = left.agent().cli({"peers", "node-2"});
    EXPECT_NE(shown.output.find("in WireGuard  half of the packets within "), std::string::npos)
        << shown.output;
}

TEST_F(CryptoLatencyTest, NothingIsMeasuredWhereWireguardGoEncrypts) {
    if (kernel_has_link_type("wireguard")) GTEST_SKIP() << "this kernel has WireGuard";
    Cluster cluster({.nodes = 2});
    form_mesh(cluster);
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
    const Agent& agent = cluster.node(1).agent();
    EXPECT_TRUE(agent.peer("node-2").at("crypto_latency").is_null());
    EXPECT_NE(agent.cli({"peers", "node-2"}).output.find("in WireGuard  not measured"),
              std::string::npos);
}

}  // namespace
}  // namespace wgs::test
