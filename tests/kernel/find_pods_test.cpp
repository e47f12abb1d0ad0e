// SPDX-License-Identifier: Apache-2.0
// What counts as a pod of this node.
#include <gtest/gtest.h>

#include "kernel/pods.h"

namespace wgs::test {
namespace {

constexpr std::uint32_t kVeth = 11;
constexpr std::uint32_t kOtherVeth = 12;
constexpr std::uint32_t kBridge = 20;
constexpr MacAddress kVethMac{2, 0, 0, 0, 0, 11};
constexpr MacAddress kBridgeMac{2, 0, 0, 0, 0, 20};
constexpr MacAddress kPodMac{2, 0, 0, 0, 1, 1};

const std::vector<std::string> kNames{"cali*", "veth*"};

IpAddress ip(const char* text) {
    return IpAddress::parse(text).value();
}

LinkInfo veth(std::uint32_t ifindex, const char* name, std::uint32_t master = 0) {
    return {.name = name,
            .kind = "veth",
            .ifindex = ifindex,
            .master = master,
            .peer = PeerLink{.netns = 1, .ifindex = 2},
            .mac = kVethMac,
            .admin_up = true};
}

LinkInfo bridge() {
    return {.name = "cni0", .kind = "bridge", .ifindex = kBridge, .mac = kBridgeMac};
}

LocalPods find(const NetworkView& network) {
    return find_pods(network, kNames,
                     {Prefix::parse("10.1.0.0/24").value(), Prefix::parse("fd10:1::/64").value()});
}

LocalPods pods(std::uint32_t ifindex, const MacAddress& gateway) {
    return {{ip("10.1.0.5"), {.ifindex = ifindex, .mac = kPodMac, .gateway_mac = gateway}}};
}

TEST(FindPods, AHostRouteLeadsToAPod) {
    NetworkView network{.links = {veth(kVeth, "cali1")},
                        .routes = {{.address = ip("10.1.0.5"), .ifindex = kVeth}}};
    EXPECT_TRUE(find(network).empty()) << "its MAC address is not known";
    network.peer_macs[kVeth] = kPodMac;
    EXPECT_EQ(find(network), pods(kVeth, kVethMac));
    network.peer_macs.clear();
    network.neighbours = {{.address = ip("10.1.0.5"), .ifindex = kVeth, .mac = kPodMac}};
    EXPECT_EQ(find(network), pods(kVeth, kVethMac));
}

TEST(FindPods, AHostRouteMayNameALinkLocalGateway) {
    NetworkView network{
        .links = {veth(kVeth, "cali1")},
        .routes = {{.address = ip("10.1.0.5"), .ifindex = kVeth, .gateway = ip("169.254.9.9")}},
        .peer_macs = {{kVeth, kPodMac}}};
    EXPECT_EQ(find(network), pods(kVeth, kVethMac));
    network.routes.front().gateway = ip("10.1.0.9");
    EXPECT_TRUE(find(network).empty()) << "somebody behind a pod";
}

TEST(FindPods, OfSeveralRoutesTheFirstCounts) {
    const NetworkView network{.links = {veth(kVeth, "cali1"), veth(kOtherVeth, "cali2")},
                              .routes = {{.address = ip("10.1.0.5"), .ifindex = kOtherVeth},
                                         {.address = ip("10.1.0.5"), .ifindex = kVeth}},
                              .peer_macs = {{kVeth, kPodMac}, {kOtherVeth, kPodMac}}};
    EXPECT_EQ(find(network), pods(kOtherVeth, kVethMac));
}

TEST(FindPods, ANeighbourOnAVethIsAPod) {
    const NetworkView network{
        .links = {veth(kVeth, "veth1")},
        .neighbours = {{.address = ip("10.1.0.5"), .ifindex = kVeth, .mac = kPodMac}}};
    EXPECT_EQ(find(network), pods(kVeth, kVethMac));
}

TEST(FindPods, ANeighbourOnABridgeIsBehindThePortWithItsMac) {
    NetworkView network{
        .links = {bridge(), veth(kVeth, "veth1", kBridge), veth(kOtherVeth, "veth2", kBridge)},
        .neighbours = {{.address = ip("10.1.0.5"), .ifindex = kBridge, .mac = kPodMac}}};
    EXPECT_TRUE(find(network).empty()) << "no port is known";
    network.peer_macs[kVeth] = kPodMac;
    EXPECT_EQ(find(network), pods(kVeth, kBridgeMac));
    network.bridge_entries = {{.port = kOtherVeth, .mac = kPodMac}};
    EXPECT_EQ(find(network), pods(kOtherVeth, kBridgeMac)) << "the bridge knows better";
}

TEST(FindPods, TheSameMacBehindAnotherBridgeIsAnother) {
    const NetworkView network{
        .links = {bridge(), veth(kVeth, "veth1", kBridge + 1)},
        .neighbours = {{.address = ip("10.1.0.5"), .ifindex = kBridge, .mac = kPodMac}},
        .bridge_entries = {{.port = kVeth, .mac = kPodMac}}};
    EXPECT_TRUE(find(network).empty());
}

TEST(FindPods, AnAddressInTwoPlacesIsLeftOut) {
    const NetworkView network{
        .links = {veth(kVeth, "veth1"), veth(kOtherVeth, "veth2")},
        .neighbours = {{.address = ip("10.1.0.5"), .ifindex = kVeth, .mac = kPodMac},
                       {.address = ip("10.1.0.5"), .ifindex = kOtherVeth, .mac = kPodMac}}};
    EXPECT_TRUE(find(network).empty());
}

TEST(FindPods, OnlyOurPrefixesAndPodInterfacesCount) {
    const auto behind = [](const LinkInfo& link, const char* address) {
        return find({.links = {link},
                     .routes = {{.address = ip(address), .ifindex = kVeth}},
                     .neighbours = {{.address = ip(address), .ifindex = kVeth, .mac = kPodMac}},
                     .peer_macs = {{kVeth, kPodMac}}});
    };
    LinkInfo down = veth(kVeth, "veth1");
    down.admin_up = false;
    LinkInfo inside = veth(kVeth, "veth1");
    inside.peer.reset();
    EXPECT_EQ(behind(veth(kVeth, "veth1"), "fd10:1::5").size(), 1U);
    EXPECT_TRUE(behind(veth(kVeth, "veth1"), "10.2.0.5").empty());
    EXPECT_TRUE(behind(veth(kVeth, "tap1"), "10.1.0.5").empty());
    EXPECT_TRUE(behind(down, "10.1.0.5").empty());
    EXPECT_TRUE(behind(inside, "10.1.0.5").empty()) << "its other end is here as well";
}

}  // namespace
}  // namespace wgs::test
