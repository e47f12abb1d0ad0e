// SPDX-License-Identifier: Apache-2.0
// The attached programs on real devices: a veth is the NIC, and a tun device, of which the test is
// the other side, stands in for WireGuard.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "base/unique_fd.h"
#include "sandbox.h"
#include "skeletons/hooks.h"
#include "world.h"

namespace wgs {
namespace {

constexpr int kPatienceMs = 3000;
constexpr std::size_t kLargest = 9000;

UniqueFd open_tun(const char* name) {
    UniqueFd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (!tun || ::ioctl(tun.get(), TUNSETIFF, &request) != 0) return {};
    return tun;
}

UniqueFd open_packet_socket(unsigned ifindex, bool with_virtio_header) {
    UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(ifindex);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const int on = with_virtio_header ? 1 : 0;
    EXPECT_EQ(::setsockopt(socket.get(), SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
    return socket;
}

// The next packet that equals `wanted`; others, such as the kernel's own discovery, are skipped.
testing::AssertionResult receives(int fd, const Bytes& wanted) {
    Bytes last;
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    while (::poll(&ready, 1, kPatienceMs) > 0) {
        Bytes packet(kLargest);
        const ssize_t size = ::read(fd, packet.data(), packet.size());
        if (size < 0) break;
        packet.resize(static_cast<std::size_t>(size));
        if (packet == wanted) return testing::AssertionSuccess();
        last = std::move(packet);
    }
    return same_bytes(wanted, last);
}

class Live : public testing::Test {
  protected:
    void SetUp() override {
        tun_ = open_tun("wgs-tun");
        if (!tun_) GTEST_SKIP() << "no tun device here";
        run_command("ip link add wgs-nic mtu 9000 type veth peer name wgs-wire mtu 9000");
        run_command("ip link set wgs-wire up && ip link set wgs-nic address 02:00:00:00:00:0a up");
        run_command("ip link set wgs-tun mtu 9000 up && ip addr add 10.1.0.5/24 dev wgs-nic");
        run_command("ip route add 10.2.0.0/24 dev wgs-nic");
        run_command("sysctl -qw net.ipv4.conf.all.rp_filter=1");
        must(bpffs_.prepare());
        const Tables& tables = world_.programs().tables();
        must(tables.tunnels.store(0,
                                  {.ifindex = index_of("wgs-tun"), .port = kPort, .reserved = 0}));
        must(tables.underlays.store(
            0, {.ifindex = index_of("wgs-nic"), .mac = {0x02, 0, 0, 0, 0, 0x0a}, .reserved = {}}));
        set_mtu(kLargest);
        attach("wgs-nic", WGS_HOOK_NIC_OUT);
        attach("wgs-nic", WGS_HOOK_NIC_IN);
        attach("wgs-tun", WGS_HOOK_WG_IN);
    }

    void TearDown() override {
        must(hooks_.detach_all());
        run_command("ip link del wgs-nic 2>/dev/null || true");
    }

    void attach(const char* device, wgs_hook hook) const {
        must(
            hooks_.attach({.ifindex = index_of(device), .hook = hook}, world_.programs().at(hook)));
    }

    void set_mtu(std::uint16_t mtu) const {
        must(world_.programs().tables().peers.store(
            kReady, {.state = WGS_STATE_READY, .mtu = mtu, .tunnel = 0, .underlay = 0}));
    }

    // Puts a frame on its way out of the NIC.
    static void send(const Bytes& frame) {
        const UniqueFd socket = open_packet_socket(index_of("wgs-nic"), false);
        ASSERT_EQ(::send(socket.get(), frame.data(), frame.size(), 0),
                  static_cast<ssize_t>(frame.size()));
    }

    // The same, in an skb whose head holds the Ethernet header only.
    static void send_in_pages(const Bytes& frame) {
        const UniqueFd socket = open_packet_socket(index_of("wgs-nic"), true);
        Bytes bytes{0, 0, ETH_HLEN, 0, 0, 0, 0, 0, 0, 0};  // struct virtio_net_hdr: its hdr_len
        bytes.insert(bytes.end(), frame.begin(), frame.end());
        ASSERT_EQ(::send(socket.get(), bytes.data(), bytes.size(), 0),
                  static_cast<ssize_t>(bytes.size()));
    }

    [[nodiscard]] std::uint64_t counted(wgs_hook hook, wgs_reason reason) const {
        const auto index = static_cast<std::uint32_t>(WGS_VERDICT_INDEX(hook, reason));
        return world_.programs().tables().verdicts.sum(index)->packets;
    }

    World world_{World::Options{}};
    Bpffs bpffs_{new_bpffs_path()};
    Hooks hooks_{bpffs_};
    UniqueFd tun_;
};

TEST_F(Live, TheTunnelGetsBareIpPackets) {
    for (const Packet& packet :
         {ethernet{} / ipv4{} / udp{} / payload{}, ethernet{} / ipv6{} / tcp{} / payload{100}}) {
        send(packet.bytes());
        EXPECT_TRUE(receives(tun_.get(), packet.bytes(1)));
    }
}

TEST_F(Live, TheTunnelGetsNoVlanTags) {
    const Packet packet = ipv4{} / udp{} / payload{};
    send((ethernet{} / vlan{.id = 5} / packet).bytes());
    EXPECT_TRUE(receives(tun_.get(), packet.bytes()));
    send((ethernet{} / vlan{.id = 5, .tag_type = 0x88a8} / vlan{.id = 6} / packet).bytes());
    EXPECT_TRUE(receives(tun_.get(), packet.bytes()));
}

TEST_F(Live, HeadersMayLieInPages) {
    const Packet packet = ethernet{} / ipv6{} / extension{.length = 3} / udp{} / payload{6000};
    send_in_pages(packet.bytes());
    EXPECT_TRUE(receives(tun_.get(), packet.bytes(1)));
    EXPECT_EQ(counted(WGS_HOOK_NIC_OUT, WGS_REASON_truncated), 0U);
}

TEST_F(Live, DecryptedPacketsArriveAsIfFromTheWire) {
    const UniqueFd tap = open_packet_socket(index_of("wgs-nic"), false);
    const UniqueFd service(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = htons(2000), .sin_addr = {}, .sin_zero = {}};
    ASSERT_EQ(::bind(service.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);

    const Packet packet =
        ethernet{.src = WGS_REINJECT_SOURCE_MAC, .dst = {0x02, 0, 0, 0, 0, 0x0a}} /
        ipv4{.src = "10.2.0.5", .dst = "10.1.0.5"} / udp{.dport = 2000} / payload{32};
    const Bytes bare = packet.bytes(1);
    ASSERT_EQ(::write(tun_.get(), bare.data(), bare.size()), static_cast<ssize_t>(bare.size()));

    EXPECT_TRUE(receives(tap.get(), packet.bytes()));
    EXPECT_TRUE(receives(service.get(), Packet(payload{32}).bytes()));
    EXPECT_EQ(counted(WGS_HOOK_WG_IN, WGS_REASON_decrypted), 1U);
    EXPECT_EQ(counted(WGS_HOOK_NIC_IN, WGS_REASON_decrypted), 1U);
}

}  // namespace
}  // namespace wgs
