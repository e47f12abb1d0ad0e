// SPDX-License-Identifier: Apache-2.0
#include "model/cluster_secret.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/secret_file.h"

namespace wgs {
namespace {

constexpr std::string_view kKeyContext = "wgsteer cluster secret v1";
constexpr std::string_view kIdContext = "wgsteer secret id v1";
constexpr std::string_view kPairContext = "wgsteer pair key v1";
constexpr std::size_t kIdBytes = 8;
constexpr std::size_t kMaxDerived = 16'384;

// BLAKE2b of the parts, keyed if there is a key.
class Hash {
  public:
    Hash(std::span<const std::uint8_t> key, std::size_t size) : size_(size) {
        crypto_generichash_init(&state_, key.empty() ? nullptr : key.data(), key.size(), size);
    }
    Hash(const Hash&) = delete;
    Hash& operator=(const Hash&) = delete;
    ~Hash() { sodium_memzero(&state_, sizeof(state_)); }

    Hash& add(std::string_view text) {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): text as bytes.
        return add(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
    }
    Hash& add(std::span<const std::uint8_t> bytes) {
        crypto_generichash_update(&state_, bytes.data(), bytes.size());
        return *this;
    }
    void end(std::uint8_t* result) { crypto_generichash_final(&state_, result, size_); }

  private:
    crypto_generichash_state state_{};
    std::size_t size_;
};

}  // namespace

Result<ClusterSecret> ClusterSecret::from(std::string_view bytes) {
    if (bytes.size() < kShortest || bytes.size() > kLongest) {
        return invalid("a cluster secret has " + std::to_string(kShortest) + " to " +
                       std::to_string(kLongest) + " bytes");
    }
    Secret<32> key;
    Hash({}, 32).add(kKeyContext).add(bytes).end(key.mutable_bytes().data());
    return ClusterSecret(std::move(key));
}

ClusterSecret::ClusterSecret(Secret<32> key) : key_(std::move(key)) {
    std::array<std::uint8_t, 16> hash{};
    Hash(key_.bytes(), hash.size()).add(kIdContext).end(hash.data());
    std::array<char, 2 * kIdBytes + 1> text{};
    sodium_bin2hex(text.data(), text.size(), hash.data(), kIdBytes);
    id_ = text.data();
}

PresharedKey ClusterSecret::derive(const PublicKey& one, const PublicKey& other) const {
    Secret<32> key;
    Hash(key_.bytes(), 32)
        .add(kPairContext)
        .add(std::min(one, other).bytes())
        .add(std::max(one, other).bytes())
        .end(key.mutable_bytes().data());
    return PresharedKey(std::move(key));
}

Result<ClusterSecret> load_cluster_secret(const std::string& path) {
    SecretText text = WGS_TRY(read_secret_file(path, "the cluster secret",
                                               ClusterSecret::kLongest + 2, Symlinks::follow));
    if (text.get().size() > ClusterSecret::kShortest) text.drop_newline();
    return ClusterSecret::from(text.get()).within(path);
}

bool is_secret_id(std::string_view text) {
    return text.size() == 2 * kIdBytes && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

std::vector<std::string> ClusterSecrets::ids() const {
    std::vector<std::string> ids;
    for (const ClusterSecret& secret : secrets_)
        ids.push_back(secret.id());
    return ids;
}

bool ClusterSecrets::any_of(const std::vector<std::string>& ids) const {
    return std::ranges::any_of(secrets_, [&](const ClusterSecret& secret) {
        return std::ranges::find(ids, secret.id()) != ids.end();
    });
}

const ClusterSecret* ClusterSecrets::common(const PublicKey& self, const PublicKey& peer,
                                            const std::vector<std::string>& peer_ids) const {
    const auto rank = [&](const ClusterSecret& secret) {
        return std::ranges::find(peer_ids, secret.id()) - peer_ids.begin();
    };
    const auto unknown = std::ssize(peer_ids);
    const ClusterSecret* best = nullptr;
    for (const ClusterSecret& secret : secrets_) {
        if (rank(secret) == unknown) continue;
        if (best == nullptr || (peer < self && rank(secret) < rank(*best))) best = &secret;
    }
    return best;
}

PresharedKey ClusterSecrets::key_for(const PublicKey& self, const PublicKey& peer,
                                     const std::vector<std::string>& peer_ids) const {
    if (secrets_.empty()) return {};
    const ClusterSecret* chosen = common(self, peer, peer_ids);
    // Who says nothing of secrets may still have the one which has been there for longer.
    const ClusterSecret& secret = chosen != nullptr ? *chosen : secrets_.back();
    if (derived_.size() > kMaxDerived) derived_.clear();  // of peers that have left
    Derived& derived = derived_[peer];
    if (derived.id != secret.id() || derived.self != self) {
        derived = {.id = secret.id(), .self = self, .key = secret.derive(self, peer)};
    }
    return derived.key;
}

}  // namespace wgs
