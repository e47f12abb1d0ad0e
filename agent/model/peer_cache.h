// SPDX-License-Identifier: Apache-2.0
// The nodes of the mesh as the source tells them, and the rules of ownership between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/claims.h"
#include "model/ip.h"
#include "model/node.h"
#include "model/prefix_rules.h"
#include "model/tunnels.h"

namespace wgs {

// A claim that a rule refused, for status and metrics.
struct Rejection {
    std::string node;
    std::string what;    // the prefix, address or key in text form
    std::string reason;  // one line

    auto operator<=>(const Rejection&) const = default;
};

// A node in one of our tunnels.
struct TunnelPeer {
    std::optional<PublicKey> public_key;
    // Of the addresses of a family that self has, which are not self's: the first one that is on
    // the link of an underlay device, else the first.
    std::optional<Endpoint> endpoint;
    bool key_conflict = false;  // another node, or self, has the same public key there

    bool operator==(const TunnelPeer&) const = default;
};

struct CachedPeer {
    NodeInfo info;
    bool away = false;                // the source has no sign of life of it
    std::vector<TunnelPeer> tunnels;  // by TunnelIndex
    ClassedPrefixes prefixes;         // what this node really owns, after all rules
};

// It has an endpoint, and a key of its own.
[[nodiscard]] inline bool is_programmable(const TunnelPeer& peer) {
    return peer.public_key && !peer.key_conflict && peer.endpoint;
}

// What of a node goes through which tunnel: with several each one has a family.
[[nodiscard]] std::span<const std::pair<Prefix, PrefixClass>> prefixes_in(const CachedPeer& peer,
                                                                          TunnelIndex tunnel);
// The tunnels in which there is something of the node, a key or a prefix; the first if there is
// nothing at all.
[[nodiscard]] std::vector<TunnelIndex> tunnels_of(const CachedPeer& peer);

// What is no longer as it was. The peers that hold these prefixes, and those that held them, are
// among the peers named.
struct CacheChanges {
    bool everything = false;         // what self is, or whether the source is complete
    std::vector<std::string> peers;  // new, changed or gone; sorted
    std::vector<Prefix> prefixes;    // in other hands or of another class; sorted
};

// Rules:
//  - A prefix belongs to one node. While its holder claims it, later claims are refused; of claims
//    made together (between two resolutions) the node whose name sorts first wins. An address
//    counts as a /32 or /128 of class `node`. Nested prefixes are different prefixes: the longer
//    one wins.
//  - Refused as well: what self owns and anything inside self's own prefixes, but for single
//    addresses where those are lent; prefixes of length 0; those that touch loopback, link-local,
//    multicast or reserved ranges; and pod prefixes outside `cluster_prefixes` when any are given,
//    or else those shorter than /8 (IPv6: /16).
//  - A public key belongs to one node; with two claimants (self is one) neither is usable. Each
//    tunnel is judged by itself.
//  - Self is never a peer.
//  - Nodes beyond `max_peers` wait outside, in order of name, until one inside leaves; prefixes of
//    a node beyond `max_prefixes_per_node`, in the order the node lists them, are refused.
// What was told is resolved when somebody asks, at the cost of what has changed.
class PeerCache {
  public:
    struct Limits {
        std::size_t max_peers = 4096;
        std::size_t max_prefixes_per_node = 65536;
        std::vector<Prefix> cluster_prefixes;  // empty: no limit
        Lending lending = Lending::never;
        bool per_family = false;  // each family has a tunnel of its own
    };

    PeerCache(NodeInfo self, Limits limits);

    // Each returns whether what peers() or rejections() show may have changed. Telling the same
    // again changes nothing.
    bool upsert(const NodeInfo& node);
    bool remove(const std::string& name);
    bool set_self(const NodeInfo& self);
    // What is on the links of the underlay devices.
    bool set_networks(std::vector<Prefix> networks);
    // The node stays as it was; the next upsert() ends it.
    bool set_away(const std::string& name);
    // Names the holder of a prefix before any node claims it: what a restarted agent found in the
    // maps. Others cannot take it until the first mark_complete(), which forgets the seeds whose
    // node does not claim them. Without effect after that.
    void seed_holder(const Prefix& prefix, const std::string& node);
    // The source has told everything it knows; only now may leftovers be removed.
    void mark_complete();

    [[nodiscard]] bool complete() const { return complete_; }
    [[nodiscard]] const NodeInfo& self() const { return self_; }
    // By name.
    [[nodiscard]] const std::map<std::string, CachedPeer>& peers() const;
    // Sorted; of each node kShownRejections at most. Costs a walk over all peers after each change.
    [[nodiscard]] const std::vector<Rejection>& rejections() const;
    // All of them, whether shown or not.
    [[nodiscard]] std::size_t rejection_count() const;
    static constexpr std::size_t kShownRejections = 64;
    // Since the last call.
    [[nodiscard]] CacheChanges take_changes();
    // Names of nodes that had a key and have told another one, each time, since the last call.
    [[nodiscard]] std::vector<std::string> take_rekeyed() { return std::exchange(rekeyed_, {}); }

  private:
    using Peers = std::map<std::string, CachedPeer>;

    [[nodiscard]] const NodeInfo* last_word(const std::string& name) const;
    void resolve() const;
    void take_pending() const;
    void admit(const std::string& name, NodeInfo node) const;
    void expel(Peers::iterator peer) const;
    void change(Peers::value_type& peer, NodeInfo node) const;
    [[nodiscard]] ClassedPrefixes judge_claims(const std::string& name, const NodeInfo& node) const;
    void touch_key(TunnelIndex tunnel, const std::optional<PublicKey>& key) const;
    void change_key(Peers::value_type& peer, TunnelIndex tunnel,
                    const std::optional<PublicKey>& key) const;
    void find_key_conflicts() const;
    void note_conflicts(const std::string& name, const CachedPeer& peer) const;
    void settle_claims() const;
    void collect_rejections() const;
    [[nodiscard]] PrefixRules rules() const {
        return {self_, limits_.cluster_prefixes, limits_.max_prefixes_per_node, limits_.lending};
    }
    [[nodiscard]] TunnelIndex tunnel_count() const { return wgs::tunnel_count(limits_.per_family); }
    [[nodiscard]] std::optional<Endpoint> choose_endpoint(const NodeInfo& node,
                                                          TunnelIndex tunnel) const;

    struct TunnelKey {
        TunnelIndex tunnel = 0;
        PublicKey key;
        auto operator<=>(const TunnelKey&) const = default;
    };

    // What the rules refuse of a node's prefixes: the first ones, and how many there are.
    struct Refused {
        std::vector<Rejection> shown;
        std::size_t count = 0;
    };

    NodeInfo self_;
    std::vector<Prefix> networks_;
    Limits limits_;
    bool complete_ = false;

    // The last word on each node since the last resolution; none: it has left.
    mutable std::map<std::string, std::optional<NodeInfo>> pending_;
    mutable bool self_pending_ = false;

    // The outcome of the last resolution, from which the next one goes on.
    mutable Peers peers_;
    mutable std::map<std::string, NodeInfo> outside_;  // beyond max_peers
    mutable std::multimap<TunnelKey, Peers::value_type*> keys_;
    mutable Claims claims_;
    mutable std::map<std::string, Refused> refused_;  // by node
    mutable std::set<std::string> conflicting_;       // nodes that share a key of theirs
    mutable std::vector<Rejection> rejections_;
    mutable std::size_t rejection_count_ = 0;
    mutable bool rejections_stale_ = false;

    // Of the resolution under way.
    mutable std::set<TunnelKey> touched_keys_;
    mutable std::set<std::string> touched_peers_;  // whose prefixes are to be listed anew

    mutable CacheChanges changes_;
    mutable std::vector<std::string> rekeyed_;
};

}  // namespace wgs
