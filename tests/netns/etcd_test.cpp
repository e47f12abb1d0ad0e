// SPDX-License-Identifier: Apache-2.0
// A mesh whose nodes know each other from a real etcd, which stands on the underlay.
#include "tests/etcd/server.h"

#include <fmt/format.h>

#include <csignal>

#include "tests/netns/fixture.h"
#include "tests/netns/loss.h"

namespace wgs::test {
namespace {

constexpr const char* kAddress = "192.168.50.250";
constexpr const char* kPrefix = "/wgsteer/nodes/";
constexpr int kRate = 100;  // packets a second of a stream; few, so that no queue is ever full

class EtcdMeshTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        if (!has_tool("etcd") || !has_tool("etcdctl")) GTEST_SKIP() << "etcd is not installed";
    }
    // Two nodes and their etcd, formed.
    void form(int members) {
        etcd_.reset();
        cluster_.emplace(ClusterOptions{
            .nodes = 2, .policy = "require", .cluster_prefixes = {"10.0.0.0/8", "fd10::/16"}});
        cluster_->underlay().ip(fmt::format("addr add {}/24 dev br0\n", kAddress));
        etcd_.emplace(members,
                      EtcdCluster::Place{.ns = &cluster_->underlay(), .address = kAddress});
        etcd_->start();
        for (const auto& node : cluster_->nodes()) {
            node->agent().settings().source = fmt::format(
                "{{etcd: {{endpoints: [{}], lease: 5s}}}}", fmt::join(etcd_->endpoints(), ", "));
        }
        form_mesh(*cluster_);
    }
    [[nodiscard]] Node& node(int number) { return cluster_->node(number); }

    // The key of a node that nobody is: without a public key, so there is no session with it.
    void put_stranger(const std::string& name, int port) const {
        etcd_->put(kPrefix + name, fmt::format(R"({{"name": "{}", "port": {}}})", name, port));
    }
    void expect_known(const std::string& name) {
        for (const auto& node : cluster_->nodes())
            EXPECT_TRUE(eventually(30s, [&] { return node->agent().peer_state(name) == "no_key"; }))
                << problems_of(*node);
    }
    void expect_out_of_reach() {
        for (const auto& node : cluster_->nodes())
            EXPECT_TRUE(eventually(30s, [&] { return !problems_of(*node).empty(); }));
    }
    void expect_well() {
        for (const auto& node : cluster_->nodes()) {
            EXPECT_TRUE(eventually(60s, [&] { return has_key(*node); }));
            EXPECT_TRUE(eventually(60s, [&] { return problems_of(*node).empty(); }))
                << problems_of(*node);
        }
    }
    [[nodiscard]] bool has_key(const Node& node) const {
        return !etcd_->get(kPrefix + node.name()).empty();
    }
    static std::string problems_of(const Node& node) {
        const nlohmann::json problems = node.agent().status()["problems"];
        return problems.empty() ? "" : problems.dump();
    }

    void lose_a_member();
    void pause_etcd();
    void kill_and_wipe_etcd();

    std::optional<Cluster> cluster_;
    std::optional<EtcdCluster> etcd_;
};

void EtcdMeshTest::lose_a_member() {
    etcd_->kill_member(1);
    etcd_->speak_to(2);
    ASSERT_TRUE(etcd_->wait_healthy());
    put_stranger("node-8", 1);
    expect_known("node-8");
    etcd_->start_member(1);
    etcd_->speak_to(0);
    ASSERT_TRUE(etcd_->wait_healthy());
}

void EtcdMeshTest::pause_etcd() {
    etcd_->signal(SIGSTOP);
    expect_out_of_reach();
    etcd_->signal(SIGCONT);
    ASSERT_TRUE(etcd_->wait_healthy());
    put_stranger("node-9", 1);
    expect_known("node-9");
    expect_well();
}

void EtcdMeshTest::kill_and_wipe_etcd() {
    etcd_->kill_all();
    expect_out_of_reach();
    etcd_->wipe();
    etcd_->start();
    // Nobody writes these, if not the test: they are away, and so known all the same.
    expect_known("node-8");
    for (const char* name : {"node-8", "node-9"})
        put_stranger(name, 2);
    expect_well();
}

TEST_F(EtcdMeshTest, NothingIsLostWhateverHappensToEtcd) {
    expect_lossless([&] {
        form(3);
        const auto capture = cluster_->capture();
        UdpStream outward(node(1).pod(), node(2).pod_address(Family::v4), node(2).pod(), kRate);
        UdpStream inward(node(2).pod(), node(1).pod_address(Family::v6), node(1).pod(), kRate);
        lose_a_member();
        pause_etcd();
        kill_and_wipe_etcd();
        for (const int number : {1, 2})
            EXPECT_EQ(node(number).agent().peer_state(node(3 - number).name()), "ready");
        const Loss loss = loss_of(*cluster_, {&outward, &inward});
        EXPECT_TRUE(only_encrypted(capture->stop()));
        EXPECT_TRUE(nothing_leaked(*cluster_));
        return loss;
    });
}

TEST_F(EtcdMeshTest, AnAgentThatDiedStaysAPeerUntilItSaysGoodbye) {
    form(1);
    Node& one = node(1);
    Node& two = node(2);
    two.agent().kill9();
    EXPECT_TRUE(eventually(
        30s, [&] { return problems_of(one).find("no key any more") != std::string::npos; }));
    EXPECT_FALSE(has_key(two));
    EXPECT_EQ(one.agent().peer_state(two.name()), "ready");
    EXPECT_TRUE(talk_encrypted(*cluster_, one, two));

    const Outcome outcome = two.agent().cli({"cleanup", "--yes"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_TRUE(eventually(20s, [&] { return one.agent().peer_state(two.name()).empty(); }));
    EXPECT_TRUE(eventually(20s, [&] { return problems_of(one).empty(); })) << problems_of(one);
}

}  // namespace
}  // namespace wgs::test
