// SPDX-License-Identifier: Apache-2.0
#include "reference_cache.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace wgs::test {

struct ReferenceCache::Claim {
    Prefix prefix;
    CachedPeer* peer;
    PrefixClass prefix_class;
};

namespace {

std::optional<PublicKey> key_in(const NodeInfo& node, TunnelIndex tunnel) {
    return tunnel == 0 ? node.public_key : node.public_key_v6;
}

}  // namespace

ReferenceCache::ReferenceCache(NodeInfo self, PeerCache::Limits limits)
    : self_(std::move(self)), limits_(std::move(limits)) {}

void ReferenceCache::upsert(const NodeInfo& node) {
    nodes_.insert_or_assign(node.name, node);
    stale_ = true;
}

void ReferenceCache::remove(const std::string& name) {
    nodes_.erase(name);
    stale_ = true;
}

void ReferenceCache::set_self(const NodeInfo& self) {
    self_ = self;
    stale_ = true;
}

void ReferenceCache::seed_holder(const Prefix& prefix, const std::string& node) {
    if (complete_) return;
    seeds_[prefix] = node;
    stale_ = true;
}

void ReferenceCache::mark_complete() {
    if (complete_) return;
    resolve();  // so that seeds which are claimed become holders
    seeds_.clear();
    complete_ = true;
    stale_ = true;
}

const std::map<std::string, CachedPeer>& ReferenceCache::peers() {
    resolve();
    return peers_;
}

const std::vector<Rejection>& ReferenceCache::rejections() {
    resolve();
    return rejections_;
}

void ReferenceCache::resolve() {
    if (!std::exchange(stale_, false)) return;
    rejections_.clear();
    admit();
    find_key_conflicts();
    award(gather_claims());
    std::sort(rejections_.begin(), rejections_.end());
}

void ReferenceCache::reject(const std::string& node, std::string what, std::string reason) {
    rejections_.push_back({.node = node, .what = std::move(what), .reason = std::move(reason)});
}

// Fills peers_ with the nodes inside the limit: those already in first, then by name.
void ReferenceCache::admit() {
    std::map<std::string, CachedPeer> admitted;
    for (const bool incumbents : {true, false}) {
        for (const auto& [name, node] : nodes_) {
            if (name == self_.name || peers_.contains(name) != incumbents) continue;
            if (admitted.size() < limits_.max_peers) {
                CachedPeer& peer = admitted[name] = {.info = node};
                for (TunnelIndex i = 0; i < tunnel_count(limits_.per_family); ++i)
                    peer.tunnels.push_back(
                        {.public_key = key_in(node, i), .endpoint = choose_endpoint(node, i)});
            } else {
                reject(name, name, "there are more nodes than max_peers");
            }
        }
    }
    peers_ = std::move(admitted);
}

void ReferenceCache::find_key_conflicts() {
    for (TunnelIndex tunnel = 0; tunnel < tunnel_count(limits_.per_family); ++tunnel) {
        std::map<PublicKey, int> claimants;
        if (key_in(self_, tunnel)) ++claimants[*key_in(self_, tunnel)];
        for (const auto& [name, peer] : peers_) {
            if (key_in(peer.info, tunnel)) ++claimants[*key_in(peer.info, tunnel)];
        }
        for (auto& [name, peer] : peers_) {
            const auto& key = key_in(peer.info, tunnel);
            if (!key || claimants[*key] == 1) continue;
            peer.tunnels[tunnel].key_conflict = true;
            reject(name, key->to_base64(), "another node has the same public key");
        }
    }
}

std::vector<ReferenceCache::Claim> ReferenceCache::gather_claims() {
    std::vector<Claim> claims;
    for (auto& [name, peer] : peers_)
        gather_prefixes(peer, claims);
    std::sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
        return std::tie(a.prefix, a.peer->info.name) < std::tie(b.prefix, b.peer->info.name);
    });
    return claims;
}

void ReferenceCache::gather_prefixes(CachedPeer& peer, std::vector<Claim>& claims) {
    const PrefixRules rules(self_, limits_.cluster_prefixes, limits_.max_prefixes_per_node);
    const auto accepted =
        rules.claims_of(peer.info, [&](const Prefix& prefix, std::string_view reason) {
            reject(peer.info.name, prefix.to_string(), std::string(reason));
        });
    for (const auto& [prefix, prefix_class] : accepted)
        claims.push_back({.prefix = prefix, .peer = &peer, .prefix_class = prefix_class});
    const std::size_t limit = limits_.max_prefixes_per_node;
    if (peer.info.prefixes.size() <= limit) return;
    reject(peer.info.name, std::to_string(peer.info.prefixes.size() - limit) + " prefixes",
           "the node claims more than " + std::to_string(limit) + " prefixes");
}

// Settles each group of equal prefixes.
void ReferenceCache::award(const std::vector<Claim>& claims) {
    std::map<Prefix, std::string> holders;
    for (auto first = claims.begin(); first != claims.end();) {
        const auto last = std::find_if(
            first, claims.end(), [&](const Claim& claim) { return claim.prefix != first->prefix; });
        const std::string holder = choose_holder({first, last});
        for (const Claim& claim : std::span(first, last)) {
            if (claim.peer->info.name == holder) {
                claim.peer->prefixes.emplace_back(claim.prefix, claim.prefix_class);
                holders.emplace(claim.prefix, holder);
            } else {
                reject(claim.peer->info.name, claim.prefix.to_string(), "belongs to " + holder);
            }
        }
        first = last;
    }
    holders_ = std::move(holders);
}

// The holder so far if it claims the prefix or it is kept for it, else the first by name.
std::string ReferenceCache::choose_holder(std::span<const Claim> group) const {
    const Prefix& prefix = group.front().prefix;
    if (const auto seed = seeds_.find(prefix); seed != seeds_.end()) return seed->second;
    const auto holder = holders_.find(prefix);
    const bool stays = holder != holders_.end() &&
                       std::any_of(group.begin(), group.end(), [&](const Claim& claim) {
                           return claim.peer->info.name == holder->second;
                       });
    return stays ? holder->second : group.front().peer->info.name;
}

std::optional<Endpoint> ReferenceCache::choose_endpoint(const NodeInfo& node,
                                                        TunnelIndex tunnel) const {
    for (const IpAddress& address : node.addresses) {
        if (limits_.per_family && address.family() != (tunnel == 0 ? Family::v4 : Family::v6))
            continue;
        const bool reachable =
            std::any_of(self_.addresses.begin(), self_.addresses.end(),
                        [&](const IpAddress& own) { return own.family() == address.family(); });
        const bool own = std::ranges::find(self_.addresses, address) != self_.addresses.end();
        if (reachable && !own && !is_reserved(Prefix(address)))
            return Endpoint{.address = address, .port = tunnel == 0 ? node.port : node.port_v6};
    }
    return std::nullopt;
}

}  // namespace wgs::test
