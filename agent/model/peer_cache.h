// SPDX-License-Identifier: Apache-2.0
// The nodes of the mesh as the source tells them, and the rules of ownership between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/ip.h"
#include "model/node.h"

namespace wgs {

// A claim that a rule refused, for status and metrics.
struct Rejection {
    std::string node;
    std::string what;    // the prefix, address or key in text form
    std::string reason;  // one line

    auto operator<=>(const Rejection&) const = default;
};

enum class PrefixClass : std::uint8_t { pod = 0, node = 1 };

struct CachedPeer {
    NodeInfo info;
    std::optional<Endpoint> endpoint;        // the first address of a family that self has
    bool key_conflict = false;               // another node, or self, has the same public key
    std::map<Prefix, PrefixClass> prefixes;  // what this node really owns, after all rules
};

// Rules:
//  - A prefix belongs to one node. While its holder claims it, later claims are refused; of claims
//    made together (between two resolutions) the node whose name sorts first wins. An address
//    counts as a /32 or /128 of class `node`. Nested prefixes are different prefixes: the longer
//    one wins.
//  - Refused as well: what self owns and anything inside self's own prefixes; prefixes of length 0;
//    those that touch loopback, link-local, multicast or "this network" ranges; and pod prefixes
//    outside `cluster_prefixes` when any are given.
//  - A public key belongs to one node; with two claimants (self is one) neither is usable.
//  - Self is never a peer.
//  - Nodes beyond `max_peers` wait outside, in order of name, until one inside leaves; prefixes of
//  a
//    node beyond `max_prefixes_per_node`, in the order the node lists them, are refused.
class PeerCache {
  public:
    struct Limits {
        std::size_t max_peers = 4096;
        std::size_t max_prefixes_per_node = 65536;
        std::vector<Prefix> cluster_prefixes;  // empty: no limit
    };

    PeerCache(NodeInfo self, Limits limits);

    // Each returns whether what peers() or rejections() show may have changed. Telling the same
    // again changes nothing.
    bool upsert(const NodeInfo& node);
    bool remove(const std::string& name);
    bool set_self(const NodeInfo& self);
    // Names the holder of a prefix before any node claims it: what a restarted agent found in the
    // maps. Others cannot take it until the first mark_complete(), which forgets the seeds whose
    // node does not claim them. Without effect after that.
    void seed_holder(const Prefix& prefix, const std::string& node);
    // The source has told everything it knows; only now may leftovers be removed.
    void mark_complete();

    [[nodiscard]] bool complete() const { return complete_; }
    [[nodiscard]] const NodeInfo& self() const { return self_; }
    // By name; recomputed lazily after a change.
    [[nodiscard]] const std::map<std::string, CachedPeer>& peers() const;
    [[nodiscard]] const std::vector<Rejection>& rejections() const;

  private:
    struct Claim;

    void resolve() const;
    void admit() const;
    void find_key_conflicts() const;
    [[nodiscard]] std::vector<Claim> gather_claims() const;
    void award(const std::vector<Claim>& claims) const;
    [[nodiscard]] std::string choose_holder(std::span<const Claim> group) const;
    void gather_prefixes(CachedPeer& peer, std::vector<Claim>& claims) const;
    void consider(const Claim& claim, std::vector<Claim>& claims) const;
    [[nodiscard]] std::string_view reason_to_refuse(const Claim& claim) const;
    [[nodiscard]] std::optional<Endpoint> choose_endpoint(const NodeInfo& node) const;

    NodeInfo self_;
    Limits limits_;
    bool complete_ = false;
    std::map<std::string, NodeInfo> nodes_;
    std::map<Prefix, std::string> seeds_;  // empty once complete

    // The outcome of the last resolution; `holders_` and the names in `peers_` are also the
    // incumbents of the next one.
    mutable bool stale_ = true;
    mutable std::map<Prefix, std::string> holders_;
    mutable std::map<std::string, CachedPeer> peers_;
    mutable std::vector<Rejection> rejections_;
};

}  // namespace wgs
