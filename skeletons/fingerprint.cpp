// SPDX-License-Identifier: Apache-2.0
#include "skeletons/fingerprint.h"

#include <sodium.h>

#include <array>
#include <string_view>

namespace wgs {
namespace {

class Hash {
  public:
    Hash() { crypto_generichash_init(&state_, nullptr, 0, digest_.size()); }

    // Each part with its size, so that no two lists of parts are the same bytes.
    void add(std::span<const std::byte> part) {
        const std::uint64_t size = part.size();
        add_bytes(&size, sizeof(size));
        add_bytes(part.data(), part.size());
    }

    std::string hex() {
        crypto_generichash_final(&state_, digest_.data(), digest_.size());
        std::array<char, 2 * crypto_generichash_BYTES + 1> text{};
        sodium_bin2hex(text.data(), text.size(), digest_.data(), digest_.size());
        return text.data();
    }

  private:
    void add_bytes(const void* bytes, std::size_t size) {
        crypto_generichash_update(&state_, static_cast<const unsigned char*>(bytes), size);
    }

    crypto_generichash_state state_{};
    std::array<unsigned char, crypto_generichash_BYTES> digest_{};
};

// Names every member, so that one added later cannot be forgotten here.
std::array<std::uint32_t, 11> values_of(const ProgramSettings& settings) {
    const auto& [policy_require, hosts, overlay, fast, fwmark, decrypted_mark, mark_mask, max_peers,
                 tunnels, guard_sees_decrypted, crypto_latency] = settings;
    return {policy_require, hosts,     overlay,   fast,    fwmark,
            decrypted_mark, mark_mask, max_peers, tunnels, guard_sees_decrypted,
            crypto_latency};
}

}  // namespace

std::string fingerprint(const std::vector<std::span<const std::byte>>& images,
                        const ProgramSettings& settings, const std::vector<std::uint32_t>& ids) {
    Hash hash;
    hash.add(std::as_bytes(std::span(std::string_view(WGS_VERSION))));
    for (const auto& image : images)
        hash.add(image);
    const auto values = values_of(settings);
    hash.add(std::as_bytes(std::span(values)));
    hash.add(std::as_bytes(std::span(ids)));
    return hash.hex();
}

}  // namespace wgs
