// SPDX-License-Identifier: Apache-2.0
#include "model/preshared_key.h"

#include <utility>

namespace wgs {

KeyPrint print_of(std::span<const std::uint8_t, 32> preshared_key) {
    KeyPrint print{};
    if (sodium_is_zero(preshared_key.data(), preshared_key.size()) == 1) return print;
    crypto_generichash(print.data(), print.size(), preshared_key.data(), preshared_key.size(),
                       nullptr, 0);
    return print;
}

PresharedKey::PresharedKey() {
    static const auto kNone = std::make_shared<const Secret<kSize>>();
    secret_ = kNone;
}

PresharedKey::PresharedKey(Secret<kSize> bytes)
    : secret_(std::make_shared<const Secret<kSize>>(std::move(bytes))),
      print_(print_of(secret_->bytes())) {}

}  // namespace wgs
