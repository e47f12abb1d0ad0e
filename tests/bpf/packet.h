// SPDX-License-Identifier: Apache-2.0
// Packets as tests write them: ethernet{} / ipv4{.src = "10.1.0.1", .dst = "10.2.0.1"} / udp{.dport
// = 80}. Lengths, checksums and the numbers of next protocols are filled in unless a field
// overrides them.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace wgs {

using Bytes = std::vector<std::uint8_t>;
using Mac = std::array<std::uint8_t, 6>;

// NOLINTBEGIN(readability-identifier-naming): tests read as packets, ipv4{...} / udp{...}.
struct ethernet {
    Mac src{0x02, 0, 0, 0, 0, 0x01};
    Mac dst{0x02, 0, 0, 0, 0, 0x02};
    std::optional<std::uint16_t> ethertype{};
};

struct vlan {
    std::uint16_t id = 1;
    std::uint16_t tag_type = 0x8100;  // of this tag itself
    std::optional<std::uint16_t> ethertype{};
};

struct ipv4 {
    std::string src = "10.1.0.1";
    std::string dst = "10.2.0.1";
    std::uint8_t ttl = 64;
    std::uint8_t option_words = 0;
    std::uint16_t fragment_offset = 0;  // in units of 8 bytes
    bool more_fragments = false;
    bool dont_fragment = false;
    std::uint8_t tos = 0;
    std::uint16_t identification = 0x1234;
    std::optional<std::uint8_t> protocol{};
    std::optional<std::uint8_t> first_byte{};  // version and header length
};

struct ipv6 {
    std::string src = "fd10:1::1";
    std::string dst = "fd10:2::1";
    std::uint8_t hop_limit = 64;
    std::optional<std::uint8_t> protocol{};
    std::optional<std::uint8_t> first_byte{};
};

// Hop-by-hop options (0), routing (43) or destination options (60); filled with padding.
struct extension {
    std::uint8_t type = 60;
    std::uint8_t length = 0;  // in units of 8 bytes, not counting the first
    std::optional<std::uint8_t> protocol{};
};

struct fragment {
    std::uint16_t offset = 0;  // in units of 8 bytes
    bool more_fragments = false;
    std::optional<std::uint8_t> protocol{};
};

struct authentication {
    std::uint8_t length = 4;  // in units of 4 bytes, minus 2
    std::optional<std::uint8_t> protocol{};
};

struct udp {
    std::uint16_t sport = 1000;
    std::uint16_t dport = 2000;
    std::optional<std::uint16_t> length{};
};

struct tcp {
    std::uint16_t sport = 1000;
    std::uint16_t dport = 2000;
    std::uint8_t flags = 0x02;  // SYN
    Bytes options{};            // a multiple of 4 bytes
};

struct icmp {
    std::uint8_t type = 8;
    std::uint8_t code = 0;
    std::uint32_t rest = 0x00010001;  // of the header: identifier and sequence, or an MTU
};

struct icmp6 {
    std::uint8_t type = 128;
    std::uint8_t code = 0;
    std::uint32_t rest = 0x00010001;
};

struct raw {
    Bytes content;
};

// A WireGuard message of `size` bytes in all.
struct wireguard {
    std::uint8_t type = 4;
    std::size_t size = 96;
    std::array<std::uint8_t, 3> reserved{};
};

struct payload {
    std::size_t size = 16;
};
// NOLINTEND(readability-identifier-naming)

using Layer = std::variant<ethernet, vlan, ipv4, ipv6, extension, fragment, authentication, udp,
                           tcp, icmp, icmp6, wireguard, payload, raw>;

class Packet {
  public:
    template <class First>
    requires std::is_constructible_v<Layer, First>
    // NOLINTNEXTLINE(google-explicit-constructor): a packet may be one layer.
    Packet(First first) : layers_{Layer(std::move(first))} {}

    friend Packet operator/(Packet outer, const Packet& inner);
    // All layers from `first` on, outermost being 0.
    [[nodiscard]] Bytes bytes(std::size_t first = 0) const;

  private:
    std::vector<Layer> layers_;
};

// Declared here so that two layers find it too.
Packet operator/(Packet outer, const Packet& inner);

// Equal, or a failure that shows both.
testing::AssertionResult same_bytes(const Bytes& expected, const Bytes& actual);
std::string hex_dump(const Bytes& bytes);

}  // namespace wgs
