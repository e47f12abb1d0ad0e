// SPDX-License-Identifier: Apache-2.0
#include "model/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace wgs {
namespace {

constexpr std::size_t kBytes4 = 4;

bool is_decimal(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

IpAddress IpAddress::v4(std::span<const std::uint8_t, 4> bytes) {
    IpAddress address;
    std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
    return address;
}

IpAddress IpAddress::v6(std::span<const std::uint8_t, 16> bytes) {
    IpAddress address;
    address.family_ = Family::v6;
    std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
    return address;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string terminated(text);
    IpAddress address;
    const bool embedded_zero = terminated.find('\0') != std::string::npos;
    if (!embedded_zero && ::inet_pton(AF_INET, terminated.c_str(), address.bytes_.data()) == 1) {
        return address;
    }
    address.family_ = Family::v6;
    if (!embedded_zero && ::inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) == 1) {
        return address;
    }
    return invalid(in_quotes(text) + " is not an IP address");
}

std::span<const std::uint8_t> IpAddress::bytes() const {
    return std::span(bytes_).first(family_ == Family::v4 ? kBytes4 : bytes_.size());
}

std::string IpAddress::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(family_ == Family::v4 ? AF_INET : AF_INET6, bytes_.data(), text.data(),
                text.size());
    return text.data();
}

bool IpAddress::is_loopback() const {
    if (family_ == Family::v4) return bytes_[0] == 127;
    return bytes_ == std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
}

bool IpAddress::is_link_local() const {
    if (family_ == Family::v4) return bytes_[0] == 169 && bytes_[1] == 254;
    return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::is_multicast() const {
    return family_ == Family::v4 ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

bool IpAddress::is_unspecified() const {
    return bytes_ == std::array<std::uint8_t, 16>{};
}

Prefix::Prefix(const IpAddress& address, int length) : length_(static_cast<std::uint8_t>(length)) {
    std::array<std::uint8_t, 16> bytes{};
    std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
    const auto whole = static_cast<std::size_t>(length) / 8;
    for (std::size_t i = whole; i < bytes.size(); ++i) {
        const int kept_bits = i == whole ? length % 8 : 0;
        bytes[i] = static_cast<std::uint8_t>(bytes[i] & ~(0xff >> kept_bits));
    }
    address_ = address.family() == Family::v4 ? IpAddress::v4(std::span(bytes).first<kBytes4>())
                                              : IpAddress::v6(bytes);
}

Result<Prefix> Prefix::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address || slash == std::string_view::npos) {
        return invalid(in_quotes(text) + " is not a prefix (ADDRESS/LENGTH)");
    }
    const std::string_view digits = text.substr(slash + 1);
    int length = -1;
    if (is_decimal(digits)) std::from_chars(digits.begin(), digits.end(), length);
    if (length < 0 || length > address->bits()) {
        return invalid(in_quotes(text) + " has no valid prefix length");
    }
    const Prefix prefix(*address, length);
    if (prefix.address() != *address) {
        return invalid(in_quotes(text) + " has host bits set; did you mean " + prefix.to_string() +
                       "?");
    }
    return prefix;
}

bool Prefix::contains(const IpAddress& address) const {
    return address.family() == family() && Prefix(address, length_).address_ == address_;
}

bool Prefix::contains(const Prefix& other) const {
    return other.length_ >= length_ && contains(other.address_);
}

std::string Prefix::to_string() const {
    return address_.to_string() + "/" + std::to_string(length_);
}

std::string Endpoint::to_string() const {
    const std::string host = address.to_string();
    return (address.family() == Family::v4 ? host : "[" + host + "]") + ":" + std::to_string(port);
}

}  // namespace wgs
