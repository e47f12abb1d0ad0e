// SPDX-License-Identifier: Apache-2.0
// Curve25519 keys as WireGuard uses them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"

namespace wgs {

class PublicKey {
  public:
    static constexpr std::size_t kSize = 32;
    PublicKey() = default;
    explicit PublicKey(std::span<const std::uint8_t, kSize> bytes);
    // Standard base64, 44 characters. The all-zero key is an error.
    static Result<PublicKey> parse(std::string_view base64);

    [[nodiscard]] const std::array<std::uint8_t, kSize>& bytes() const { return bytes_; }
    [[nodiscard]] bool is_zero() const;
    [[nodiscard]] std::string to_base64() const;
    auto operator<=>(const PublicKey&) const = default;

  private:
    std::array<std::uint8_t, kSize> bytes_{};
};

class PrivateKey {
  public:
    static constexpr std::size_t kSize = 32;
    explicit PrivateKey(Secret<kSize> bytes);  // clamps, as the kernel does
    static PrivateKey generate();
    static Result<PrivateKey> parse(std::string_view base64);

    [[nodiscard]] std::span<const std::uint8_t, kSize> bytes() const { return secret_.bytes(); }
    [[nodiscard]] PublicKey public_key() const;
    // Base64 for the key file and hexadecimal for wireguard-go's protocol. The caller wipes the
    // text.
    [[nodiscard]] std::string to_base64() const;
    [[nodiscard]] std::string to_hex() const;

  private:
    Secret<kSize> secret_;
};

// Loads the key file, or creates it with mode 0600 if there is none. A file that others can read,
// of a wrong length or with bad content is refused and left as it is.
Result<PrivateKey> load_or_create_private_key(const std::string& path);

}  // namespace wgs
