// SPDX-License-Identifier: Apache-2.0
#include "model/peer_cache.h"

#include <algorithm>
#include <array>
#include <span>
#include <tuple>
#include <utility>

namespace wgs {
namespace {

// RFC 1122 3.2.1.3, RFC 3927, RFC 5771 and RFC 4291 2.5-2.7.
const std::array<Prefix, 8>& reserved_prefixes() {
    static const std::array<Prefix, 8> kPrefixes = {
        Prefix::parse("0.0.0.0/8").value(),      Prefix::parse("127.0.0.0/8").value(),
        Prefix::parse("169.254.0.0/16").value(), Prefix::parse("224.0.0.0/4").value(),
        Prefix::parse("::/128").value(),         Prefix::parse("::1/128").value(),
        Prefix::parse("fe80::/10").value(),      Prefix::parse("ff00::/8").value()};
    return kPrefixes;
}

bool overlap(const Prefix& a, const Prefix& b) {
    return a.contains(b) || b.contains(a);
}

bool is_reserved(const Prefix& prefix) {
    const auto& reserved = reserved_prefixes();
    return std::any_of(reserved.begin(), reserved.end(),
                       [&](const Prefix& other) { return overlap(prefix, other); });
}

bool any_contains(const std::vector<Prefix>& prefixes, const Prefix& prefix) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](const Prefix& other) { return other.contains(prefix); });
}

bool is_own(const NodeInfo& self, const Prefix& prefix) {
    return any_contains(self.prefixes, prefix) ||
           std::any_of(self.addresses.begin(), self.addresses.end(),
                       [&](const IpAddress& address) { return Prefix(address) == prefix; });
}

}  // namespace

struct PeerCache::Claim {
    Prefix prefix;
    CachedPeer* peer;
    PrefixClass prefix_class;
};

PeerCache::PeerCache(NodeInfo self, Limits limits)
    : self_(std::move(self)), limits_(std::move(limits)) {}

bool PeerCache::upsert(const NodeInfo& node) {
    const auto [known, is_new] = nodes_.try_emplace(node.name, node);
    if (!is_new && known->second == node) return false;
    known->second = node;
    stale_ = true;
    return true;
}

bool PeerCache::remove(const std::string& name) {
    const bool known = nodes_.erase(name) > 0;
    stale_ = stale_ || known;
    return known;
}

bool PeerCache::set_self(const NodeInfo& self) {
    if (self_ == self) return false;
    self_ = self;
    stale_ = true;
    return true;
}

void PeerCache::seed_holder(const Prefix& prefix, const std::string& node) {
    if (complete_) return;
    seeds_[prefix] = node;
    stale_ = true;
}

void PeerCache::mark_complete() {
    if (complete_) return;
    resolve();  // so that seeds which are claimed become holders
    seeds_.clear();
    complete_ = true;
    stale_ = true;
}

const std::map<std::string, CachedPeer>& PeerCache::peers() const {
    resolve();
    return peers_;
}

const std::vector<Rejection>& PeerCache::rejections() const {
    resolve();
    return rejections_;
}

void PeerCache::resolve() const {
    if (!std::exchange(stale_, false)) return;
    rejections_.clear();
    admit();
    find_key_conflicts();
    award(gather_claims());
    std::sort(rejections_.begin(), rejections_.end());
}

// Fills peers_ with the nodes inside the limit: those already in first, then by name.
void PeerCache::admit() const {
    std::map<std::string, CachedPeer> admitted;
    for (const bool incumbents : {true, false}) {
        for (const auto& [name, node] : nodes_) {
            if (name == self_.name || peers_.contains(name) != incumbents) continue;
            if (admitted.size() < limits_.max_peers) {
                admitted[name] = {.info = node, .endpoint = choose_endpoint(node), .prefixes = {}};
            } else {
                rejections_.push_back(
                    {.node = name, .what = name, .reason = "there are more nodes than max_peers"});
            }
        }
    }
    peers_ = std::move(admitted);
}

void PeerCache::find_key_conflicts() const {
    std::map<PublicKey, int> claimants;
    if (self_.public_key) ++claimants[*self_.public_key];
    for (const auto& [name, peer] : peers_) {
        if (peer.info.public_key) ++claimants[*peer.info.public_key];
    }
    for (auto& [name, peer] : peers_) {
        if (!peer.info.public_key || claimants[*peer.info.public_key] == 1) continue;
        peer.key_conflict = true;
        rejections_.push_back({.node = name,
                               .what = peer.info.public_key->to_base64(),
                               .reason = "another node has the same public key"});
    }
}

std::vector<PeerCache::Claim> PeerCache::gather_claims() const {
    std::vector<Claim> claims;
    for (auto& [name, peer] : peers_)
        gather_prefixes(peer, claims);
    // The order of names makes the first of a group win; class `node` comes before `pod`, so that
    // an address which is listed as a prefix too stays an address.
    const auto rank = [](const Claim& claim) {
        return std::tuple<const Prefix&, const std::string&, bool>(
            claim.prefix, claim.peer->info.name, claim.prefix_class == PrefixClass::pod);
    };
    std::sort(claims.begin(), claims.end(),
              [&](const Claim& a, const Claim& b) { return rank(a) < rank(b); });
    const auto same = [](const Claim& a, const Claim& b) {
        return a.prefix == b.prefix && a.peer == b.peer;
    };
    claims.erase(std::unique(claims.begin(), claims.end(), same), claims.end());
    return claims;
}

void PeerCache::gather_prefixes(CachedPeer& peer, std::vector<Claim>& claims) const {
    for (const IpAddress& address : peer.info.addresses) {
        consider({.prefix = Prefix(address), .peer = &peer, .prefix_class = PrefixClass::node},
                 claims);
    }
    const std::size_t accepted = std::min(peer.info.prefixes.size(), limits_.max_prefixes_per_node);
    for (const Prefix& prefix : std::span(peer.info.prefixes).first(accepted)) {
        consider({.prefix = prefix, .peer = &peer, .prefix_class = PrefixClass::pod}, claims);
    }
    if (accepted < peer.info.prefixes.size()) {
        rejections_.push_back(
            {.node = peer.info.name,
             .what = std::to_string(peer.info.prefixes.size() - accepted) + " prefixes",
             .reason = "the node claims more than " + std::to_string(accepted) + " prefixes"});
    }
}

void PeerCache::consider(const Claim& claim, std::vector<Claim>& claims) const {
    const std::string_view reason = reason_to_refuse(claim);
    if (reason.empty()) {
        claims.push_back(claim);
    } else {
        rejections_.push_back({.node = claim.peer->info.name,
                               .what = claim.prefix.to_string(),
                               .reason = std::string(reason)});
    }
}

std::string_view PeerCache::reason_to_refuse(const Claim& claim) const {
    if (claim.prefix.length() == 0) return "a default route is not a prefix of one node";
    if (is_reserved(claim.prefix)) return "touches a loopback, link-local or multicast range";
    if (is_own(self_, claim.prefix)) return "belongs to this node";
    const bool limited =
        claim.prefix_class == PrefixClass::pod && !limits_.cluster_prefixes.empty();
    if (limited && !any_contains(limits_.cluster_prefixes, claim.prefix)) {
        return "outside cluster_prefixes";
    }
    return {};
}

// Settles each group of equal prefixes.
void PeerCache::award(const std::vector<Claim>& claims) const {
    std::map<Prefix, std::string> holders;
    for (auto first = claims.begin(); first != claims.end();) {
        const auto last = std::find_if(
            first, claims.end(), [&](const Claim& claim) { return claim.prefix != first->prefix; });
        const std::string holder = choose_holder({first, last});
        for (const Claim& claim : std::span(first, last)) {
            if (claim.peer->info.name == holder) {
                claim.peer->prefixes.emplace(claim.prefix, claim.prefix_class);
                holders.emplace_hint(holders.end(), claim.prefix, holder);
            } else {
                rejections_.push_back({.node = claim.peer->info.name,
                                       .what = claim.prefix.to_string(),
                                       .reason = "belongs to " + holder});
            }
        }
        first = last;
    }
    holders_ = std::move(holders);
}

// The holder so far if it claims the prefix or it is kept for it, else the first by name.
std::string PeerCache::choose_holder(std::span<const Claim> group) const {
    const Prefix& prefix = group.front().prefix;
    if (const auto seed = seeds_.find(prefix); seed != seeds_.end()) return seed->second;
    const auto holder = holders_.find(prefix);
    const bool stays = holder != holders_.end() &&
                       std::any_of(group.begin(), group.end(), [&](const Claim& claim) {
                           return claim.peer->info.name == holder->second;
                       });
    return stays ? holder->second : group.front().peer->info.name;
}

std::optional<Endpoint> PeerCache::choose_endpoint(const NodeInfo& node) const {
    for (const IpAddress& address : node.addresses) {
        const bool reachable =
            std::any_of(self_.addresses.begin(), self_.addresses.end(),
                        [&](const IpAddress& own) { return own.family() == address.family(); });
        if (reachable && !is_reserved(Prefix(address))) {
            return Endpoint{.address = address, .port = node.port};
        }
    }
    return std::nullopt;
}

}  // namespace wgs
