// SPDX-License-Identifier: Apache-2.0
// Pods and hosts that believe in 1,500 bytes, over tunnels that take less: nothing they send is
// lost for its size, and no encrypted packet is ever fragmented.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "tests/netns/fixture.h"
#include "tests/support/process.h"

namespace wgs::test {
namespace {

constexpr int kEchoHeaders4 = 28;  // of IPv4 and ICMP
constexpr int kEchoHeaders6 = 48;
constexpr int kTunnelMtu = 1440;

enum class Fragmentation { forbidden, allowed };

// The output of a ping of one packet, whose IP packet has `size` bytes.
std::string ping_of(const NetNamespace& from, const IpAddress& to, int size,
                    Fragmentation fragmentation) {
    const int headers = to.family() == Family::v4 ? kEchoHeaders4 : kEchoHeaders6;
    return run({"ping", "-c1", "-W2", "-M",
                fragmentation == Fragmentation::forbidden ? "do" : "dont", "-s",
                std::to_string(size - headers), to.to_string()},
               {.ns = &from})
        .output;
}

testing::AssertionResult answered(const std::string& output) {
    if (output.find(" 1 received") != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << output;
}

// What the sender's kernel has learnt about the way.
std::string learnt(const NetNamespace& ns, const IpAddress& to) {
    return run({"ip", "route", "get", to.to_string()}, {.ns = &ns}).output;
}

struct Pair {
    const NetNamespace& from;
    IpAddress to;
};

std::vector<Pair> pairs(const Node& left, const Node& right) {
    std::vector<Pair> all;
    for (const Family family : kFamilies) {
        all.push_back({.from = left.pod(), .to = right.pod_address(family)});
        all.push_back({.from = left.ns(), .to = right.host_address(family)});
    }
    return all;
}

class SizeTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        cluster_.emplace(ClusterOptions{.nodes = 2});
        form_mesh(*cluster_);
        capture_ = cluster_->capture();
    }
    void TearDown() override {
        if (!capture_) return;
        const WireCounts counts = capture_->stop();
        EXPECT_TRUE(nothing_in_clear(counts));
        EXPECT_EQ(counts.pieces, 0U);
    }

    [[nodiscard]] const Node& left() { return cluster_->node(1); }
    [[nodiscard]] const Node& right() { return cluster_->node(2); }

    std::optional<Cluster> cluster_;
    std::unique_ptr<Capture> capture_;
};

TEST_F(SizeTest, TheLargestPacketPassesWhole) {
    for (const Pair& pair : pairs(left(), right()))
        EXPECT_TRUE(answered(ping_of(pair.from, pair.to, kTunnelMtu, Fragmentation::forbidden)));
}

TEST_F(SizeTest, ALargerOneIsAnsweredAndTheSenderLearns) {
    for (const Pair& pair : pairs(left(), right())) {
        SCOPED_TRACE(pair.to.to_string());
        const std::string output =
            ping_of(pair.from, pair.to, kTunnelMtu + 1, Fragmentation::forbidden);
        EXPECT_NE(output.find("1440"), std::string::npos) << output;
        EXPECT_NE(learnt(pair.from, pair.to).find("mtu 1440"), std::string::npos)
            << learnt(pair.from, pair.to);
    }
}

TEST_F(SizeTest, WhatMayBeFragmentedArrives) {
    for (const Pair& pair : pairs(left(), right())) {
        if (pair.to.family() != Family::v4) continue;  // IPv6 routers do not fragment
        for (const int size : {kTunnelMtu + 1, 1500, 4000})
            EXPECT_TRUE(answered(ping_of(pair.from, pair.to, size, Fragmentation::allowed)))
                << size;
    }
}

TEST_F(SizeTest, TcpNeverMeetsTheLimit) {
    const std::size_t bytes = std::getenv("WGS_TEST_SLOW") != nullptr ? 5'000'000 : 100'000'000;
    for (const Family family : kFamilies) {
        EXPECT_TRUE(
            tcp_transfer(left().pod(), right().pod_address(family), right().pod(), bytes, 60s));
        EXPECT_TRUE(
            tcp_transfer(right().pod(), left().pod_address(family), left().pod(), bytes, 60s));
        EXPECT_TRUE(
            tcp_transfer(left().ns(), right().host_address(family), right().ns(), bytes / 10, 60s));
    }
    EXPECT_EQ(left().agent().status()["verdicts"].value("too_big", 0), 0);
}

TEST_F(SizeTest, TheUnderlayMayBecomeSmallerAtAnyTime) {
    left().ns().ip("link set eth0 mtu 1400");
    ASSERT_TRUE(eventually(
        5s, [&] { return left().agent().status()["tunnels"][0].value("mtu", 0) == 1328; }));
    const IpAddress pod = right().pod_address(Family::v4);
    EXPECT_TRUE(answered(ping_of(left().pod(), pod, 1328, Fragmentation::forbidden)));
    const std::string output = ping_of(left().pod(), pod, 1329, Fragmentation::forbidden);
    EXPECT_NE(output.find("1328"), std::string::npos) << output;
}

// Underlays that take more or less than usual; pods that would use what there is.
class UnderlaySizeTest : public MeshTest, public testing::WithParamInterface<int> {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        cluster_.emplace(ClusterOptions{.nodes = 2, .policy = "require"});
        const int pods = std::max(GetParam(), 1500);
        for (const auto& node : cluster_->nodes()) {
            cluster_->underlay().ip(fmt::format("link set port{} mtu {}\n", node->number(), mtu()));
            node->ns().ip(
                fmt::format("link set eth0 mtu {}\nlink set veth-pod mtu {}\n", mtu(), pods));
            node->pod().ip(fmt::format("link set eth0 mtu {}\n", pods));
        }
        cluster_->underlay().ip(fmt::format("link set br0 mtu {}\n", mtu()));
        form_mesh(*cluster_);
        capture_ = cluster_->capture();
    }
    void TearDown() override {
        if (!capture_) return;
        EXPECT_TRUE(only_encrypted(capture_->stop()));
    }

    [[nodiscard]] static int mtu() { return GetParam(); }
    // Of a packet inside the tunnel, with an underlay of IPv4.
    [[nodiscard]] static int limit() { return (mtu() - 60) / 16 * 16; }

    std::optional<Cluster> cluster_;
    std::unique_ptr<Capture> capture_;
};

TEST_P(UnderlaySizeTest, TheLimitFollows) {
    const Node& left = cluster_->node(1);
    const IpAddress pod = cluster_->node(2).pod_address(Family::v4);
    EXPECT_TRUE(answered(ping_of(left.pod(), pod, limit(), Fragmentation::forbidden)));
    const std::string output = ping_of(left.pod(), pod, limit() + 1, Fragmentation::forbidden);
    EXPECT_NE(output.find(std::to_string(limit())), std::string::npos) << output;
    EXPECT_TRUE(answered(ping_of(left.pod(), pod, limit() + 100, Fragmentation::allowed)));
}

TEST_P(UnderlaySizeTest, EveryLinkTakesTheLeastOfIpv6) {
    EXPECT_TRUE(answered(ping_of(cluster_->node(1).pod(), cluster_->node(2).pod_address(Family::v6),
                                 1280, Fragmentation::forbidden)));
}

TEST_P(UnderlaySizeTest, TcpRunsBothWays) {
    const Node& left = cluster_->node(1);
    const Node& right = cluster_->node(2);
    for (const Family family : kFamilies) {
        EXPECT_TRUE(tcp_transfer(left.pod(), right.pod_address(family), right.pod(), 2'000'000));
        EXPECT_TRUE(tcp_transfer(right.pod(), left.pod_address(family), left.pod(), 2'000'000));
        EXPECT_TRUE(tcp_transfer(left.ns(), right.host_address(family), right.ns(), 500'000));
    }
}

INSTANTIATE_TEST_SUITE_P(Mtu, UnderlaySizeTest, testing::Values(1280, 9000),
                         [](const auto& mtu) { return std::to_string(mtu.param); });

}  // namespace
}  // namespace wgs::test
