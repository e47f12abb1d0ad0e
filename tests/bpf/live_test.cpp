// SPDX-License-Identifier: Apache-2.0
// Whole ways through attached programs.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/socket.h>

#include "live.h"

namespace wgs {
namespace {

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
