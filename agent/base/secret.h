// SPDX-License-Identifier: Apache-2.0
// Bytes that must not be copied by accident, printed, or left behind in memory.
#pragma once

#include <sodium.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace wgs {

template <std::size_t Size>
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::span<const std::uint8_t, Size> bytes) {
        for (std::size_t i = 0; i < Size; ++i)
            bytes_[i] = bytes[i];
    }
    Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            bytes_ = other.bytes_;
            other.wipe();
        }
        return *this;
    }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(); }

    [[nodiscard]] std::span<const std::uint8_t, Size> bytes() const { return bytes_; }
    [[nodiscard]] std::span<std::uint8_t, Size> mutable_bytes() { return bytes_; }
    void wipe() { sodium_memzero(bytes_.data(), bytes_.size()); }

  private:
    std::array<std::uint8_t, Size> bytes_{};
};

}  // namespace wgs
