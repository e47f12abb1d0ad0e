// SPDX-License-Identifier: Apache-2.0
#include "tests/support/frame.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <optional>

namespace wgs::test {
namespace {

constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherArp = 0x0806;
constexpr std::uint16_t kEtherVlan = 0x8100;
constexpr std::uint16_t kEtherProviderVlan = 0x88a8;
constexpr std::uint16_t kEtherIpv6 = 0x86dd;
constexpr std::size_t kHexBytes = 96;

using Bytes = std::span<const std::uint8_t>;

struct Packet {
    IpAddress source;
    IpAddress destination;
    std::uint8_t protocol = 0;
    bool later_fragment = false;
    Bytes payload;
};

std::uint16_t read16(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>((bytes[at] << 8) | bytes[at + 1]);
}

Bytes from(Bytes bytes, std::size_t offset) {
    return bytes.subspan(std::min(offset, bytes.size()));
}

std::optional<Packet> parse_ipv4(Bytes bytes) {
    if (bytes.size() < 20) return std::nullopt;
    return Packet{.source = IpAddress::v4(bytes.subspan<12, 4>()),
                  .destination = IpAddress::v4(bytes.subspan<16, 4>()),
                  .protocol = bytes[9],
                  .later_fragment = (read16(bytes, 6) & 0x1fff) != 0,
                  .payload = from(bytes, static_cast<std::size_t>(bytes[0] & 0x0f) * 4)};
}

bool is_extension(std::uint8_t protocol) {
    return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
           protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT;
}

void skip_extensions(Packet& packet) {
    while (is_extension(packet.protocol) && packet.payload.size() >= 8) {
        const bool fragment = packet.protocol == IPPROTO_FRAGMENT;
        const std::size_t length =
            fragment ? 8 : (static_cast<std::size_t>(packet.payload[1]) + 1) * 8;
        if (fragment) packet.later_fragment = (read16(packet.payload, 2) & 0xfff8) != 0;
        packet.protocol = packet.payload[0];
        packet.payload = from(packet.payload, length);
    }
}

std::optional<Packet> parse_ipv6(Bytes bytes) {
    if (bytes.size() < 40) return std::nullopt;
    Packet packet{.source = IpAddress::v6(bytes.subspan<8, 16>()),
                  .destination = IpAddress::v6(bytes.subspan<24, 16>()),
                  .protocol = bytes[6],
                  .payload = from(bytes, 40)};
    skip_extensions(packet);
    return packet;
}

// A message type of 1 to 4 followed by three zero bytes, from one WireGuard port to another: clear
// text sent to the port does not pass for encrypted.
bool is_wireguard(const Packet& packet, const WireRules& rules) {
    if (packet.protocol != IPPROTO_UDP || packet.payload.size() < 12) return false;
    const Bytes message = packet.payload.subspan(8);
    return rules.wireguard_ports.contains(read16(packet.payload, 0)) &&
           rules.wireguard_ports.contains(read16(packet.payload, 2)) && message[0] >= 1 &&
           message[0] <= 4 && message[1] == 0 && message[2] == 0 && message[3] == 0;
}

bool is_neighbour(const Packet& packet) {
    if (packet.protocol != IPPROTO_ICMPV6 || packet.payload.empty()) return false;
    const std::uint8_t type = packet.payload[0];
    return (type >= 130 && type <= 137) || type == 143;  // RFC 2710, 4861, 3810
}

bool is_protected(const IpAddress& address, const WireRules& rules) {
    return std::ranges::any_of(rules.protected_prefixes,
                               [&](const Prefix& prefix) { return prefix.contains(address); });
}

FrameKind classify_packet(const Packet& packet, const WireRules& rules) {
    if (packet.later_fragment) return FrameKind::other;  // the first one has been judged
    if (is_wireguard(packet, rules)) return FrameKind::wireguard;
    if (is_neighbour(packet)) return FrameKind::neighbour;
    const bool both = is_protected(packet.source, rules) && is_protected(packet.destination, rules);
    return both ? FrameKind::clear : FrameKind::other;
}

}  // namespace

FrameKind classify(Bytes frame, const WireRules& rules) {
    std::size_t offset = 12;
    while (frame.size() >= offset + 2 &&
           (read16(frame, offset) == kEtherVlan || read16(frame, offset) == kEtherProviderVlan)) {
        offset += 4;
    }
    if (frame.size() < offset + 2) return FrameKind::other;
    const std::uint16_t type = read16(frame, offset);
    if (type == kEtherArp) return FrameKind::neighbour;
    std::optional<Packet> packet;
    if (type == kEtherIpv4) packet = parse_ipv4(frame.subspan(offset + 2));
    if (type == kEtherIpv6) packet = parse_ipv6(frame.subspan(offset + 2));
    return packet ? classify_packet(*packet, rules) : FrameKind::other;
}

std::string hex_head(Bytes frame) {
    std::string text;
    for (const std::uint8_t byte : frame.first(std::min(frame.size(), kHexBytes))) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

}  // namespace wgs::test
