// SPDX-License-Identifier: Apache-2.0
// What counts as clear text decides what every other test here proves.
#include "tests/support/frame.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace wgs::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes operator+(Bytes left, const Bytes& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

Bytes ethernet(std::initializer_list<std::uint8_t> type) {
    return Bytes(12, 0x02) + Bytes(type);
}

// From 10.1.0.10 to 10.2.0.10; `fragment` is the fragment word's low byte.
Bytes ipv4(std::uint8_t protocol, std::uint8_t fragment = 0) {
    return {0x45, 0, 0, 0, 0, 0, 0, fragment, 64, protocol, 0, 0, 10, 1, 0, 10, 10, 2, 0, 10};
}

// From fd10:1::10 to fd10:2::10.
Bytes ipv6(std::uint8_t next_header) {
    Bytes header(40, 0);
    header[0] = 0x60;
    header[6] = next_header;
    header[7] = 64;
    header[8] = header[24] = 0xfd;
    header[9] = header[25] = 0x10;
    header[11] = 1;
    header[27] = 2;
    header[23] = header[39] = 0x10;
    return header;
}

Bytes udp(std::uint16_t source, std::uint16_t destination) {
    return {static_cast<std::uint8_t>(source >> 8),
            static_cast<std::uint8_t>(source),
            static_cast<std::uint8_t>(destination >> 8),
            static_cast<std::uint8_t>(destination),
            0,
            0,
            0,
            0};
}

const Bytes kTransportData = {4, 0, 0, 0, 1, 2, 3, 4};
const Bytes kText = {'h', 'e', 'l', 'l', 'o', ' ', 'y', 'o'};
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmpv6 = 58;

FrameKind kind(const Bytes& frame) {
    WireRules rules;
    for (const char* prefix : {"10.1.0.0/24", "10.2.0.0/24", "fd10:1::/64", "fd10:2::/64"}) {
        rules.protected_prefixes.push_back(Prefix::parse(prefix).value());
    }
    return classify(frame, rules);
}

TEST(FrameTest, WireguardNeedsBothPortsAndAMessageType) {
    const Bytes outer = ethernet({0x08, 0x00}) + ipv4(kUdp);
    EXPECT_EQ(kind(outer + udp(51820, 51820) + kTransportData), FrameKind::wireguard);
    EXPECT_EQ(kind(outer + udp(51820, 51820) + kText), FrameKind::clear);
    EXPECT_EQ(kind(outer + udp(40000, 51820) + kTransportData), FrameKind::clear);
    EXPECT_EQ(kind(outer + udp(51820, 51820)), FrameKind::clear);
}

TEST(FrameTest, VlanTagsAreLookedThrough) {
    const Bytes inner = Bytes{0x08, 0x00} + ipv4(kUdp) + udp(51820, 51820) + kTransportData;
    EXPECT_EQ(kind(ethernet({0x81, 0x00, 0, 7}) + inner), FrameKind::wireguard);
    EXPECT_EQ(kind(ethernet({0x88, 0xa8, 0, 7, 0x81, 0x00, 0, 8}) + inner), FrameKind::wireguard);
}

TEST(FrameTest, NeighbourTrafficIsItsOwnKind) {
    EXPECT_EQ(kind(ethernet({0x08, 0x06}) + Bytes(28, 0)), FrameKind::neighbour);
    EXPECT_EQ(kind(ethernet({0x86, 0xdd}) + ipv6(kIcmpv6) + Bytes{135, 0, 0, 0}),
              FrameKind::neighbour);
    EXPECT_EQ(kind(ethernet({0x86, 0xdd}) + ipv6(0) + Bytes{kIcmpv6, 0, 5, 2, 0, 0, 1, 0, 143, 0}),
              FrameKind::neighbour);
}

TEST(FrameTest, EverythingElseBetweenProtectedAddressesIsClear) {
    EXPECT_EQ(kind(ethernet({0x86, 0xdd}) + ipv6(kIcmpv6) + Bytes{128, 0, 0, 0}), FrameKind::clear);
    EXPECT_EQ(kind(ethernet({0x08, 0x00}) + ipv4(6)), FrameKind::clear);
}

TEST(FrameTest, TheFirstFragmentStandsForTheDatagram) {
    const Bytes outer = udp(51820, 51820) + kTransportData;
    EXPECT_EQ(kind(ethernet({0x08, 0x00}) + ipv4(kUdp, 0) + outer), FrameKind::wireguard);
    EXPECT_EQ(kind(ethernet({0x08, 0x00}) + ipv4(kUdp, 0) + kText), FrameKind::clear);
    EXPECT_EQ(kind(ethernet({0x08, 0x00}) + ipv4(kUdp, 5) + kText), FrameKind::other);
    EXPECT_EQ(kind(ethernet({0x86, 0xdd}) + ipv6(44) + Bytes{kUdp, 0, 0, 8, 0, 0, 0, 1} + kText),
              FrameKind::other);
}

TEST(FrameTest, UnprotectedAndUnreadableFramesAreOther) {
    Bytes outside = ethernet({0x08, 0x00}) + ipv4(6);
    outside.back() = 99;
    outside[outside.size() - 4] = 203;
    EXPECT_EQ(kind(outside), FrameKind::other);
    EXPECT_EQ(kind(ethernet({0x08, 0x00}) + Bytes{0x45, 0}), FrameKind::other);
    EXPECT_EQ(kind({1, 2, 3}), FrameKind::other);
}

}  // namespace
}  // namespace wgs::test
