// SPDX-License-Identifier: Apache-2.0
#include "model/key.h"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>

namespace wgs {
namespace {

constexpr std::size_t kBase64Length = 44;
constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;

bool decode(std::string_view base64, std::span<std::uint8_t, 32> bytes) {
    std::size_t length = 0;
    return base64.size() == kBase64Length &&
           sodium_base642bin(bytes.data(), bytes.size(), base64.data(), base64.size(), nullptr,
                             &length, nullptr, kVariant) == 0 &&
           length == bytes.size();
}

std::string encode(std::span<const std::uint8_t, 32> bytes) {
    std::string text(kBase64Length + 1, '\0');  // libsodium writes the terminator as well
    sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), kVariant);
    text.pop_back();
    return text;
}

}  // namespace

PublicKey::PublicKey(std::span<const std::uint8_t, kSize> bytes) {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

Result<PublicKey> PublicKey::parse(std::string_view base64) {
    PublicKey key;
    if (!decode(base64, key.bytes_)) return invalid("not a public key (32 bytes in base64)");
    if (key.is_zero()) return invalid("the all-zero public key is not a key");
    return key;
}

bool PublicKey::is_zero() const {
    return sodium_is_zero(bytes_.data(), bytes_.size()) == 1;
}

std::string PublicKey::to_base64() const {
    return encode(bytes_);
}

PrivateKey::PrivateKey(Secret<kSize> bytes) : secret_(std::move(bytes)) {
    const auto raw = secret_.mutable_bytes();
    raw[0] &= 0xf8;
    raw[31] = static_cast<std::uint8_t>((raw[31] & 0x7f) | 0x40);
}

PrivateKey PrivateKey::generate() {
    if (sodium_init() < 0) throw std::runtime_error("no source of randomness");
    Secret<kSize> bytes;
    randombytes_buf(bytes.mutable_bytes().data(), kSize);
    return PrivateKey(std::move(bytes));
}

Result<PrivateKey> PrivateKey::parse(std::string_view base64) {
    Secret<kSize> bytes;
    if (!decode(base64, bytes.mutable_bytes())) {
        return invalid("not a private key (32 bytes in base64)");
    }
    return PrivateKey(std::move(bytes));
}

PublicKey PrivateKey::public_key() const {
    std::array<std::uint8_t, kSize> bytes{};
    crypto_scalarmult_curve25519_base(bytes.data(), secret_.bytes().data());
    return PublicKey(bytes);
}

std::string PrivateKey::to_base64() const {
    return encode(secret_.bytes());
}

std::string PrivateKey::to_hex() const {
    std::string text(2 * kSize + 1, '\0');  // libsodium writes the terminator as well
    sodium_bin2hex(text.data(), text.size(), secret_.bytes().data(), kSize);
    text.pop_back();
    return text;
}

}  // namespace wgs
