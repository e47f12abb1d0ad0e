// SPDX-License-Identifier: Apache-2.0
// What the source makes of a cluster that is well.
#include <netinet/in.h>

#include <fstream>

#include "tests/source/kubernetes_fixture.h"

namespace wgs::test {
namespace {

using KubernetesSourceTest = KubernetesTest;

Prefix prefix(const char* text) {
    return Prefix::parse(text).value();
}

TEST_F(KubernetesSourceTest, TellsNodesAndOwnPrefixesAndThenThatItIsComplete) {
    api_.put_node(kubernetes_node("node-0", {"192.0.2.10"}, {"10.0.0.0/24"}));
    api_.put_node(with_key(kubernetes_node("node-1", {"192.0.2.11"}, {"10.1.0.0/24"}), 1));
    start();
    ASSERT_TRUE(run_until_complete());
    const NodeInfo expected{.name = "node-1",
                            .addresses = {IpAddress::parse("192.0.2.11").value()},
                            .prefixes = {prefix("10.1.0.0/24")},
                            .public_key = PublicKey::parse(key_of(1)).value(),
                            .port = 51820};
    EXPECT_EQ(sink_.nodes, (std::map<std::string, NodeInfo>{{"node-1", expected}}));
    EXPECT_EQ(sink_.own, std::vector{prefix("10.0.0.0/24")});
    EXPECT_TRUE(source_->problems().empty());
}

TEST_F(KubernetesSourceTest, FollowsChangesAdditionsAndDeletions) {
    api_.put_node(kubernetes_node("node-0", {"192.0.2.10"}, {}));
    api_.put_node(kubernetes_node("node-1", {"192.0.2.11"}, {"10.1.0.0/24"}));
    start();
    ASSERT_TRUE(run_until_complete());
    api_.put_node(with_key(kubernetes_node("node-1", {"192.0.2.11"}, {"10.1.0.0/24"}), 1));
    EXPECT_TRUE(run_until([&] { return sink_.nodes["node-1"].public_key.has_value(); }));
    api_.put_node(kubernetes_node("node-2", {"192.0.2.12"}, {}));
    EXPECT_TRUE(run_until([&] { return sink_.nodes.contains("node-2"); }));
    api_.delete_node("node-1");
    EXPECT_TRUE(run_until([&] { return !sink_.nodes.contains("node-1"); }));
    EXPECT_EQ(api_.count("list nodes"), 1);
    EXPECT_EQ(api_.count("watch nodes"), 1);
}

TEST_F(KubernetesSourceTest, ListsInPages) {
    api_.control("fill", {{"nodes", "10"}, {"prefixes", "2"}});
    KubernetesOptions paged = options();
    paged.timing.page_size = 3;
    start(paged);
    ASSERT_TRUE(run_until_complete());
    EXPECT_EQ(sink_.nodes.size(), 9U);
    EXPECT_EQ(api_.count("list nodes"), 4);
}

TEST_F(KubernetesSourceTest, HasNoMoreNodesThanItsBound) {
    api_.control("fill", {{"nodes", "10"}, {"prefixes", "1"}});
    KubernetesOptions bounded = options();
    bounded.timing.max_objects = 5;
    start(bounded);
    ASSERT_TRUE(run_until_complete());
    EXPECT_EQ(sink_.nodes.size(), 4U);
    EXPECT_EQ(problem_of("nodes"), "there are more than 5 objects; the rest is ignored");
}

TEST_F(KubernetesSourceTest, LeavesAloneWhatIsNoNodeAndSaysSo) {
    api_.put_node(kubernetes_node("node-0", {"192.0.2.10"}, {}));
    api_.put_node(kubernetes_node("node-1", {"192.0.2.11"}, {}));
    start();
    ASSERT_TRUE(run_until_complete());
    nlohmann::json broken_node = kubernetes_node("node-1", {}, {});
    broken_node["status"]["addresses"] = nlohmann::json::array_t(
        kMaxKubernetesAddresses + 1, {{"type", "InternalIP"}, {"address", "192.0.2.1"}});
    api_.put_node(broken_node);
    ASSERT_TRUE(run_until([&] { return !problem_of("node 'node-1'").empty(); }));
    EXPECT_EQ(sink_.nodes["node-1"].addresses.size(), 1U);
    api_.put_node(kubernetes_node("node-1", {"192.0.2.12"}, {}));
    EXPECT_TRUE(run_until([&] { return problem_of("node 'node-1'").empty(); }));
}

TEST_F(KubernetesSourceTest, WorksWithATokenThatIsReadAgain) {
    api_.put_node(kubernetes_node("node-0", {"192.0.2.10"}, {}));
    KubernetesOptions with_token = options();
    with_token.access = find_cluster(
                            [&](const char* name) -> std::optional<std::string> {
                                return name == std::string("KUBERNETES_SERVICE_HOST")
                                           ? "127.0.0.1"
                                           : std::to_string(api_.port());
                            },
                            api_.service_account())
                            .value();
    start(with_token);
    ASSERT_TRUE(run_until_complete());
    api_.accept_token("another");
    api_.control("end_watches");
    ASSERT_TRUE(run_until([&] { return problem_of("nodes").find("401") != std::string::npos; }));
    std::ofstream(api_.service_account() / "token") << "another";
    EXPECT_TRUE(run_until([&] { return problem_of("nodes").empty(); }));
}

TEST_F(KubernetesSourceTest, DoesNotTalkToAServerOfAnotherAuthority) {
    KubernetesOptions strange = options();
    strange.access.ca = {};
    start(strange);
    EXPECT_TRUE(run_until([&] { return !problem_of("nodes").empty(); }));
    EXPECT_EQ(api_.count("list nodes"), 0);
}

TEST_F(KubernetesSourceTest, BypassesThePortsOfTheApiServersAndRemembersThem) {
    const std::string file = workspace_.directory() / "api-servers.json";
    const nlohmann::json slice{{"metadata", {{"name", "kubernetes"}}},
                               {"ports", {{{"port", 16443}, {"protocol", "TCP"}}}}};
    api_.control("put", {{"path", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"},
                         {"object", slice.dump()}});
    const auto port = static_cast<std::uint16_t>(api_.port());
    const Service at_first{.protocol = IPPROTO_TCP, .port = port};
    const Service endpoint{.protocol = IPPROTO_TCP, .port = 16443};
    KubernetesOptions with_file = options();
    with_file.api_server_file = file;
    start(with_file);
    EXPECT_EQ(sink_.bypassed, std::set{at_first});
    EXPECT_TRUE(run_until([&] { return sink_.bypassed == std::set{at_first, endpoint}; }));
    source_.reset();
    api_.stop();
    start(with_file);
    EXPECT_EQ(sink_.bypassed, (std::set{at_first, endpoint}));
}

}  // namespace
}  // namespace wgs::test
