// SPDX-License-Identifier: Apache-2.0
// IP addresses, prefixes and UDP endpoints as ordered values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace wgs {

enum class Family : std::uint8_t { v4 = 4, v6 = 6 };

class IpAddress {
  public:
    // 0.0.0.0
    IpAddress() = default;
    static IpAddress v4(std::span<const std::uint8_t, 4> bytes);
    static IpAddress v6(std::span<const std::uint8_t, 16> bytes);
    // Accepts what inet_pton accepts; nothing with a scope, a port or a mask.
    static Result<IpAddress> parse(std::string_view text);

    [[nodiscard]] Family family() const { return family_; }
    [[nodiscard]] int bits() const { return family_ == Family::v4 ? 32 : 128; }
    // 4 or 16 bytes in network byte order.
    [[nodiscard]] std::span<const std::uint8_t> bytes() const;
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_link_local() const;
    [[nodiscard]] bool is_multicast() const;
    [[nodiscard]] bool is_unspecified() const;

    auto operator<=>(const IpAddress&) const = default;

  private:
    Family family_ = Family::v4;
    std::array<std::uint8_t, 16> bytes_{};  // IPv4 uses the first four; the rest stays zero
};

class Prefix {
  public:
    // 0.0.0.0/0
    Prefix() = default;
    // The single address: /32 or /128.
    explicit Prefix(const IpAddress& address)
        : address_(address), length_(static_cast<std::uint8_t>(address.bits())) {}
    // Host bits are cleared. `length` is within 0..address.bits().
    Prefix(const IpAddress& address, int length);
    // "10.1.0.0/24". A missing length, or host bits that are set, is an error.
    static Result<Prefix> parse(std::string_view text);

    [[nodiscard]] const IpAddress& address() const { return address_; }
    [[nodiscard]] int length() const { return length_; }
    [[nodiscard]] Family family() const { return address_.family(); }
    [[nodiscard]] bool contains(const IpAddress& address) const;
    [[nodiscard]] bool contains(const Prefix& other) const;
    [[nodiscard]] std::string to_string() const;

    auto operator<=>(const Prefix&) const = default;

  private:
    IpAddress address_;
    std::uint8_t length_ = 0;
};

// A UDP endpoint; the port is in host byte order.
struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    [[nodiscard]] std::string to_string() const;  // "192.0.2.1:51820", "[2001:db8::1]:51820"
    auto operator<=>(const Endpoint&) const = default;
};

}  // namespace wgs
