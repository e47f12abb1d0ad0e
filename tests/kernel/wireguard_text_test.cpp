// SPDX-License-Identifier: Apache-2.0
#include "kernel/wireguard_text.h"

#include <gtest/gtest.h>

#include "expect.h"

namespace wgs {
namespace {

using namespace wgs::test;

std::string hex(char digit) {
    return std::string(64, digit);
}

// A peer as wireguard-go prints it.
std::string peer_block() {
    return "public_key=" + hex('1') +
           "\n"
           "preshared_key=" +
           hex('0') +
           "\n"
           "protocol_version=1\n"
           "endpoint=192.0.2.7:51820\n"
           "last_handshake_time_sec=1700000000\n"
           "last_handshake_time_nsec=500000000\n"
           "tx_bytes=12\n"
           "rx_bytes=18446744073709551615\n"
           "persistent_keepalive_interval=25\n"
           "allowed_ip=10.1.0.0/24\n"
           "allowed_ip=fd00::/64\n";
}

std::string device_block() {
    return "listen_port=51820\nfwmark=4096\n";
}

TEST(ParseDevice, ReadsEveryFieldOfADeviceAndItsPeer) {
    const auto state = parse_device(device_block() + peer_block() + "errno=0\n\n");
    ASSERT_OK(state);
    EXPECT_EQ(state->port, 51820);
    EXPECT_EQ(state->fwmark, 4096U);
    EXPECT_TRUE(state->public_key.is_zero());
    ASSERT_EQ(state->sessions.size(), 1U);
    const auto& [key, session] = *state->sessions.begin();
    EXPECT_EQ(key, peer_key(0x11));
    EXPECT_EQ(session.endpoint, endpoint("192.0.2.7", 51820));
    EXPECT_EQ(session.keepalive, std::chrono::seconds(25));
    EXPECT_EQ(session.last_handshake, Clock::time_point(std::chrono::milliseconds(1700000000500)));
    EXPECT_EQ(session.rx_bytes, 18446744073709551615U);
    EXPECT_EQ(session.tx_bytes, 12U);
    EXPECT_EQ(session.allowed_ips, (PrefixSet{prefix("10.1.0.0/24"), prefix("fd00::/64")}));
}

TEST(ParseDevice, DerivesThePublicKeyFromThePrivateOne) {
    const PrivateKey key = PrivateKey::generate();
    const auto state = parse_device("private_key=" + key.to_hex() + "\nerrno=0\n\n");
    ASSERT_OK(state);
    EXPECT_EQ(state->public_key, key.public_key());
}

TEST(ParseDevice, TakesZeroSecondsForNoHandshake) {
    const auto state = parse_device("public_key=" + hex('1') +
                                    "\nlast_handshake_time_sec=0\n"
                                    "last_handshake_time_nsec=0\nerrno=0\n\n");
    ASSERT_OK(state);
    EXPECT_EQ(state->sessions.begin()->second.last_handshake, std::nullopt);
}

TEST(ParseDevice, ReadsIpv6EndpointsAndDropsTheirZone) {
    const std::string head = "public_key=" + hex('1') + "\nendpoint=";
    const auto plain = parse_device(head + "[2001:db8::1]:7\nerrno=0\n\n");
    ASSERT_OK(plain);
    EXPECT_EQ(plain->sessions.begin()->second.endpoint, endpoint("2001:db8::1", 7));
    const auto zoned = parse_device(head + "[fe80::1%eth0]:7\nerrno=0\n\n");
    ASSERT_OK(zoned);
    EXPECT_EQ(zoned->sessions.begin()->second.endpoint, endpoint("fe80::1", 7));
}

TEST(ParseDevice, KeepsPeersApart) {
    const auto state = parse_device("public_key=" + hex('1') + "\nallowed_ip=10.1.0.0/24\n" +
                                    "public_key=" + hex('2') + "\ntx_bytes=5\nerrno=0\n\n");
    ASSERT_OK(state);
    ASSERT_EQ(state->sessions.size(), 2U);
    EXPECT_EQ(state->sessions.at(peer_key(0x11)).tx_bytes, 0U);
    EXPECT_EQ(state->sessions.at(peer_key(0x22)).tx_bytes, 5U);
    EXPECT_TRUE(state->sessions.at(peer_key(0x22)).allowed_ips.empty());
}

TEST(ParseDevice, ReportsTheErrnoWireguardGoAnswers) {
    const auto state = parse_device("errno=-5\n\n");
    ASSERT_FALSE(state);
    EXPECT_TRUE(state.error().is(std::errc::io_error));
}

class MalformedAnswer : public testing::TestWithParam<std::string> {};

TEST_P(MalformedAnswer, IsAProtocolError) {
    const auto state = parse_device(GetParam());
    ASSERT_FALSE(state);
    EXPECT_TRUE(state.error().is(std::errc::protocol_error)) << state.error().message;
}

std::vector<std::string> malformed_answers() {
    const std::string peer = "public_key=" + hex('1') + "\n";
    std::vector<std::string> answers = {
        "",
        "\n",
        "errno=0",
        "errno=0\n",
        "errno=0\n\nmore",
        "errno=\n\n",
        "errno=0x0\n\n",
        "errno=-2147483648\n\n",
        "listen_port=1\n\n",
        "errno=0\nlisten_port=1\n\n",
        "noequals\nerrno=0\n\n",
        peer + peer + "errno=0\n\n",
    };
    for (const char* line : {"unknown=1", "listen_port=65536", "listen_port=-1", "listen_port= 1",
                             "listen_port=", "fwmark=4294967296", "private_key=00", "tx_bytes=1",
                             "allowed_ip=10.0.0.0/8"}) {
        answers.push_back(std::string(line) + "\nerrno=0\n\n");
    }
    answers.push_back("private_key=" + std::string(62, 'a') + "zz\nerrno=0\n\n");
    answers.push_back("private_key=" + hex('a') + "aa\nerrno=0\n\n");
    for (const char* line :
         {"listen_port=1", "unknown=1", "allowed_ip=10.0.0.1/8", "allowed_ip=10.0.0.0/33",
          "allowed_ip=10.0.0.0", "endpoint=1.2.3.4", "endpoint=1.2.3.4:", "endpoint=1.2.3.4:70000",
          "endpoint=::1:5", "endpoint=[1.2.3.4]:5", "endpoint=[::1:5", "endpoint=[]:5",
          "protocol_version=2", "rx_bytes=18446744073709551616",
          "persistent_keepalive_interval=65536", "last_handshake_time_sec=-1",
          "last_handshake_time_sec=9223372036854775807", "last_handshake_time_nsec=1000000000",
          "preshared_key=zz"}) {
        answers.push_back(peer + line + "\nerrno=0\n\n");
    }
    return answers;
}

INSTANTIATE_TEST_SUITE_P(All, MalformedAnswer, testing::ValuesIn(malformed_answers()));

TEST(ParseAcknowledgement, AcceptsSuccessOnly) {
    ASSERT_OK(parse_acknowledgement("errno=0\n\n", "set"));
    const Status busy = parse_acknowledgement("errno=98\n\n", "set port");
    ASSERT_FALSE(busy);
    EXPECT_TRUE(busy.error().is(std::errc::address_in_use));
    EXPECT_EQ(busy.error().message, "set port: Address already in use");
    EXPECT_FALSE(parse_acknowledgement("listen_port=1\nerrno=0\n\n", "set"));
}

TEST(FormatSettings, NamesOnlyWhatDiffers) {
    const PrivateKey key = PrivateKey::generate();
    const TunnelSettings wanted{.port = 51820, .fwmark = 4096, .mtu = 1420};
    const std::string head = "set=1\nprivate_key=" + key.to_hex() + "\n";
    EXPECT_EQ(format_settings(TunnelState{}, wanted, key),
              head + "fwmark=4096\nlisten_port=51820\n\n");
    EXPECT_EQ(format_settings(TunnelState{.port = 51820, .fwmark = 4096}, wanted, key),
              head + "\n");
}

TEST(FormatUpdate, AddsAllowedIpsAndReplacesNone) {
    const PeerUpdate update{.public_key = peer_key(0x11),
                            .endpoint = endpoint("2001:db8::1", 51820),
                            .keepalive = std::chrono::seconds(25),
                            .add_allowed_ips = {prefix("10.1.0.0/24"), prefix("fd00::/64")}};
    EXPECT_EQ(format_updates({&update, 1}),
              "set=1\npublic_key=" + hex('1') +
                  "\nendpoint=[2001:db8::1]:51820\npersistent_keepalive_interval=25\n"
                  "allowed_ip=10.1.0.0/24\nallowed_ip=fd00::/64\n\n");
}

TEST(FormatUpdate, LeavesOutWhatStays) {
    const std::vector<PeerUpdate> updates{{.public_key = peer_key(0x11)},
                                          {.public_key = peer_key(0x22)}};
    EXPECT_EQ(format_updates(updates),
              "set=1\npublic_key=" + hex('1') + "\npublic_key=" + hex('2') + "\n\n");
}

TEST(FormatRemoval, RemovesThePeer) {
    EXPECT_EQ(format_removal(peer_key(0x22)),
              "set=1\npublic_key=" + hex('2') + "\nremove=true\n\n");
}

TEST(FormatSteal, TakesThePrefixesAndRemovesTheThief) {
    const std::vector<Prefix> prefixes{prefix("10.1.0.0/24")};
    EXPECT_EQ(format_steal(peer_key(0x33), prefixes),
              "set=1\npublic_key=" + hex('3') + "\nallowed_ip=10.1.0.0/24\npublic_key=" + hex('3') +
                  "\nremove=true\n\n");
}

TEST(PresharedKeyText, IsWrittenInHexAndReadAsAPrint) {
    std::array<std::uint8_t, 32> bytes{};
    bytes.fill(0x7a);
    const PresharedKey secret{Secret<32>(bytes)};
    const PeerUpdate update{
        .public_key = peer_key(1), .add_allowed_ips = {}, .preshared_key = secret};
    std::string line = "preshared_key=";
    for (int i = 0; i < 32; ++i)
        line += "7a";
    EXPECT_NE(format_updates({&update, 1}).find("\n" + line + "\n"), std::string::npos);
    const auto state = parse_device("public_key=" + hex('1') + "\n" + line + "\nerrno=0\n\n");
    ASSERT_OK(state);
    EXPECT_EQ(state->sessions.at(peer_key(0x11)).preshared_key, secret.print());
}

}  // namespace
}  // namespace wgs
