// SPDX-License-Identifier: Apache-2.0
// What all nodes of a cluster know, and nobody else: who does not know it gets no session.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "model/key.h"
#include "model/preshared_key.h"

namespace wgs {

class ClusterSecret {
  public:
    static constexpr std::size_t kShortest = 32;
    static constexpr std::size_t kLongest = 4096;
    // Bytes of any kind, kShortest of them at least.
    static Result<ClusterSecret> from(std::string_view bytes);

    // By which nodes tell one another which secrets they know: 16 hexadecimal digits.
    [[nodiscard]] const std::string& id() const { return id_; }
    // Of a pair, in either order.
    [[nodiscard]] PresharedKey derive(const PublicKey& one, const PublicKey& other) const;

  private:
    explicit ClusterSecret(Secret<32> key);

    Secret<32> key_;
    std::string id_;
};

// Loads a secret from a file with the privileges of a private key; a newline at its end does not
// count.
Result<ClusterSecret> load_cluster_secret(const std::string& path);

[[nodiscard]] bool is_secret_id(std::string_view text);

// The secrets that this node knows: one, and while they are exchanged a newer one.
class ClusterSecrets {
  public:
    ClusterSecrets() = default;
    // Newest first.
    explicit ClusterSecrets(std::vector<ClusterSecret> secrets) : secrets_(std::move(secrets)) {}

    [[nodiscard]] bool empty() const { return secrets_.empty(); }
    // Newest first.
    [[nodiscard]] std::vector<std::string> ids() const;
    // Whether one of them has such an id.
    [[nodiscard]] bool any_of(const std::vector<std::string>& ids) const;
    // The newest one that both sides know; where the two disagree on which is newer, the side with
    // the smaller public key has its way. None: there is none in common, or none is known here.
    [[nodiscard]] const ClusterSecret* common(const PublicKey& self, const PublicKey& peer,
                                              const std::vector<std::string>& peer_ids) const;
    // For a session with a peer, which says what it knows. Where nothing is in common, it is a key
    // that a peer without our secret cannot have; without secrets it is none at all.
    [[nodiscard]] PresharedKey key_for(const PublicKey& self, const PublicKey& peer,
                                       const std::vector<std::string>& peer_ids) const;

  private:
    struct Derived {
        std::string id;
        PublicKey self;
        PresharedKey key;
    };
    std::vector<ClusterSecret> secrets_;
    mutable std::map<PublicKey, Derived> derived_;  // as last asked for, by peer
};

}  // namespace wgs
