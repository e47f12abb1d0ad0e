// SPDX-License-Identifier: Apache-2.0
#include "kernel/netlink_monitor.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <optional>

#include "expect.h"
#include "own_namespace.h"

namespace wgs::test {
namespace {

class NetlinkMonitorTest : public OwnNamespace {
  protected:
    void SetUp() override {
        OwnNamespace::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        add_nic("nic0");
        ip("address add 192.0.2.1/24 dev nic0");
        monitor_.emplace(NetlinkMonitor::open().value());
    }

    // Whether something relevant is reported within the time in which healing has to begin.
    bool notices() {
        using Clock = std::chrono::steady_clock;
        const auto deadline = Clock::now() + std::chrono::milliseconds(200);
        while (Clock::now() < deadline) {
            pollfd wait{.fd = monitor_->fd(), .events = POLLIN, .revents = 0};
            if (::poll(&wait, 1, 50) == 1 && drain()) return true;
        }
        return false;
    }

    bool drain() {
        const auto relevant = monitor_->drain();
        EXPECT_TRUE(relevant) << relevant.error().message;
        return relevant.value_or(false);
    }

    std::optional<NetlinkMonitor> monitor_;
};

TEST_F(NetlinkMonitorTest, DrainDoesNotBlock) {
    EXPECT_FALSE(drain());
}

TEST_F(NetlinkMonitorTest, NoticesALinkThatIsAdded) {
    ip("link add nic1 type veth peer name nic1-far");
    EXPECT_TRUE(notices());
}

TEST_F(NetlinkMonitorTest, NoticesALinkThatIsDeleted) {
    ip("link delete nic0");
    EXPECT_TRUE(notices());
}

TEST_F(NetlinkMonitorTest, NoticesALinkThatIsSetDown) {
    ip("link set nic0 down");
    EXPECT_TRUE(notices());
}

TEST_F(NetlinkMonitorTest, NoticesAnotherMtu) {
    ip("link set nic0 mtu 1300");
    EXPECT_TRUE(notices());
    ip("link set nic0 mtu 1200");
    EXPECT_TRUE(notices()) << "a second change to a link that is known by now";
}

TEST_F(NetlinkMonitorTest, NoticesAnotherHardwareAddress) {
    ip("link set nic0 address 02:00:00:00:00:01");
    EXPECT_TRUE(notices());
    ip("link set nic0 address 02:00:00:00:00:02");
    EXPECT_TRUE(notices());
}

TEST_F(NetlinkMonitorTest, NoticesAddressesThatComeAndGo) {
    ip("address add 192.0.2.2/24 dev nic0");
    EXPECT_TRUE(notices());
    ip("address add fd50::1/64 dev nic0 nodad");
    EXPECT_TRUE(notices());
    ip("address delete 192.0.2.2/24 dev nic0");
    EXPECT_TRUE(notices());
}

TEST_F(NetlinkMonitorTest, NoticesClsactAndFiltersThatComeAndGo) {
    tool({"tc", "qdisc", "add", "dev", "nic0", "clsact"});
    EXPECT_TRUE(notices());
    tool({"tc", "filter", "add", "dev", "nic0", "egress", "bpf", "bytecode", "1,6 0 0 0,"});
    EXPECT_TRUE(notices());
    tool({"tc", "filter", "delete", "dev", "nic0", "egress"});
    EXPECT_TRUE(notices());
    tool({"tc", "qdisc", "delete", "dev", "nic0", "clsact"});
    EXPECT_TRUE(notices());
}

TEST_F(NetlinkMonitorTest, IgnoresWhatItHasSeenAlready) {
    ip("link set nic0 alias first\naddress change 192.0.2.1/24 dev nic0 valid_lft 600 "
       "preferred_lft 600");
    notices();
    ip("link set nic0 alias second\naddress change 192.0.2.1/24 dev nic0 valid_lft 700 "
       "preferred_lft 700");
    EXPECT_FALSE(notices());
}

TEST_F(NetlinkMonitorTest, IgnoresRoutesAndNeighbours) {
    ip("route add 198.51.100.0/24 dev nic0\n"
       "neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev nic0");
    EXPECT_FALSE(notices());
}

TEST_F(NetlinkMonitorTest, ReportsLostMessagesAsAChangeAndGoesOn) {
    ip("link set nic0 alias known");
    notices();
    const int smallest = 1;
    ASSERT_EQ(::setsockopt(monitor_->fd(), SOL_SOCKET, SO_RCVBUF, &smallest, sizeof(smallest)), 0);
    // Irrelevant each, but there are more than the socket can hold.
    for (int i = 0; i < 10; ++i)
        ip("link set nic0 alias number" + std::to_string(i));
    EXPECT_TRUE(drain());
    EXPECT_FALSE(drain());
    ip("link set nic0 down");
    EXPECT_TRUE(notices());
}

}  // namespace
}  // namespace wgs::test
