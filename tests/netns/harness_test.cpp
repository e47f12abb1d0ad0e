// SPDX-License-Identifier: Apache-2.0
// The instruments themselves: a capture that cannot see clear text proves nothing.
#include "tests/netns/fixture.h"

namespace wgs::test {
namespace {

using HarnessTest = MeshTest;

TEST_F(HarnessTest, CaptureSeesClearTextWithoutAgents) {
    Cluster cluster({.nodes = 2});
    const auto capture = cluster.capture();
    for (const Family family : kFamilies) {
        EXPECT_TRUE(reaches(cluster.node(1).pod(), cluster.node(2).pod_address(family)));
        EXPECT_TRUE(reaches(cluster.node(1).ns(), cluster.node(2).host_address(family)));
    }
    const WireCounts counts = capture->stop();
    EXPECT_GE(counts.clear, 8U);  // a request and a reply each
    EXPECT_EQ(counts.clear_samples.size(), 5U);
    EXPECT_EQ(counts.wireguard, 0U);
    EXPECT_GT(counts.neighbour, 0U);
    EXPECT_EQ(counts.missed, 0U);
}

TEST_F(HarnessTest, PingReportsTheTtlAfterRouting) {
    Cluster cluster({.nodes = 2});
    for (const Family family : kFamilies) {
        ASSERT_TRUE(reaches(cluster.node(1).pod(), cluster.node(2).pod_address(family)));
        EXPECT_EQ(ping(cluster.node(1).pod(), cluster.node(2).pod_address(family)), 62);
        EXPECT_EQ(ping(cluster.node(1).ns(), cluster.node(2).host_address(family)), 64);
    }
    EXPECT_EQ(ping(cluster.node(1).ns(), IpAddress::parse("192.168.50.99").value(), 200ms),
              std::nullopt);
}

TEST_F(HarnessTest, TcpTransferArrivesIntact) {
    Cluster cluster({.nodes = 2});
    for (const Family family : kFamilies) {
        EXPECT_TRUE(tcp_transfer(cluster.node(1).pod(), cluster.node(2).pod_address(family),
                                 cluster.node(2).pod(), 1'000'000));
    }
}

TEST_F(HarnessTest, StreamCountsWhatALinkLoses) {
    Cluster cluster({.nodes = 2});
    const NetNamespace& far = cluster.node(2).pod();
    ASSERT_TRUE(reaches(cluster.node(1).pod(), cluster.node(2).pod_address(Family::v4)));

    UdpStream stream(cluster.node(1).pod(), cluster.node(2).pod_address(Family::v4), far, 1000);
    ASSERT_TRUE(eventually(5s, [&] { return stream.sent() > 200; }));
    cluster.underlay().ip("link set port2 down\n");
    std::this_thread::sleep_for(100ms);
    cluster.underlay().ip("link set port2 up\n");
    const std::uint64_t before = stream.sent();
    ASSERT_TRUE(eventually(5s, [&] { return stream.sent() > before + 500; }));

    const StreamReport report = stream.stop();
    EXPECT_LT(report.arrived, report.sent - 50);
    EXPECT_LE(report.echoed, report.arrived);
    EXPECT_GT(report.echoed, 400U);
    EXPECT_FALSE(report.first_losses.empty());
}

TEST_F(HarnessTest, StreamOverAWorkingLinkLosesNothing) {
    Cluster cluster({.nodes = 2});
    for (const Family family : kFamilies) {
        ASSERT_TRUE(reaches(cluster.node(1).pod(), cluster.node(2).pod_address(family)));
        UdpStream stream(cluster.node(1).pod(), cluster.node(2).pod_address(family),
                         cluster.node(2).pod(), 1000);
        ASSERT_TRUE(eventually(5s, [&] { return stream.sent() > 1000; }));
        const StreamReport report = stream.stop();
        EXPECT_EQ(report.arrived, report.sent) << report.first_losses;
        EXPECT_EQ(report.echoed, report.sent) << report.first_losses;
        EXPECT_EQ(report.duplicated, 0U);
    }
}

TEST_F(HarnessTest, WorkspaceLeavesNoProcessMountOrFile) {
    std::filesystem::path directory;
    std::optional<NetNamespace> ns("orphanage");
    {
        const Workspace workspace;
        directory = workspace.directory();
        const std::string log = (directory / "log").string();
        const Outcome marked = run({"sh", "-c", "sleep 1000 >/dev/null 2>&1 &"},
                                   {.ns = &*ns, .environment = {workspace.mark()}});
        const Outcome logging =
            run({"sh", "-c", "exec >" + log + " 2>&1; sleep 1000 &"}, {.ns = &*ns});
        ASSERT_EQ(marked.exit_code + logging.exit_code, 0);
        ASSERT_TRUE(eventually(2s, [&] { return ns->processes("sleep").size() == 2; }));
    }
    EXPECT_TRUE(eventually(2s, [&] { return ns->processes("sleep").empty(); }));
    EXPECT_FALSE(std::filesystem::exists(directory));
}

}  // namespace
}  // namespace wgs::test
