// SPDX-License-Identifier: Apache-2.0
#include "live.h"

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

namespace wgs {
namespace {

constexpr int kPatienceMs = 3000;

UniqueFd open_tun(const char* name) {
    UniqueFd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (!tun || ::ioctl(tun.get(), TUNSETIFF, &request) != 0) return {};
    return tun;
}

}  // namespace

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

void Live::SetUp() {
    tun_ = open_tun("wgs-tun");
    if (!tun_) GTEST_SKIP() << "no tun device here";
    run_command("ip link add wgs-nic mtu 9000 type veth peer name wgs-wire mtu 9000");
    run_command("ip link set wgs-wire up && ip link set wgs-nic address 02:00:00:00:00:0a up");
    run_command("ip link set wgs-tun mtu 9000 up && ip addr add 10.1.0.5/24 dev wgs-nic");
    run_command("ip route add 10.2.0.0/24 dev wgs-nic");
    run_command("sysctl -qw net.ipv4.conf.all.rp_filter=1");
    must(bpffs_.prepare());
    const Tables& tables = world_.programs().tables();
    must(tables.tunnels.store(0, {.ifindex = index_of("wgs-tun"), .port = kPort, .reserved = 0}));
    must(tables.underlays.store(
        0, {.ifindex = index_of("wgs-nic"), .mac = {0x02, 0, 0, 0, 0, 0x0a}, .reserved = {}}));
    set_mtu(kLargest);
    attach("wgs-nic", WGS_HOOK_NIC_OUT);
    attach("wgs-nic", WGS_HOOK_NIC_IN);
    attach("wgs-tun", WGS_HOOK_WG_IN);
}

void Live::TearDown() {
    must(hooks_.detach_all());
    run_command("ip link del wgs-nic 2>/dev/null || true");
}

void Live::attach(const char* device, wgs_hook hook) const {
    must(hooks_.attach({.ifindex = index_of(device), .hook = hook}, world_.programs().at(hook)));
}

void Live::set_mtu(std::uint16_t mtu) const {
    must(world_.programs().tables().peers.store(
        kReady, {.state = WGS_STATE_READY, .mtu = mtu, .tunnel = 0, .underlay = 0}));
}

void Live::send(const Bytes& frame) {
    const UniqueFd socket = open_packet_socket(index_of("wgs-nic"), false);
    ASSERT_EQ(::send(socket.get(), frame.data(), frame.size(), 0),
              static_cast<ssize_t>(frame.size()));
}

void Live::try_send(const Bytes& frame, int times) {
    const UniqueFd socket = open_packet_socket(index_of("wgs-nic"), false);
    for (int i = 0; i < times; ++i)
        (void)::send(socket.get(), frame.data(), frame.size(), 0);
}

void Live::send_in_pages(const Bytes& frame) {
    const UniqueFd socket = open_packet_socket(index_of("wgs-nic"), true);
    Bytes bytes{0, 0, ETH_HLEN, 0, 0, 0, 0, 0, 0, 0};  // struct virtio_net_hdr: its hdr_len
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    ASSERT_EQ(::send(socket.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
}

std::uint64_t Live::counted(wgs_hook hook, wgs_reason reason) const {
    const auto index = static_cast<std::uint32_t>(WGS_VERDICT_INDEX(hook, reason));
    return world_.programs().tables().verdicts.sum(index)->packets;
}

}  // namespace wgs
