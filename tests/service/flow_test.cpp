// SPDX-License-Identifier: Apache-2.0
#include "service/flow.h"

#include <gtest/gtest.h>

namespace wgs {
namespace {

using Arguments = std::map<std::string, std::string>;
using Bytes = std::vector<std::uint8_t>;

// A flow between two IPv4 addresses with more arguments.
Arguments v4(Arguments more = {}) {
    more.insert({{"src", "10.1.0.10"}, {"dst", "10.2.0.20"}});
    return more;
}
Arguments v6(Arguments more = {}) {
    more.insert({{"src", "fd10:1::a"}, {"dst", "fd10:2::b"}});
    return more;
}

std::string error_of(const Arguments& arguments) {
    const auto flow = parse_flow(arguments);
    return flow ? "accepted" : flow.error().message;
}

Bytes packet_of(const Arguments& arguments) {
    return first_packet(parse_flow(arguments).value());
}

Bytes joined(std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const Bytes& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

// Ethernet and IPv4 from 10.1.0.10 to 10.2.0.20.
Bytes ipv4(std::uint8_t total_length, std::uint8_t protocol) {
    return {0, 0, 0, 0, 0,  0,        0, 0, 0,  0, 0, 0,  0x08, 0x00, 0x45, 0, 0, total_length,
            0, 0, 0, 0, 64, protocol, 0, 0, 10, 1, 0, 10, 10,   2,    0,    20};
}
// Ethernet and IPv6 from fd10:1::a to fd10:2::b.
Bytes ipv6(std::uint8_t payload_length, std::uint8_t next_header) {
    return joined({{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x86, 0xdd},
                   {0x60, 0, 0, 0, 0, payload_length, next_header, 64},
                   {0xfd, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a},
                   {0xfd, 0x10, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b}});
}

const Bytes kTcpSyn{0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x02, 0, 0, 0, 0, 0, 0};
const Bytes kUdp{0x30, 0x39, 0x00, 0x35, 0, 8, 0, 0};
const Bytes kEcho4{8, 0, 0, 0, 0, 0, 0, 0};
const Bytes kEcho6{128, 0, 0, 0, 0, 0, 0, 0};
const Bytes kUnknown{0, 0, 0, 0, 0, 0, 0, 0};

const Arguments kTcpPorts{{"sport", "40000"}, {"dport", "443"}};
const Arguments kUdpPorts{{"proto", "udp"}, {"sport", "12345"}, {"dport", "53"}};

TEST(Flow, IsTcpWithoutPortsUnlessToldOtherwise) {
    const auto flow = parse_flow(v4());
    ASSERT_TRUE(flow) << flow.error().message;
    EXPECT_EQ(flow->source.to_string(), "10.1.0.10");
    EXPECT_EQ(flow->destination.to_string(), "10.2.0.20");
    EXPECT_EQ(flow->protocol, 6);
    EXPECT_EQ(flow->source_port, 0);
    EXPECT_EQ(flow->destination_port, 0);
}

TEST(Flow, NamesIcmpOfBothFamilies) {
    EXPECT_EQ(parse_flow(v4({{"proto", "icmp"}}))->protocol, 1);
    EXPECT_EQ(parse_flow(v6({{"proto", "icmp"}}))->protocol, 58);
}

TEST(Flow, TakesAnyProtocolNumber) {
    EXPECT_EQ(parse_flow(v4({{"proto", "0"}}))->protocol, 0);
    EXPECT_EQ(parse_flow(v4({{"proto", "255"}}))->protocol, 255);
    EXPECT_EQ(error_of(v4({{"proto", "256"}})), "proto: \"256\" is not a number up to 255");
    EXPECT_EQ(error_of(v4({{"proto", "sctp"}})), "proto: \"sctp\" is not a number up to 255");
}

TEST(Flow, TakesAnyPort) {
    EXPECT_EQ(parse_flow(v4({{"dport", "65535"}}))->destination_port, 65535);
    EXPECT_EQ(error_of(v4({{"sport", "65536"}})), "sport: \"65536\" is not a number up to 65535");
    for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x10", "4294967296", "http"}) {
        EXPECT_NE(error_of(v4({{"dport", bad}})), "accepted") << bad;
    }
}

TEST(Flow, NeedsTwoAddressesOfOneFamily) {
    EXPECT_EQ(error_of({{"dst", "10.2.0.20"}}).substr(0, 5), "src: ");
    EXPECT_EQ(error_of({{"src", "10.1.0.10"}}).substr(0, 5), "dst: ");
    EXPECT_EQ(error_of({{"src", "10.1.0.0/24"}, {"dst", "10.2.0.20"}}).substr(0, 5), "src: ");
    EXPECT_EQ(error_of({{"src", "10.1.0.10"}, {"dst", "fd10:2::b"}}),
              "src and dst are of different families");
}

TEST(Flow, RefusesWhatItDoesNotKnow) {
    EXPECT_EQ(error_of(v4({{"port", "80"}})), "unknown argument: port");
}

TEST(FirstPacket, OfTcpIsASyn) {
    EXPECT_EQ(packet_of(v4(kTcpPorts)), joined({ipv4(40, 6), kTcpSyn}));
    EXPECT_EQ(packet_of(v6(kTcpPorts)), joined({ipv6(20, 6), kTcpSyn}));
}

TEST(FirstPacket, OfUdpIsAnEmptyDatagram) {
    EXPECT_EQ(packet_of(v4(kUdpPorts)), joined({ipv4(28, 17), kUdp}));
    EXPECT_EQ(packet_of(v6(kUdpPorts)), joined({ipv6(8, 17), kUdp}));
}

TEST(FirstPacket, OfIcmpIsAnEchoRequest) {
    EXPECT_EQ(packet_of(v4({{"proto", "icmp"}})), joined({ipv4(28, 1), kEcho4}));
    EXPECT_EQ(packet_of(v6({{"proto", "icmp"}})), joined({ipv6(8, 58), kEcho6}));
}

TEST(FirstPacket, OfAnotherProtocolHasEightZeroBytes) {
    EXPECT_EQ(packet_of(v4({{"proto", "132"}})), joined({ipv4(28, 132), kUnknown}));
    EXPECT_EQ(packet_of(v6({{"proto", "132"}})), joined({ipv6(8, 132), kUnknown}));
}

}  // namespace
}  // namespace wgs
