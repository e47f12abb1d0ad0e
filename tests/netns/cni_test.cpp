// SPDX-License-Identifier: Apache-2.0
// Beside other programs on the same devices and beside netfilter: they see, count, rewrite, track
// and masquerade what they would without encryption.
#include "tests/support/cni.h"

#include "tests/netns/fixture.h"
#include "tests/netns/loss.h"
#include "tests/support/process.h"

namespace wgs::test {
namespace {

constexpr std::uint64_t kPodPings = 4;  // of all_answer(), each way: two families, both ask

std::string kind_of_egress_hook(const Agent& agent) {
    const nlohmann::json status = agent.status();
    for (const auto& hook : status["hooks"]) {
        if (hook.value("program", "") == "wgs_nic_out") return hook.value("kind", "");
    }
    return "";
}

std::string name_of(CniKind kind) {
    return kind == CniKind::tcx ? "tcx" : "clsact";
}

// To a device that is up, which costs its packets of a moment: the kernel stops its queues.
void add_clsact_qdisc(const NetNamespace& ns) {
    const Outcome outcome = run({"tc", "qdisc", "add", "dev", "eth0", "clsact"}, {.ns = &ns});
    if (outcome.exit_code != 0) broken("tc: " + outcome.errors);
}

class CniTest : public MeshTest, public testing::WithParamInterface<CniKind> {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (GetParam() == CniKind::tcx && !kernel_has_tcx())
            GTEST_SKIP() << "the kernel has no TCX";
    }
};

TEST_P(CniTest, OtherProgramsSeeAndWriteClearPackets) {
    Cluster cluster({.nodes = 2, .policy = "require"});
    const CniPrograms left(cluster.node(1).ns(), "eth0", GetParam());
    const CniPrograms right(cluster.node(2).ns(), "eth0", GetParam());
    form_mesh(cluster);
    EXPECT_EQ(kind_of_egress_hook(cluster.node(1).agent()), name_of(GetParam()));
    ASSERT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
    for (const CniPrograms* programs : {&left, &right}) {
        EXPECT_EQ(programs->left().pod, kPodPings);
        EXPECT_EQ(programs->came().pod, kPodPings);
        EXPECT_EQ(programs->came().written, kPodPings);
        EXPECT_GE(programs->left().outer, kPodPings);
        EXPECT_GE(programs->came().outer, kPodPings);
    }
}

TEST_P(CniTest, ProgramsThatComeLaterDisturbNothing) {
    expect_lossless([] {
        Cluster cluster({.nodes = 2, .policy = "require"});
        const Node& left = cluster.node(1);
        const Node& right = cluster.node(2);
        if (GetParam() == CniKind::clsact) add_clsact_qdisc(left.ns());
        form_mesh(cluster);
        EXPECT_TRUE(talk_encrypted(cluster, left, right));
        const auto capture = cluster.capture();
        UdpStream stream(left.pod(), right.pod_address(Family::v4), right.pod(), 500);
        const CniPrograms programs(left.ns(), "eth0", GetParam());
        EXPECT_TRUE(eventually(
            5s, [&] { return kind_of_egress_hook(left.agent()) == name_of(GetParam()); }));
        // The agent gives up its place to them: what leaves is clear text again where they look.
        EXPECT_TRUE(eventually(
            30s, [&] { return programs.left().pod > 400 && programs.came().pod > 400; }));
        const Loss loss = loss_of(cluster, {&stream});
        EXPECT_TRUE(only_encrypted(capture->stop()));
        return loss;
    });
}

TEST_P(CniTest, AProgramThatEndsTheChainIsAProblem) {
    Cluster cluster({.nodes = 2});
    const CniPrograms rude(cluster.node(1).ns(), "eth0", GetParam(), CniManners::rude);
    form_mesh(cluster);
    const auto complains = [](const Agent& agent) {
        return agent.status()["problems"].dump().find("ends the chain") != std::string::npos;
    };
    // It takes three looks, between which much time passes where looking is slow.
    EXPECT_TRUE(eventually(60s, [&] { return complains(cluster.node(1).agent()); }));
    EXPECT_FALSE(complains(cluster.node(2).agent()));
}

INSTANTIATE_TEST_SUITE_P(Kinds, CniTest, testing::Values(CniKind::tcx, CniKind::clsact),
                         [](const auto& kind) { return name_of(kind.param); });

// A machine on the underlay that is no node, and the rules of a CNI on node 1.
class NetfilterTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        if (!has_tool("nft")) GTEST_SKIP() << "nft is not here";
        cluster_.emplace(ClusterOptions{
            .nodes = 2, .policy = "require", .cluster_prefixes = {"10.0.0.0/8", "fd10::/16"}});
        const Outcome rules = use_rules();
        if (rules.exit_code != 0) GTEST_SKIP() << "no nftables here: " << rules.errors;
        connect_outside();
        form_mesh(*cluster_);
    }

    [[nodiscard]] Outcome use_rules() {
        const std::string rules = R"(
table inet cni {
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state invalid counter drop
        ct state established,related accept
        ct state new accept
    }
    chain input {
        type filter hook input priority 0;
        ct state invalid counter drop
    }
    chain ports {
        type nat hook prerouting priority -100;
        ip daddr 192.168.50.1 tcp dport 7001 dnat ip to 10.2.0.10:7001
    }
    chain leaving {
        type nat hook postrouting priority 100;
        ip saddr 10.1.0.0/24 ip daddr != 10.0.0.0/8 masquerade
        ip saddr 192.168.50.200 ip daddr 10.0.0.0/8 masquerade
    }
})";
        return run({"nft", "-f", "-"}, {.ns = &left().ns(), .input = rules});
    }

    void connect_outside() {
        cluster_->underlay().ip("link add port-out type veth peer name eth0 netns " +
                                outside_.path() +
                                "\nlink set port-out master br0\nlink set port-out up\n");
        outside_.ip("addr add 192.168.50.200/24 dev eth0\nlink set eth0 up\n");
    }

    [[nodiscard]] std::string invalid_packets() {
        return run({"sh", "-c", "nft list table inet cni | grep -c 'packets 0 '"},
                   {.ns = &left().ns()})
            .output;
    }

    [[nodiscard]] Node& left() { return cluster_->node(1); }
    [[nodiscard]] Node& right() { return cluster_->node(2); }

    std::optional<Cluster> cluster_;
    NetNamespace outside_{"outside"};
    const IpAddress outside_address_ = IpAddress::parse("192.168.50.200").value();
};

TEST_F(NetfilterTest, ConnectionTrackingIsContent) {
    ASSERT_TRUE(talk_encrypted(*cluster_, left(), right()));
    for (const Family family : kFamilies) {
        EXPECT_TRUE(
            tcp_transfer(left().pod(), right().pod_address(family), right().pod(), 300'000));
        EXPECT_TRUE(tcp_transfer(right().pod(), left().pod_address(family), left().pod(), 300'000));
    }
    EXPECT_EQ(invalid_packets(), "2\n") << "a rule has dropped packets as invalid";
}

TEST_F(NetfilterTest, MasqueradedTrafficToOutsideIsUntouched) {
    EXPECT_TRUE(reaches(left().pod(), outside_address_));
    EXPECT_TRUE(tcp_transfer(left().pod(), outside_address_, outside_, 300'000));
    EXPECT_EQ(invalid_packets(), "2\n");
}

TEST_F(NetfilterTest, ClientsOutsideAreAnswered) {
    outside_.ip("route add 10.1.0.0/24 via 192.168.50.1\n");
    EXPECT_TRUE(reaches(outside_, left().host_address(Family::v4)));
    EXPECT_TRUE(tcp_transfer(outside_, left().pod_address(Family::v4), left().pod(), 300'000));
}

// From a client outside to a port of node 1, from there encrypted to the pod on node 2, and back.
TEST_F(NetfilterTest, APortOfANodeLeadsToAPodOfAnother) {
    const auto capture = cluster_->capture();
    EXPECT_TRUE(tcp_transfer(outside_, left().host_address(Family::v4), right().pod(), 300'000));
    EXPECT_TRUE(only_encrypted(capture->stop()));
}

}  // namespace
}  // namespace wgs::test
