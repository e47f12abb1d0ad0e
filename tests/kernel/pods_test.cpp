// SPDX-License-Identifier: Apache-2.0
// Pods as the kernel shows them: found, followed while they come and go, and announced.
#include <gtest/gtest.h>

#include <optional>

#include "expect.h"
#include "kernel/links.h"
#include "kernel/netlink_monitor.h"
#include "own_namespace.h"

namespace wgs::test {
namespace {

constexpr MacAddress kPodMac{2, 0, 0, 0, 1, 1};
constexpr MacAddress kGatewayMac{2, 0, 0, 0, 0, 1};

IpAddress address(const char* text) {
    return IpAddress::parse(text).value();
}

class PodsTest : public OwnNamespace {
  protected:
    void SetUp() override {
        OwnNamespace::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        pod_.emplace("pod");
        links_.emplace(RtLinks::open({}).value());
        monitor_.emplace(NetlinkMonitor::open(NetlinkMonitor::Scope::devices_and_pods).value());
    }

    // A veth into the pod's namespace.
    void add_veth(const std::string& name) {
        ip("link add " + name + " address 02:00:00:00:00:01 type veth peer name eth0 address " +
           "02:00:00:00:01:01 netns " + pod_->path());
        ip("link set " + name + " up");
        pod_->ip("link set eth0 up");
    }

    // What is found once the monitor has told that something changed.
    LocalPods found() {
        const auto relevant = monitor_->drain();
        EXPECT_TRUE(relevant) << relevant.error().message;
        if (relevant && *relevant) links_->forget_pods();
        const auto pods =
            links_->pods({"cali*", "veth*"}, {prefix("10.1.0.0/24"), prefix("fd10:1::/64")});
        EXPECT_TRUE(pods) << pods.error().message;
        return pods.value_or(LocalPods{});
    }

    LocalPod behind(const std::string& name, const MacAddress& gateway = kGatewayMac) {
        const std::string line = place_of(name);
        return {.ifindex = static_cast<std::uint32_t>(std::stoul(line)),
                .mac = kPodMac,
                .gateway_mac = gateway};
    }

    std::optional<NetNamespace> pod_;

  private:
    static std::string place_of(const std::string& name) {
        const Outcome outcome = run({"ip", "-o", "link", "show", name});
        return outcome.output;
    }

    std::optional<RtLinks> links_;
    std::optional<NetlinkMonitor> monitor_;
};

TEST_F(PodsTest, FollowsHostRoutes) {
    add_veth("cali1");
    EXPECT_TRUE(found().empty());
    ip("route add 10.1.0.5/32 dev cali1 scope link\nroute add fd10:1::5/128 dev cali1");
    const LocalPod pod = behind("cali1");
    EXPECT_EQ(found(), (LocalPods{{address("10.1.0.5"), pod}, {address("fd10:1::5"), pod}}));
    ip("route delete fd10:1::5/128 dev cali1");
    EXPECT_EQ(found(), (LocalPods{{address("10.1.0.5"), pod}}));
    ip("link delete cali1");
    EXPECT_TRUE(found().empty());
}

TEST_F(PodsTest, FollowsAPodToAnotherVeth) {
    add_veth("cali1");
    ip("route add 10.1.0.5/32 dev cali1 scope link");
    EXPECT_EQ(found(), (LocalPods{{address("10.1.0.5"), behind("cali1")}}));
    pod_->ip("link set eth0 name old0");
    add_veth("cali2");
    ip("route replace 10.1.0.5/32 dev cali2 scope link");
    EXPECT_EQ(found(), (LocalPods{{address("10.1.0.5"), behind("cali2")}}));
}

TEST_F(PodsTest, FollowsNeighboursOfAVeth) {
    add_veth("veth1");
    ip("address add 10.1.0.1/24 dev veth1");
    EXPECT_TRUE(found().empty());
    ip("neighbour add 10.1.0.5 lladdr 02:00:00:00:01:01 dev veth1 nud stale");
    EXPECT_EQ(found(), (LocalPods{{address("10.1.0.5"), behind("veth1")}}));
    ip("neighbour delete 10.1.0.5 dev veth1");
    EXPECT_TRUE(found().empty());
}

TEST_F(PodsTest, FollowsPortsOfABridge) {
    ip("link add cni0 address 02:00:00:00:00:20 type bridge\nlink set cni0 up");
    add_veth("veth1");
    ip("address add 10.1.0.1/24 dev cni0\n"
       "neighbour add 10.1.0.5 lladdr 02:00:00:00:01:01 dev cni0 nud stale");
    EXPECT_TRUE(found().empty());
    ip("link set veth1 master cni0");
    constexpr MacAddress kBridgeMac{2, 0, 0, 0, 0, 0x20};
    EXPECT_EQ(found(), (LocalPods{{address("10.1.0.5"), behind("veth1", kBridgeMac)}}));
    ip("link set veth1 nomaster");
    EXPECT_TRUE(found().empty());
}

TEST_F(PodsTest, ABridgeTellsItsPortWhereThePodsMacIsHidden) {
    ip("link add cni0 address 02:00:00:00:00:20 type bridge\nlink set cni0 up");
    add_veth("veth1");
    pod_->ip("link set eth0 address 02:00:00:00:01:77");  // what is behind has another one
    ip("link set veth1 master cni0\naddress add 10.1.0.1/24 dev cni0\n"
       "neighbour add 10.1.0.5 lladdr 02:00:00:00:01:01 dev cni0 nud stale");
    EXPECT_TRUE(found().empty());
    tool({"bridge", "fdb", "add", "02:00:00:00:01:01", "dev", "veth1", "master", "dynamic"});
    constexpr MacAddress kBridgeMac{2, 0, 0, 0, 0, 0x20};
    EXPECT_EQ(found(), (LocalPods{{address("10.1.0.5"), behind("veth1", kBridgeMac)}}));
}

TEST_F(PodsTest, LeavesOutWhatIsNoPod) {
    add_veth("tap1");
    add_nic("veth-here");
    ip("route add 10.1.0.5/32 dev tap1 scope link\n"
       "route add 10.1.0.6/32 dev veth-here scope link\n"
       "neighbour add 10.1.0.6 lladdr 02:00:00:00:01:01 dev veth-here");
    EXPECT_TRUE(found().empty());
    add_nic("nic0");
    ip("link add veth2 type veth peer name eth1 netns " + pod_->path() +
       "\nlink set veth2 up\n"
       "route add 10.2.0.5/32 dev veth2 scope link");
    EXPECT_TRUE(found().empty());
}

TEST_F(PodsTest, IgnoresNeighboursThatAreOnlyConfirmed) {
    add_veth("veth1");
    ip("neighbour add 10.1.0.5 lladdr 02:00:00:00:01:01 dev veth1 nud stale");
    found();
    auto monitor = NetlinkMonitor::open(NetlinkMonitor::Scope::devices_and_pods).value();
    ip("neighbour change 10.1.0.5 lladdr 02:00:00:00:01:01 dev veth1 nud reachable");
    EXPECT_TRUE(monitor.drain().value()) << "it had not seen it yet";
    ip("neighbour change 10.1.0.5 lladdr 02:00:00:00:01:01 dev veth1 nud stale");
    EXPECT_FALSE(monitor.drain().value());
    ip("neighbour change 10.1.0.5 lladdr 02:00:00:00:01:02 dev veth1 nud stale");
    EXPECT_TRUE(monitor.drain().value());
}

}  // namespace
}  // namespace wgs::test
