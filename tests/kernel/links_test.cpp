// SPDX-License-Identifier: Apache-2.0
#include "kernel/links.h"

#include <gtest/gtest.h>

#include "expect.h"
#include "kernel/wireguard.h"
#include "own_namespace.h"

namespace wgs::test {
namespace {

class LinksTest : public OwnNamespace {
  protected:
    void SetUp() override {
        OwnNamespace::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        for (const char* name : {"nic0", "nic1", "tunnel0"})
            add_nic(name);
        ip("link set nic0 address 02:00:00:00:00:01 mtu 1400");
        ip("address add 192.0.2.1/24 dev nic0");
        ip("address add fd50::1/64 dev nic0 nodad");
        ip("address add fe80::1/64 dev nic0 nodad");
        ip("address add 198.51.100.1/24 dev nic1");
        ip("address add 203.0.113.1/24 dev tunnel0");
        links_ = std::make_unique<RtLinks>(RtLinks::open({"tunnel0"}).value());
    }

    std::vector<Underlay> underlays(const std::vector<std::string>& names,
                                    const std::vector<std::string>& addresses) {
        std::vector<IpAddress> parsed;
        for (const auto& address : addresses)
            parsed.push_back(IpAddress::parse(address).value());
        auto found = links_->underlays(names, parsed);
        EXPECT_TRUE(found) << found.error().message;
        return found.value_or(std::vector<Underlay>{});
    }

    std::vector<std::string> names_of(const std::vector<Underlay>& underlays) {
        std::vector<std::string> names;
        for (const Underlay& underlay : underlays)
            names.push_back(underlay.name);
        return names;
    }

    using Names = std::vector<std::string>;
    std::unique_ptr<RtLinks> links_;
};

TEST_F(LinksTest, DescribesADevice) {
    const auto found = underlays({"nic0"}, {});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(found[0].ifindex, 0U);
    EXPECT_EQ(found[0].mac, (std::array<std::uint8_t, 6>{2, 0, 0, 0, 0, 1}));
    EXPECT_EQ(found[0].mtu, 1400U);
    EXPECT_TRUE(found[0].up);
    const std::vector<IpAddress> global = {IpAddress::parse("192.0.2.1").value(),
                                           IpAddress::parse("fd50::1").value()};
    EXPECT_EQ(found[0].addresses, global) << "link-local addresses do not belong here";
    EXPECT_EQ(found[0].networks, (std::vector<Prefix>{Prefix::parse("192.0.2.0/24").value(),
                                                      Prefix::parse("fd50::/64").value()}));
}

TEST_F(LinksTest, FollowsTheOrderOfNamesAndLeavesOutMissingOnes) {
    EXPECT_EQ(names_of(underlays({"nic1", "absent", "nic0"}, {})), (Names{"nic1", "nic0"}));
}

TEST_F(LinksTest, ShowsADeviceThatIsDown) {
    ip("link set nic0 down");
    const auto found = underlays({"nic0"}, {});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_FALSE(found[0].up);
}

TEST_F(LinksTest, FindsTheHoldersOfAddressesOnce) {
    EXPECT_EQ(names_of(underlays({}, {"fd50::1", "192.0.2.1"})), (Names{"nic0"}));
    EXPECT_EQ(names_of(underlays({}, {"198.51.100.1", "192.0.2.1"})), (Names{"nic1", "nic0"}));
    EXPECT_TRUE(underlays({}, {"192.0.2.77"}).empty());
}

TEST_F(LinksTest, FindsTheDevicesOfTheDefaultRoutesOfBothFamilies) {
    EXPECT_TRUE(underlays({}, {}).empty());
    ip("route add default via fd50::2 dev nic0");
    EXPECT_EQ(names_of(underlays({}, {})), (Names{"nic0"}));
    ip("route add default via 198.51.100.2");
    EXPECT_EQ(names_of(underlays({}, {})), (Names{"nic1", "nic0"}));
}

TEST_F(LinksTest, FindsAllDevicesOfAMultipathDefaultRoute) {
    ip("route add default nexthop via 192.0.2.2 nexthop via 198.51.100.2");
    EXPECT_EQ(names_of(underlays({}, {})), (Names{"nic0", "nic1"}));
}

TEST_F(LinksTest, TakesNeitherLoopbackNorOurTunnels) {
    ip("route add default dev tunnel0");
    EXPECT_TRUE(underlays({}, {}).empty());
    EXPECT_TRUE(underlays({}, {"127.0.0.1", "203.0.113.1"}).empty());
    EXPECT_TRUE(underlays({"lo", "tunnel0"}, {}).empty());
}

TEST_F(LinksTest, FindsThePortsOfOthersWireguardWhileItIsThere) {
    if (!kernel_has_link_type("wireguard")) GTEST_SKIP() << "this kernel has no WireGuard";
    EXPECT_TRUE(links_->foreign_tunnels().value().empty());
    const PrivateKey key = PrivateKey::generate();
    const auto add = [&key](const std::string& name, std::uint16_t port) {
        const auto device =
            open_wireguard(BackendChoice::kernel,
                           {.device = name, .run_dir = {}, .private_key = std::cref(key)})
                .value();
        ASSERT_OK(device->create());
        ASSERT_OK(device->configure({.port = port, .fwmark = 0, .mtu = 1380}));
    };
    ip("link del tunnel0");
    add("tunnel0", 51820);  // ours
    EXPECT_TRUE(links_->foreign_tunnels().value().empty());
    add("wgother0", 51999);
    add("wgother1", 52000);
    EXPECT_EQ(links_->foreign_tunnels().value(), (std::set<std::uint16_t>{51999, 52000}));
    ip("link del wgother0");
    EXPECT_EQ(links_->foreign_tunnels().value(), (std::set<std::uint16_t>{52000}));
}

}  // namespace
}  // namespace wgs::test
