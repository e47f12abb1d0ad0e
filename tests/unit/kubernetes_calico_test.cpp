// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_calico.h"

#include <gtest/gtest.h>

namespace wgs {
namespace {

constexpr const char* kKey = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

IpAddress address(const char* text) {
    return IpAddress::parse(text).value();
}

Prefix prefix(const char* text) {
    return Prefix::parse(text).value();
}

KubernetesNode example() {
    return {.name = "node-a",
            .addresses = {address("192.168.50.1"), address("198.51.100.4")},
            .prefixes = {prefix("10.1.0.0/24")},
            .annotations = {{"projectcalico.org/IPv4Address", "192.168.60.1/24"},
                            {"projectcalico.org/WireguardPublicKey", kKey},
                            {"projectcalico.org/IPv4WireguardInterfaceAddr", "10.65.0.7"},
                            {"projectcalico.org/IPv4VXLANTunnelAddr", "10.65.0.8"}}};
}

TEST(CalicoNode, TellsCalicosAddressFirstAndTunnelAddressesAsPrefixes) {
    const NodeInfo expected{
        .name = "node-a",
        .addresses = {address("192.168.60.1"), address("192.168.50.1"), address("198.51.100.4")},
        .prefixes = {prefix("10.65.0.7/32"), prefix("10.65.0.8/32")},
        .public_key = PublicKey::parse(kKey).value(),
        .port = 51820};
    EXPECT_EQ(to_calico_node_info(example(), CalicoIpam::blocks, {}), expected);
}

TEST(CalicoNode, HasItsPodCidrsInHostLocalMode) {
    const NodeInfo info = to_calico_node_info(example(), CalicoIpam::host_local, {});
    EXPECT_EQ(info.prefixes.front(), prefix("10.1.0.0/24"));
}

TEST(CalicoNode, TakesInvalidAnnotationsForAbsent) {
    KubernetesNode node = example();
    for (auto& [key, value] : node.annotations)
        value = "192.168.60.1";  // no CIDR, no key; but an address
    const NodeInfo info = to_calico_node_info(node, CalicoIpam::blocks, {});
    EXPECT_EQ(info.addresses, node.addresses);
    EXPECT_FALSE(info.public_key);
    for (const char* const bad : {"fd50::1/64", "192.168.60.1/33", "192.168.60.1/", "x/24"}) {
        node.annotations["projectcalico.org/IPv4Address"] = bad;
        EXPECT_EQ(to_calico_node_info(node, CalicoIpam::blocks, {}).addresses, node.addresses);
    }
}

TEST(CalicoNode, HasAKeyForIpv6WhereEachFamilyHasATunnel) {
    KubernetesNode node = example();
    node.annotations["projectcalico.org/WireguardPublicKeyV6"] = kKey;
    EXPECT_FALSE(to_calico_node_info(node, CalicoIpam::blocks, {}).public_key_v6);
    const NodeInfo info = to_calico_node_info(node, CalicoIpam::blocks, {.v4 = 1, .v6 = 2});
    EXPECT_EQ(info.public_key_v6, PublicKey::parse(kKey).value());
    EXPECT_EQ(info.port_v6, 2);
}

Json block() {
    return Json::parse(R"({"metadata": {"name": "10-65-1-0-30"}, "spec": {
        "cidr": "10.65.1.0/30", "affinity": "host:node-a", "allocations": [0, null, 1, 2],
        "attributes": [{"handle_id": "h", "secondary": {"node": "node-a"}},
                       {"secondary": {"node": "node-b"}}, {"handle_id": "h"}]}})");
}

std::optional<IpamBlock> parse(const Json& object) {
    auto parsed = parse_ipam_block(object);
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
    return parsed.value_or(std::nullopt);
}

TEST(IpamBlock, BelongsToItsHostExceptForWhatOthersHaveBorrowed) {
    const IpamBlock expected{.name = "10-65-1-0-30",
                             .prefix = prefix("10.65.1.0/30"),
                             .host = "node-a",
                             .borrowed = {{.address = prefix("10.65.1.2/32"), .node = "node-b"}}};
    EXPECT_EQ(parse(block()), expected);
}

TEST(IpamBlock, OfNobodyConsistsOfWhatIsBorrowed) {
    Json object = block();
    object["spec"]["affinity"] = "virtual:load-balancer";
    const auto parsed = parse(object);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->host, "");
    EXPECT_EQ(parsed->borrowed.size(), 2U);
}

TEST(IpamBlock, CountsAddressesAcrossByteBorders) {
    Json object = block();
    object["spec"]["cidr"] = "fd65::1:0/118";
    object["spec"]["allocations"] = Json::array_t(1024, Json());
    object["spec"]["allocations"][1023] = 1;
    const auto parsed = parse(object);
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->borrowed.size(), 1U);
    EXPECT_EQ(parsed->borrowed[0].address, prefix("fd65::1:3ff/128"));
}

TEST(IpamBlock, MarkedAsDeletedIsNone) {
    Json object = block();
    object["spec"]["deleted"] = true;
    EXPECT_FALSE(parse(object));
}

TEST(IpamBlock, RefusesWhatCannotBeOne) {
    for (const char* const change :
         {R"({"metadata": {"name": null}})", R"({"spec": null})", R"({"spec": {"cidr": "x"}})",
          R"({"spec": {"cidr": "10.0.0.0/8"}})", R"({"spec": {"cidr": "10.65.1.0/31"}})"}) {
        Json object = block();
        object.merge_patch(Json::parse(change));
        EXPECT_FALSE(parse_ipam_block(object)) << change;
    }
}

TEST(IpamBlock, IgnoresIndicesWithoutAttributes) {
    Json object = block();
    object["spec"]["allocations"] = Json::parse(R"([99, -1, "0", 1e300])");
    const auto parsed = parse(object);
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->borrowed.empty());
}

}  // namespace
}  // namespace wgs
