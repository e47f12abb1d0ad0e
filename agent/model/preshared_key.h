// SPDX-License-Identifier: Apache-2.0
// WireGuard's pre-shared keys.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/secret.h"

namespace wgs {

// Tells keys apart without being one; zero: no key. It stays in memory.
using KeyPrint = std::array<std::uint8_t, 16>;
KeyPrint print_of(std::span<const std::uint8_t, 32> preshared_key);

// Copies share the bytes, which are wiped with the last of them.
class PresharedKey {
  public:
    static constexpr std::size_t kSize = 32;
    // All zero, as WireGuard has it where there is none.
    PresharedKey();
    explicit PresharedKey(Secret<kSize> bytes);

    [[nodiscard]] std::span<const std::uint8_t, kSize> bytes() const { return secret_->bytes(); }
    [[nodiscard]] const KeyPrint& print() const { return print_; }
    bool operator==(const PresharedKey& other) const { return print_ == other.print_; }

  private:
    std::shared_ptr<const Secret<kSize>> secret_;
    KeyPrint print_{};
};

}  // namespace wgs
