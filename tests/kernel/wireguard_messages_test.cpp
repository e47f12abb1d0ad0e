// SPDX-License-Identifier: Apache-2.0
#include "kernel/wireguard_messages.h"

#include <gtest/gtest.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "expect.h"

namespace wgs {
namespace {

using namespace wgs::test;

constexpr int kFamily = 42;
const WireguardEncoder kEncoder(kFamily, "wgtest0");

// What the kernel would read in requests: they have the form of its dumps.
TunnelState decode(const std::vector<NetlinkMessage>& messages) {
    WireguardDecoder decoder;
    for (const NetlinkMessage& message : messages) {
        const Status status = decoder.take(*nlmsg_hdr(message.get()));
        EXPECT_TRUE(status) << status.error().message;
    }
    return std::move(decoder).result();
}

std::array<nlattr*, WGPEER_A_MAX + 1> first_peer(const NetlinkMessage& message) {
    std::array<nlattr*, WGDEVICE_A_MAX + 1> device{};
    std::array<nlattr*, WGPEER_A_MAX + 1> peer{};
    EXPECT_EQ(genlmsg_parse(nlmsg_hdr(message.get()), 0, device.data(), WGDEVICE_A_MAX, nullptr),
              0);
    auto* first = static_cast<nlattr*>(nla_data(device[WGDEVICE_A_PEERS]));
    EXPECT_EQ(nla_parse_nested(peer.data(), WGPEER_A_MAX, first, nullptr), 0);
    return peer;
}

std::uint32_t peer_flags(const NetlinkMessage& message) {
    nlattr* flags = first_peer(message)[WGPEER_A_FLAGS];
    return flags != nullptr ? nla_get_u32(flags) : 0;
}

TEST(WireguardMessages, CarryOnePeerWhole) {
    const PeerUpdate update{.public_key = peer_key(1),
                            .endpoint = endpoint("2001:db8::1", 51820),
                            .keepalive = std::chrono::seconds(25),
                            .add_allowed_ips = {prefix("10.1.0.0/24"), prefix("fd00::/64")}};
    const auto messages = kEncoder.update_peers({&update, 1});
    ASSERT_EQ(messages.size(), 1U);
    const TunnelState state = decode(messages);
    ASSERT_EQ(state.sessions.size(), 1U);
    const Session& session = state.sessions.at(peer_key(1));
    EXPECT_EQ(session.endpoint, update.endpoint);
    EXPECT_EQ(session.keepalive, update.keepalive);
    EXPECT_EQ(session.allowed_ips, (PrefixSet{prefix("10.1.0.0/24"), prefix("fd00::/64")}));
}

TEST(WireguardMessages, CarryPresharedKeysAndSayWhichOneIsThere) {
    std::array<std::uint8_t, 32> bytes{};
    bytes.fill(7);
    const PresharedKey secret{Secret<32>(bytes)};
    const std::vector<PeerUpdate> updates{
        {.public_key = peer_key(1), .add_allowed_ips = {}, .preshared_key = secret},
        {.public_key = peer_key(2), .add_allowed_ips = {}, .preshared_key = PresharedKey()},
        {.public_key = peer_key(3), .add_allowed_ips = {}}};
    const TunnelState state = decode(kEncoder.update_peers(updates));
    EXPECT_EQ(state.sessions.at(peer_key(1)).preshared_key, secret.print());
    EXPECT_EQ(state.sessions.at(peer_key(2)).preshared_key, KeyPrint{});
    EXPECT_EQ(state.sessions.at(peer_key(3)).preshared_key, KeyPrint{});
}

TEST(WireguardMessages, SplitManyAllowedIpsWithoutLosingOrRepeatingOne) {
    const PeerUpdate update{.public_key = peer_key(1),
                            .endpoint = endpoint("192.0.2.1", 51820),
                            .add_allowed_ips = host_prefixes(20'000)};
    const auto messages = kEncoder.update_peers({&update, 1});
    EXPECT_GT(messages.size(), 10U);
    std::size_t total = 0;
    for (const NetlinkMessage& message : messages) {
        EXPECT_LE(nlmsg_hdr(message.get())->nlmsg_len, kLongestWireguardRequest);
        WireguardDecoder one;
        ASSERT_OK(one.take(*nlmsg_hdr(message.get())));
        total += std::move(one).result().sessions.at(peer_key(1)).allowed_ips.size();
    }
    EXPECT_EQ(total, update.add_allowed_ips.size());
    const Session merged = decode(messages).sessions.at(peer_key(1));
    EXPECT_EQ(merged.allowed_ips, PrefixSet(std::span<const Prefix>(update.add_allowed_ips)));
    EXPECT_EQ(merged.endpoint, update.endpoint)
        << "a continuation overwrote what the first one said";
}

TEST(WireguardMessages, ContinueAPeerWithoutCreatingOrReplacing) {
    const PeerUpdate update{.public_key = peer_key(1), .add_allowed_ips = host_prefixes(2'000)};
    const auto messages = kEncoder.update_peers({&update, 1});
    ASSERT_GT(messages.size(), 1U);
    EXPECT_EQ(peer_flags(messages[0]), 0U);
    for (std::size_t i = 1; i < messages.size(); ++i) {
        EXPECT_EQ(peer_flags(messages[i]), WGPEER_F_UPDATE_ONLY);
    }
}

TEST(WireguardMessages, TakeAsManyPeersAsHaveRoom) {
    std::vector<PeerUpdate> updates;
    for (std::uint8_t i = 1; i <= 200; ++i) {
        updates.push_back({.public_key = peer_key(i),
                           .endpoint = endpoint("192.0.2.1", i),
                           .add_allowed_ips = host_prefixes(i == 100 ? 2'000 : 3)});
    }
    const auto messages = kEncoder.update_peers(updates);
    EXPECT_LT(messages.size(), 20U);
    for (const NetlinkMessage& message : messages)
        EXPECT_LE(nlmsg_hdr(message.get())->nlmsg_len, kLongestWireguardRequest);
    const TunnelState state = decode(messages);
    ASSERT_EQ(state.sessions.size(), updates.size());
    for (const PeerUpdate& update : updates) {
        const Session& session = state.sessions.at(update.public_key);
        EXPECT_EQ(session.endpoint, update.endpoint);
        EXPECT_EQ(session.allowed_ips, PrefixSet(std::span<const Prefix>(update.add_allowed_ips)));
    }
}

TEST(WireguardMessages, MarkEachPrefixToRemove) {
    const std::vector<Prefix> prefixes = host_prefixes(3'000);
    const auto messages = kEncoder.remove_allowed_ips(peer_key(1), prefixes);
    std::size_t marked = 0;
    for (const NetlinkMessage& message : messages) {
        EXPECT_LE(nlmsg_hdr(message.get())->nlmsg_len, kLongestWireguardRequest);
        EXPECT_EQ(peer_flags(message), WGPEER_F_UPDATE_ONLY);
        int left = 0;
        nlattr* allowed_ip = nullptr;
        nla_for_each_nested(allowed_ip, first_peer(message)[WGPEER_A_ALLOWEDIPS], left) {
            constexpr int kFlags = 4;  // WGALLOWEDIP_A_FLAGS of Linux 6.16
            nlattr* flags =
                nla_find(static_cast<nlattr*>(nla_data(allowed_ip)), nla_len(allowed_ip), kFlags);
            ASSERT_NE(flags, nullptr);
            EXPECT_EQ(nla_get_u32(flags), 1U);
            ++marked;
        }
    }
    EXPECT_EQ(marked, prefixes.size());
}

TEST(WireguardMessages, RemoveNothingWithoutPrefixes) {
    EXPECT_TRUE(kEncoder.remove_allowed_ips(peer_key(1), {}).empty());
}

TEST(WireguardMessages, RemoveAPeerByItsFlag) {
    EXPECT_EQ(peer_flags(kEncoder.remove_peer(peer_key(1))), WGPEER_F_REMOVE_ME);
}

TEST(WireguardMessages, SetTheDeviceAndNoPeer) {
    std::vector<NetlinkMessage> messages;
    messages.push_back(
        kEncoder.set_device({.port = 51820, .fwmark = 4096, .mtu = 1420}, PrivateKey::generate()));
    const TunnelState state = decode(messages);
    EXPECT_EQ(state.port, 51820);
    EXPECT_EQ(state.fwmark, 4096U);
    EXPECT_TRUE(state.sessions.empty());
}

TEST(WireguardMessages, TellTheListenPortOfADeviceOfAnybody) {
    const NetlinkMessage first =
        kEncoder.set_device({.port = 51999, .fwmark = 0, .mtu = 1420}, PrivateKey::generate());
    const auto port = listen_port(*nlmsg_hdr(first.get()));
    ASSERT_OK(port);
    EXPECT_EQ(*port, 51999);
    const NetlinkMessage continued = kEncoder.remove_peer(peer_key(1));
    const auto none = listen_port(*nlmsg_hdr(continued.get()));
    ASSERT_OK(none);
    EXPECT_EQ(*none, std::nullopt);
}

TEST(WireguardMessages, AListenPortOfOddSizeIsRefused) {
    const NetlinkMessage message(nlmsg_alloc());
    genlmsg_put(message.get(), 0, 0, kFamily, 0, 0, WG_CMD_GET_DEVICE, WG_GENL_VERSION);
    nla_put(message.get(), WGDEVICE_A_LISTEN_PORT, 1, "a");
    EXPECT_FALSE(listen_port(*nlmsg_hdr(message.get())));
}

class MalformedDump : public testing::Test {
  protected:
    // A dump message with one peer, whose attributes are put by `fill`.
    template <class Fill>
    static Status take(Fill fill) {
        const NetlinkMessage message(nlmsg_alloc());
        genlmsg_put(message.get(), 0, 0, kFamily, 0, 0, WG_CMD_GET_DEVICE, WG_GENL_VERSION);
        nlattr* peers = nla_nest_start(message.get(), WGDEVICE_A_PEERS);
        nlattr* peer = nla_nest_start(message.get(), 0);
        fill(message.get());
        nla_nest_end(message.get(), peer);
        nla_nest_end(message.get(), peers);
        return WireguardDecoder().take(*nlmsg_hdr(message.get()));
    }
    static void put_key(nl_msg* message) {
        nla_put(message, WGPEER_A_PUBLIC_KEY, PublicKey::kSize, peer_key(1).bytes().data());
    }
};

TEST_F(MalformedDump, PeerWithoutKeyIsRefused) {
    EXPECT_FALSE(take([](nl_msg* message) { nla_put_u64(message, WGPEER_A_RX_BYTES, 1); }));
}

TEST_F(MalformedDump, ShortKeyIsRefused) {
    EXPECT_FALSE(take([](nl_msg* message) { nla_put(message, WGPEER_A_PUBLIC_KEY, 2, "ab"); }));
}

TEST_F(MalformedDump, EndpointOfOddSizeIsRefused) {
    EXPECT_FALSE(take([](nl_msg* message) {
        put_key(message);
        nla_put(message, WGPEER_A_ENDPOINT, 5, "abcde");
    }));
}

TEST_F(MalformedDump, MaskLongerThanTheAddressIsRefused) {
    EXPECT_FALSE(take([](nl_msg* message) {
        put_key(message);
        nlattr* allowed_ips = nla_nest_start(message, WGPEER_A_ALLOWEDIPS);
        nlattr* allowed_ip = nla_nest_start(message, 0);
        nla_put_u16(message, WGALLOWEDIP_A_FAMILY, AF_INET);
        nla_put_u32(message, WGALLOWEDIP_A_IPADDR, 0);
        nla_put_u8(message, WGALLOWEDIP_A_CIDR_MASK, 33);
        nla_nest_end(message, allowed_ip);
        nla_nest_end(message, allowed_ips);
    }));
}

}  // namespace
}  // namespace wgs
