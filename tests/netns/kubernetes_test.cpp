// SPDX-License-Identifier: Apache-2.0
// A mesh whose nodes know each other from an API server.
#include <fmt/format.h>

#include "tests/netns/fixture.h"
#include "tests/support/kubernetes_api.h"

namespace wgs::test {
namespace {

constexpr const char* kApiAddress = "192.168.50.254";
constexpr const char* kKey = "wgsteer.io/public-key";

class KubernetesMeshTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        if (!has_tool("openssl")) GTEST_SKIP() << "no openssl";
        cluster_.emplace(ClusterOptions{
            .nodes = 3, .policy = "require", .cluster_prefixes = {"10.0.0.0/8", "fd10::/16"}});
        cluster_->underlay().ip(fmt::format("addr add {}/24 dev br0\n", kApiAddress));
        api_.emplace(cluster_->workspace().directory() / "api", &cluster_->underlay(), kApiAddress);
        for (const auto& node : cluster_->nodes())
            join(*node);
    }
    // Its Node, and an agent that looks for the others in the API server alone.
    void join(Node& node) {
        nlohmann::json object = kubernetes_node(
            node.name(),
            {node.host_address(Family::v4).to_string(), node.host_address(Family::v6).to_string()},
            {node.pod_prefix(Family::v4).to_string(), node.pod_prefix(Family::v6).to_string()});
        object["spec"]["taints"] = {{{"key", "wgsteer.io/not-ready"}, {"effect", "NoSchedule"}},
                                    {{"key", "other"}, {"effect", "NoSchedule"}}};
        api_->put_node(object);
        AgentSettings& settings = node.agent().settings();
        settings.prefixes = {};
        settings.source =
            fmt::format("{{kubernetes: {{kubeconfig: {}}}}}", api_->kubeconfig().string());
    }
    [[nodiscard]] std::string key_of(const Node& node) const {
        return api_->get_node(node.name())["metadata"]
            .value("annotations", nlohmann::json::object())
            .value(kKey, "");
    }

    std::optional<Cluster> cluster_;
    std::optional<KubernetesApi> api_;
};

TEST_F(KubernetesMeshTest, FormsAndOutlivesItsControlPlane) {
    form_mesh(*cluster_);
    Node& first = cluster_->node(1);
    Node& second = cluster_->node(2);
    EXPECT_TRUE(talk_encrypted(*cluster_, first, second));
    EXPECT_TRUE(talk_encrypted(*cluster_, second, cluster_->node(3)));

    // Each node is protected, and nobody else's taint is touched.
    for (const auto& node : cluster_->nodes()) {
        EXPECT_TRUE(eventually(20s, [&] {
            const nlohmann::json taints = api_->get_node(node->name())["spec"]["taints"];
            return taints.size() == 1 && taints[0]["key"] == "other";
        })) << node->name();
    }

    // A killed server takes nothing with it; one that comes back empty neither, for now.
    api_->stop();
    EXPECT_TRUE(eventually(30s, [&] { return !first.agent().status()["problems"].empty(); }));
    EXPECT_TRUE(talk_encrypted(*cluster_, first, second));
    first.agent().kill9();
    first.agent().start();
    EXPECT_TRUE(talk_encrypted(*cluster_, first, second));
}

TEST_F(KubernetesMeshTest, FollowsTheCluster) {
    form_mesh(*cluster_);
    Node& first = cluster_->node(1);
    Node& second = cluster_->node(2);
    // An edited annotation is repaired, and the mesh is whole again.
    nlohmann::json edited = api_->get_node(second.name());
    edited["metadata"]["annotations"][kKey] = unused_public_key();
    const std::string good = key_of(second);
    api_->put_node(edited);
    EXPECT_TRUE(eventually(20s, [&] { return key_of(second) == good; }));
    EXPECT_TRUE(soon_encrypted(*cluster_, first, second));

    // A new node joins.
    Node& fourth = cluster_->add_node();
    join(fourth);
    fourth.agent().start();
    EXPECT_TRUE(cluster_->wait_ready());
    EXPECT_TRUE(talk_encrypted(*cluster_, first, fourth));

    // One is cleaned up, and takes its key with it.
    fourth.agent().stop();
    EXPECT_EQ(fourth.agent().cli({"cleanup", "--yes"}).exit_code, 0);
    EXPECT_EQ(key_of(fourth), "");
    EXPECT_TRUE(eventually(20s, [&] { return first.agent().peer_state("node-4") == "no_key"; }));
    api_->delete_node("node-4");
    EXPECT_TRUE(eventually(20s, [&] { return first.agent().peer_state("node-4").empty(); }));
}

}  // namespace
}  // namespace wgs::test
