// SPDX-License-Identifier: Apache-2.0
#include "model/peer_cache.h"

#include <algorithm>
#include <utility>

namespace wgs {
namespace {

// All that the node may have a claim to, whatever the rules were when it was told.
PrefixSet listed(const NodeInfo& node) {
    std::vector<Prefix> all = node.prefixes;
    for (const IpAddress& address : node.addresses)
        all.emplace_back(address);
    return PrefixSet(all);
}

template <class T>
std::vector<T> take_sorted(std::vector<T>& values) {
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return std::exchange(values, {});
}

const std::optional<PublicKey>& key_in(const NodeInfo& node, TunnelIndex tunnel) {
    return tunnel == 0 ? node.public_key : node.public_key_v6;
}

std::uint16_t port_in(const NodeInfo& node, TunnelIndex tunnel) {
    return tunnel == 0 ? node.port : node.port_v6;
}

}  // namespace

std::span<const std::pair<Prefix, PrefixClass>> prefixes_in(const CachedPeer& peer,
                                                            TunnelIndex tunnel) {
    const std::span all(peer.prefixes);
    if (peer.tunnels.size() < 2) return all;
    const auto is_ipv4 = [](const auto& row) { return row.first.family() == Family::v4; };
    const auto count = std::ranges::partition_point(all, is_ipv4) - all.begin();
    const auto ipv4 = static_cast<std::size_t>(count);
    return family_of(tunnel) == Family::v4 ? all.first(ipv4) : all.subspan(ipv4);
}

std::vector<TunnelIndex> tunnels_of(const CachedPeer& peer) {
    std::vector<TunnelIndex> tunnels;
    for (TunnelIndex tunnel = 0; tunnel < peer.tunnels.size(); ++tunnel) {
        if (peer.tunnels[tunnel].public_key || !prefixes_in(peer, tunnel).empty())
            tunnels.push_back(tunnel);
    }
    if (tunnels.empty()) tunnels.push_back(0);
    return tunnels;
}

PeerCache::PeerCache(NodeInfo self, Limits limits)
    : self_(std::move(self)), limits_(std::move(limits)) {}

const NodeInfo* PeerCache::last_word(const std::string& name) const {
    if (const auto told = pending_.find(name); told != pending_.end())
        return told->second ? &*told->second : nullptr;
    if (const auto peer = peers_.find(name); peer != peers_.end()) return &peer->second.info;
    const auto waiting = outside_.find(name);
    return waiting == outside_.end() ? nullptr : &waiting->second;
}

bool PeerCache::upsert(const NodeInfo& node) {
    if (node.name == self_.name) return false;
    const auto peer = peers_.find(node.name);
    const bool back = peer != peers_.end() && std::exchange(peer->second.away, false);
    if (back) changes_.peers.push_back(node.name);
    const NodeInfo* known = last_word(node.name);
    if (known != nullptr && *known == node) return back;
    pending_.insert_or_assign(node.name, node);
    return true;
}

bool PeerCache::remove(const std::string& name) {
    if (last_word(name) == nullptr) return false;
    pending_.insert_or_assign(name, std::nullopt);
    return true;
}

bool PeerCache::set_away(const std::string& name) {
    resolve();
    const auto peer = peers_.find(name);
    if (peer == peers_.end() || std::exchange(peer->second.away, true)) return false;
    changes_.peers.push_back(name);
    return true;
}

bool PeerCache::set_self(const NodeInfo& self) {
    if (self_ == self) return false;
    for (TunnelIndex tunnel = 0; tunnel < tunnel_count(); ++tunnel) {
        touch_key(tunnel, key_in(self_, tunnel));
        touch_key(tunnel, key_in(self, tunnel));
    }
    self_ = self;
    self_pending_ = true;
    return true;
}

bool PeerCache::set_networks(std::vector<Prefix> networks) {
    if (networks_ == networks) return false;
    networks_ = std::move(networks);
    self_pending_ = true;
    return true;
}

void PeerCache::seed_holder(const Prefix& prefix, const std::string& node) {
    if (!complete_) claims_.seed(prefix, node);
}

void PeerCache::mark_complete() {
    if (complete_) return;
    resolve();  // so that seeds which are claimed become holders
    claims_.release_seeds();
    complete_ = true;
    changes_.everything = true;
}

const std::map<std::string, CachedPeer>& PeerCache::peers() const {
    resolve();
    return peers_;
}

const std::vector<Rejection>& PeerCache::rejections() const {
    resolve();
    if (std::exchange(rejections_stale_, false)) collect_rejections();
    return rejections_;
}

CacheChanges PeerCache::take_changes() {
    resolve();
    return {.everything = std::exchange(changes_.everything, false),
            .peers = take_sorted(changes_.peers),
            .prefixes = take_sorted(changes_.prefixes)};
}

void PeerCache::resolve() const {
    if (pending_.empty() && !self_pending_ && claims_.settled()) return;
    rejections_stale_ = true;
    take_pending();
    if (std::exchange(self_pending_, false)) {
        changes_.everything = true;
        for (auto& peer : peers_)
            change(peer, peer.second.info);
    }
    find_key_conflicts();
    settle_claims();
}

// Those that are in already stay so; there is room for others in order of name.
void PeerCache::take_pending() const {
    for (auto& [name, node] : std::exchange(pending_, {})) {
        const auto peer = peers_.find(name);
        if (peer == peers_.end()) {
            outside_.erase(name);
            if (node) outside_.emplace(name, std::move(*node));
        } else if (!node) {
            expel(peer);
        } else if (peer->second.info != *node) {
            change(*peer, std::move(*node));
        }
    }
    while (!outside_.empty() && peers_.size() < limits_.max_peers) {
        auto first = outside_.extract(outside_.begin());
        admit(first.key(), std::move(first.mapped()));
    }
}

void PeerCache::admit(const std::string& name, NodeInfo node) const {
    CachedPeer empty{.info = {.name = name}, .tunnels = std::vector<TunnelPeer>(tunnel_count())};
    const auto peer = peers_.emplace(name, std::move(empty)).first;
    change(*peer, std::move(node));
}

void PeerCache::expel(Peers::iterator peer) const {
    claims_.replace(peer->first, listed(peer->second.info), {});
    for (TunnelIndex tunnel = 0; tunnel < tunnel_count(); ++tunnel)
        change_key(*peer, tunnel, std::nullopt);
    changes_.peers.push_back(peer->first);
    refused_.erase(peer->first);
    conflicting_.erase(peer->first);
    peers_.erase(peer);
}

// What the rules let pass; remembers what they refuse.
ClassedPrefixes PeerCache::judge_claims(const std::string& name, const NodeInfo& node) const {
    Refused refused;
    const auto refuse = [&](std::string what, std::string reason) {
        if (++refused.count > kShownRejections) return;
        refused.shown.push_back(
            {.node = name, .what = std::move(what), .reason = std::move(reason)});
    };
    const std::size_t limit = limits_.max_prefixes_per_node;
    if (node.prefixes.size() > limit) {
        refuse(std::to_string(node.prefixes.size() - limit) + " prefixes",
               "the node claims more than " + std::to_string(limit) + " prefixes");
    }
    ClassedPrefixes claims =
        rules().claims_of(node, [&](const Prefix& prefix, std::string_view reason) {
            refuse(prefix.to_string(), std::string(reason));
        });
    refused_.erase(name);
    if (refused.count != 0) refused_.emplace(name, std::move(refused));
    return claims;
}

void PeerCache::change(Peers::value_type& peer, NodeInfo node) const {
    auto& [name, cached] = peer;
    claims_.replace(name, listed(cached.info), judge_claims(name, node));
    for (TunnelIndex tunnel = 0; tunnel < tunnel_count(); ++tunnel) {
        change_key(peer, tunnel, key_in(node, tunnel));
        cached.tunnels[tunnel].endpoint = choose_endpoint(node, tunnel);
    }
    cached.info = std::move(node);
    touched_peers_.insert(name);
}

void PeerCache::touch_key(TunnelIndex tunnel, const std::optional<PublicKey>& key) const {
    if (key) touched_keys_.insert({.tunnel = tunnel, .key = *key});
}

void PeerCache::change_key(Peers::value_type& peer, TunnelIndex tunnel,
                           const std::optional<PublicKey>& key) const {
    std::optional<PublicKey>& known = peer.second.tunnels[tunnel].public_key;
    if (known == key) return;
    if (known) {
        const auto [first, last] = keys_.equal_range({.tunnel = tunnel, .key = *known});
        keys_.erase(std::find_if(first, last, [&](const auto& it) { return it.second == &peer; }));
    }
    if (key) keys_.emplace(TunnelKey{.tunnel = tunnel, .key = *key}, &peer);
    if (known && key) rekeyed_.push_back(peer.first);
    touch_key(tunnel, known);
    touch_key(tunnel, key);
    known = key;
}

// A peer whose key is touched by its own doing is among the touched peers already.
void PeerCache::find_key_conflicts() const {
    for (const TunnelKey& touched : std::exchange(touched_keys_, {})) {
        const auto [first, last] = keys_.equal_range(touched);
        const bool conflict = key_in(self_, touched.tunnel) == touched.key ||  //
                              std::distance(first, last) > 1;
        for (auto claimant = first; claimant != last; ++claimant) {
            auto& [name, peer] = *claimant->second;
            if (std::exchange(peer.tunnels[touched.tunnel].key_conflict, conflict) == conflict)
                continue;
            changes_.peers.push_back(name);
            note_conflicts(name, peer);
        }
    }
    for (const std::string& name : touched_peers_) {
        CachedPeer& node = peers_.at(name);
        for (TunnelPeer& peer : node.tunnels) {
            if (!peer.public_key) peer.key_conflict = false;
        }
        note_conflicts(name, node);
    }
}

void PeerCache::note_conflicts(const std::string& name, const CachedPeer& peer) const {
    if (std::ranges::any_of(peer.tunnels, &TunnelPeer::key_conflict)) {
        conflicting_.insert(name);
    } else {
        conflicting_.erase(name);
    }
}

void PeerCache::settle_claims() const {
    claims_.settle([&](const Prefix& prefix) { changes_.prefixes.push_back(prefix); },
                   [&](std::string_view node) { touched_peers_.emplace(node); });
    for (const std::string& name : std::exchange(touched_peers_, {})) {
        const auto peer = peers_.find(name);
        peer->second.prefixes = claims_.held(peer->first, listed(peer->second.info));
        changes_.peers.push_back(name);
    }
}

std::size_t PeerCache::rejection_count() const {
    static_cast<void>(rejections());
    return rejection_count_;
}

// A node that claims the world must not fill memory, the status and the log with it.
void PeerCache::collect_rejections() const {
    rejections_.clear();
    rejection_count_ = 0;
    std::map<std::string, std::size_t, std::less<>> shown;
    const auto reject = [&](const std::string& node, std::string what, std::string reason) {
        ++rejection_count_;
        if (++shown[node] > kShownRejections) return;
        rejections_.push_back({.node = node, .what = std::move(what), .reason = std::move(reason)});
    };
    for (const auto& [name, node] : outside_)
        reject(name, name, "there are more nodes than max_peers");
    for (const std::string& name : conflicting_) {
        for (const TunnelPeer& tunnel : peers_.at(name).tunnels) {
            if (!tunnel.key_conflict) continue;
            reject(name, tunnel.public_key->to_base64(), "another node has the same public key");
        }
    }
    for (const auto& [name, refused] : refused_) {
        for (const Rejection& one : refused.shown)
            reject(name, one.what, one.reason);
        rejection_count_ += refused.count - refused.shown.size();
    }
    claims_.losses([&](std::string_view node, const Prefix& prefix, std::string_view holder) {
        reject(std::string(node), prefix.to_string(), "belongs to " + std::string(holder));
    });
    std::ranges::sort(rejections_);
}

std::optional<Endpoint> PeerCache::choose_endpoint(const NodeInfo& node, TunnelIndex tunnel) const {
    std::optional<Endpoint> first;
    for (const IpAddress& address : node.addresses) {
        if (limits_.per_family && address.family() != family_of(tunnel)) continue;
        const bool reachable =
            std::any_of(self_.addresses.begin(), self_.addresses.end(),
                        [&](const IpAddress& own) { return own.family() == address.family(); });
        const bool own = std::ranges::find(self_.addresses, address) != self_.addresses.end();
        if (!reachable || own || is_reserved(Prefix(address))) continue;
        const Endpoint endpoint{.address = address, .port = port_in(node, tunnel)};
        const bool on_link = std::ranges::any_of(
            networks_, [&](const Prefix& network) { return network.contains(address); });
        if (on_link) return endpoint;
        if (!first) first = endpoint;
    }
    return first;
}

}  // namespace wgs
