// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_node.h"

#include <gtest/gtest.h>

namespace wgs {
namespace {

constexpr const char* kKey = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

Json example() {
    return Json::parse(R"({
        "metadata": {"name": "node-a", "uid": "u-1", "resourceVersion": "42",
            "annotations": {"wgsteer.io/public-key": "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                            "wgsteer.io/port": "51999", "other.io/x": "y"}},
        "spec": {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24", "fd10:1::/64"],
            "taints": [{"key": "a", "effect": "NoExecute"},
                       {"key": "wgsteer.io/not-ready", "effect": "NoSchedule"}]},
        "status": {"addresses": [{"type": "ExternalIP", "address": "203.0.113.9"},
                                 {"type": "InternalIP", "address": "192.168.50.1"},
                                 {"type": "InternalIP", "address": "fd50::1"},
                                 {"type": "Hostname", "address": "node-a"}]}})");
}

IpAddress address(const char* text) {
    return IpAddress::parse(text).value();
}

Prefix prefix(const char* text) {
    return Prefix::parse(text).value();
}

KubernetesNode parse(const Json& object) {
    auto node = parse_kubernetes_node(object);
    EXPECT_TRUE(node) << (node ? "" : node.error().message);
    return node.value_or(KubernetesNode{});
}

TEST(KubernetesNode, TellsAddressesPrefixesKeyAndPort) {
    KubernetesNode node = parse(example());
    const NodeInfo expected{.name = "node-a",
                            .addresses = {address("192.168.50.1"), address("fd50::1")},
                            .prefixes = {prefix("10.1.0.0/24"), prefix("fd10:1::/64")},
                            .public_key = PublicKey::parse(kKey).value(),
                            .port = 51999};
    EXPECT_EQ(to_node_info(node), expected);
    EXPECT_TRUE(node.faults.empty());
    EXPECT_EQ(node.resource_version, "42");
}

TEST(KubernetesNode, UsesExternalAddressesOnlyWithoutInternalOnes) {
    Json object = example();
    object["status"]["addresses"] = {{{"type", "ExternalIP"}, {"address", "203.0.113.9"}}};
    EXPECT_EQ(parse(object).addresses, std::vector{address("203.0.113.9")});
}

TEST(KubernetesNode, ReadsTheOlderFieldWithoutTheNewerOne) {
    Json object = example();
    object["spec"].erase("podCIDRs");
    EXPECT_EQ(parse(object).prefixes, std::vector{prefix("10.1.0.0/24")});
}

TEST(KubernetesNode, LeavesOutABadEntryAndSaysSo) {
    Json object = example();
    object["spec"]["podCIDRs"] = {"10.1.0.7/24", 5, "fd10:1::/64"};
    object["status"]["addresses"][1]["address"] = "192.168.50.1\n";
    const KubernetesNode node = parse(object);
    EXPECT_EQ(node.prefixes, std::vector{prefix("fd10:1::/64")});
    EXPECT_EQ(node.addresses, std::vector{address("fd50::1")});
    EXPECT_EQ(node.faults.size(), 3U);
}

TEST(KubernetesNode, HasNoKeyWhenItsAnnotationsAreBad) {
    for (const char* const key : {"wgsteer.io/public-key", "wgsteer.io/port"}) {
        for (const char* const bad :
             {"x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "0", "65536"}) {
            Json object = example();
            object["metadata"]["annotations"][key] = bad;
            KubernetesNode node = parse(object);
            EXPECT_FALSE(to_node_info(node).public_key) << key << " " << bad;
            EXPECT_EQ(node.faults.size(), 1U);
        }
    }
}

TEST(KubernetesNode, WithoutAnnotationsIsANodeWithoutAKey) {
    Json object = example();
    object["metadata"].erase("annotations");
    KubernetesNode node = parse(object);
    EXPECT_FALSE(to_node_info(node).public_key);
    EXPECT_TRUE(node.faults.empty());
}

TEST(KubernetesNode, RefusesWhatHasNoProperName) {
    for (const Json& name : {Json("Node_A"), Json(""), Json(7), Json("../x"), Json()}) {
        Json object = example();
        object["metadata"]["name"] = name;
        EXPECT_FALSE(parse_kubernetes_node(object)) << name;
    }
    EXPECT_FALSE(parse_kubernetes_node(Json::array()));
}

TEST(KubernetesNode, RefusesListsBeyondTheLimits) {
    Json object = example();
    const Json entry{{"type", "InternalIP"}, {"address", "192.0.2.1"}};
    object["status"]["addresses"] = Json::array_t(kMaxKubernetesAddresses + 1, entry);
    EXPECT_FALSE(parse_kubernetes_node(object));
}

TEST(AnnotationPatch, NamesNothingButItsAnnotations) {
    EXPECT_EQ(
        Json::parse(annotation_patch({{"wgsteer.io/port", "1"}, {"wgsteer.io/public-key", ""}})),
        Json::parse(R"({"metadata": {"annotations": {"wgsteer.io/port": "1",
                                                           "wgsteer.io/public-key": null}}})"));
}

TEST(AnnotationPatch, IsNeededWhileAValueDiffers) {
    const KubernetesNode node = parse(example());
    KubernetesNode told = node;
    const Annotations own = own_annotations(to_node_info(told));
    EXPECT_TRUE(has_annotations(node, own));
    EXPECT_FALSE(has_annotations(node, {{"wgsteer.io/port", "51998"}}));
    EXPECT_FALSE(has_annotations(node, {{"wgsteer.io/port", ""}}));
    EXPECT_TRUE(has_annotations(node, {{"wgsteer.io/absent", ""}}));
}

TEST(Annotations, TellATunnelForEachFamily) {
    KubernetesNode node = parse(example());
    NodeInfo self = to_node_info(node);
    self.public_key_v6 = self.public_key;
    self.port_v6 = 7;
    node.annotations = own_annotations(self);
    EXPECT_EQ(to_node_info(node), self);
}

TEST(Annotations, TellTheClusterSecretsThatANodeKnows) {
    KubernetesNode node{.name = "a"};
    NodeInfo self{.name = "a"};
    EXPECT_EQ(own_annotations(self).at("wgsteer.io/secrets"), "");
    for (const std::vector<std::string>& ids :
         {std::vector<std::string>{"0123456789abcdef"},
          std::vector<std::string>{"0123456789abcdef", "fedcba9876543210"}}) {
        self.secrets = ids;
        const std::string told = own_annotations(self).at("wgsteer.io/secrets");
        node.annotations = {{"wgsteer.io/secrets", told}};
        EXPECT_EQ(to_node_info(node).secrets, ids) << told;
        EXPECT_TRUE(node.faults.empty());
    }
    for (const char* bad :
         {"0123", "0123456789abcdef,", ",0123456789abcdef", "0123456789abcdef 0123456789abcdef"}) {
        node.faults.clear();
        node.annotations["wgsteer.io/secrets"] = bad;
        EXPECT_TRUE(to_node_info(node).secrets.empty()) << bad;
        EXPECT_EQ(node.faults.size(), 1U) << bad;
    }
}

TEST(TaintRemovalPatch, TestsTheTaintItRemoves) {
    EXPECT_EQ(Json::parse(taint_removal_patch(parse(example()), kNotReadyTaint)), Json::parse(R"([
        {"op": "test", "path": "/spec/taints/1",
         "value": {"key": "wgsteer.io/not-ready", "effect": "NoSchedule"}},
        {"op": "remove", "path": "/spec/taints/1"}])"));
}

TEST(TaintRemovalPatch, IsEmptyWithoutTheTaint) {
    Json object = example();
    object["spec"]["taints"].erase(1);
    EXPECT_EQ(taint_removal_patch(parse(object), kNotReadyTaint), "");
}

}  // namespace
}  // namespace wgs
