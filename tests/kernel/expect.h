// SPDX-License-Identifier: Apache-2.0
// Shorthand for tests: results that must hold, and values from literals.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/ip.h"
#include "model/key.h"

#define ASSERT_OK(expression)                                                                      \
    do {                                                                                           \
        const auto& wgs_status = (expression);                                                     \
        ASSERT_TRUE(wgs_status) << #expression << ": " << wgs_status.error().message;              \
    } while (false)

namespace wgs::test {

inline Prefix prefix(std::string_view text) {
    return Prefix::parse(text).value();
}

inline Endpoint endpoint(std::string_view address, std::uint16_t port) {
    return Endpoint{.address = IpAddress::parse(address).value(), .port = port};
}

// A valid public key, a different one for each seed.
inline PublicKey peer_key(std::uint8_t seed) {
    std::array<std::uint8_t, PublicKey::kSize> bytes{};
    bytes.fill(seed);
    return PublicKey(bytes);
}

// `count` IPv4 and IPv6 host prefixes in turn, no two alike.
inline std::vector<Prefix> host_prefixes(std::size_t count) {
    std::vector<Prefix> prefixes;
    for (std::size_t i = 0; i < count; ++i) {
        const auto high = static_cast<std::uint8_t>(i >> 8U);
        const auto low = static_cast<std::uint8_t>(i);
        const std::array<std::uint8_t, 4> v4{10, 7, high, low};
        const std::array<std::uint8_t, 16> v6{0xfd, 7, 0, 0, 0, 0, 0,    0,
                                              0,    0, 0, 0, 0, 0, high, low};
        prefixes.emplace_back(i % 2 == 0 ? IpAddress::v4(v4) : IpAddress::v6(v6));
    }
    return prefixes;
}

}  // namespace wgs::test
