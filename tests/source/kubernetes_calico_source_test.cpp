// SPDX-License-Identifier: Apache-2.0
// The source among nodes that speak Calico's language.
#include "tests/source/kubernetes_fixture.h"

namespace wgs::test {
namespace {

constexpr const char* kCalicoKey = "projectcalico.org/WireguardPublicKey";
constexpr const char* kFirst = "/apis/crd.projectcalico.org/v1/ipamblocks";
constexpr const char* kSecond = "/apis/projectcalico.org/v3/ipamblocks";

Prefix prefix(const char* text) {
    return Prefix::parse(text).value();
}

class CalicoSourceTest : public KubernetesTest {
  protected:
    CalicoSourceTest() {
        for (int i = 0; i < 3; ++i) {
            nlohmann::json node =
                kubernetes_node("node-" + std::to_string(i), {"192.0.2." + std::to_string(10 + i)},
                                {"10." + std::to_string(i) + ".0.0/24"});
            if (i > 0)
                node["metadata"]["annotations"][kCalicoKey] = key_of(static_cast<std::uint8_t>(i));
            api_.put_node(node);
        }
    }
    void put_block(const char* collection, const std::string& cidr, const std::string& host,
                   const std::string& borrower = "") {
        nlohmann::json block{{"metadata", {{"name", cidr}}},
                             {"spec", {{"cidr", cidr}, {"affinity", "host:" + host}}}};
        std::ranges::replace(block["metadata"]["name"].get_ref<std::string&>(), '/', '-');
        std::ranges::replace(block["metadata"]["name"].get_ref<std::string&>(), '.', '-');
        if (!borrower.empty()) {
            block["spec"]["allocations"] = {nullptr, 0, nullptr, nullptr};
            block["spec"]["attributes"] = {{{"secondary", {{"node", borrower}}}}};
        }
        api_.control("put", {{"path", collection}, {"object", block.dump()}});
    }
    void start_calico(CalicoIpam ipam = CalicoIpam::blocks) {
        KubernetesOptions calico = options();
        calico.calico = true;
        calico.ipam = ipam;
        start(calico);
        ASSERT_TRUE(run_until_complete());
    }
};

TEST_F(CalicoSourceTest, GivesBlocksToTheirHostsAndBorrowedAddressesToTheBorrowers) {
    put_block(kFirst, "10.65.1.0/30", "node-1", "node-2");
    put_block(kFirst, "10.65.2.0/30", "node-2");
    start_calico();
    EXPECT_EQ(sink_.nodes["node-1"].prefixes, std::vector{prefix("10.65.1.0/30")});
    EXPECT_EQ(sink_.nodes["node-1"].public_key, PublicKey::parse(key_of(1)).value());
    EXPECT_EQ(sink_.nodes["node-2"].prefixes,
              (std::vector{prefix("10.65.1.1/32"), prefix("10.65.2.0/30")}));
}

TEST_F(CalicoSourceTest, FollowsBlocksFromNodeToNode) {
    put_block(kFirst, "10.65.1.0/30", "node-1");
    start_calico();
    put_block(kFirst, "10.65.1.0/30", "node-2");
    EXPECT_TRUE(run_until([&] {
        return sink_.nodes["node-1"].prefixes.empty() &&
               sink_.nodes["node-2"].prefixes == std::vector{prefix("10.65.1.0/30")};
    }));
    api_.control("delete", {{"path", kFirst}, {"name", "10-65-1-0-30"}});
    EXPECT_TRUE(run_until([&] { return sink_.nodes["node-2"].prefixes.empty(); }));
}

TEST_F(CalicoSourceTest, OwnBlocksAreWithoutWhatOthersHaveBorrowed) {
    put_block(kFirst, "10.65.0.0/30", "node-0", "node-1");
    put_block(kFirst, "10.65.1.0/30", "node-1", "node-0");
    start_calico();
    EXPECT_EQ(sink_.own, (std::vector{prefix("10.65.0.0/32"), prefix("10.65.0.2/31"),
                                      prefix("10.65.1.1/32")}));
}

TEST_F(CalicoSourceTest, FindsBlocksInTheNewerGroup) {
    api_.set("hide_v1", 1);
    api_.set("hide_v3", 0);
    put_block(kSecond, "10.65.1.0/30", "node-1");
    start_calico();
    EXPECT_EQ(sink_.nodes["node-1"].prefixes, std::vector{prefix("10.65.1.0/30")});
}

TEST_F(CalicoSourceTest, FollowsAClusterThatMovesToTheNewerGroup) {
    put_block(kFirst, "10.65.1.0/30", "node-1");
    put_block(kSecond, "10.65.1.0/30", "node-1");
    put_block(kSecond, "10.65.9.0/30", "node-2");
    start_calico();
    api_.set("hide_v3", 0);
    api_.set("hide_v1", 1);
    api_.control("end_watches");
    EXPECT_TRUE(run_until(
        [&] { return sink_.nodes["node-2"].prefixes == std::vector{prefix("10.65.9.0/30")}; }));
    EXPECT_EQ(sink_.nodes["node-1"].prefixes, std::vector{prefix("10.65.1.0/30")});
    EXPECT_TRUE(sink_.removed.empty());
}

TEST_F(CalicoSourceTest, UsesPodCidrsInHostLocalMode) {
    start_calico(CalicoIpam::host_local);
    EXPECT_EQ(sink_.nodes["node-1"].prefixes, std::vector{prefix("10.1.0.0/24")});
    EXPECT_EQ(sink_.own, std::vector{prefix("10.0.0.0/24")});
    EXPECT_EQ(api_.count("list ipamblocks"), 0);
}

TEST_F(CalicoSourceTest, PublishesAndWithdrawsCalicosAnnotation) {
    start_calico();
    annotate("node-0", "projectcalico.org/IPv4Address", "192.0.2.10/24");
    const NodeInfo self{.name = "node-0", .public_key = PublicKey::parse(key_of(9)).value()};
    static_cast<void>(source_->publish(self));
    ASSERT_TRUE(run_until([&] { return annotation("node-0", kCalicoKey) == key_of(9); }));
    EXPECT_EQ(annotation("node-0", "wgsteer.io/public-key"), "");
    EXPECT_TRUE(source_->withdraw());
    EXPECT_EQ(annotation("node-0", kCalicoKey), "");
    EXPECT_EQ(annotation("node-0", "projectcalico.org/IPv4Address"), "192.0.2.10/24");
}

}  // namespace
}  // namespace wgs::test
