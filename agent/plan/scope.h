// SPDX-License-Identifier: Apache-2.0
// What a plan is about: all there is, or what has changed.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "model/peer_cache.h"

namespace wgs {

// Outside of a narrow scope the actual state is as the desired state wants it.
struct Scope {
    bool devices = true;     // hooks, underlays, pods, bypassed services
    bool everything = true;  // all peers and prefixes, or those named
    // As in CacheChanges: with a prefix come the peers that hold it and that held it.
    std::vector<std::string> peers;
    std::vector<Prefix> prefixes;

    static Scope of(CacheChanges changes) {
        return {.devices = changes.everything,
                .everything = changes.everything,
                .peers = std::move(changes.peers),
                .prefixes = std::move(changes.prefixes)};
    }
    [[nodiscard]] bool is_empty() const {
        return !devices && !everything && peers.empty() && prefixes.empty();
    }
    [[nodiscard]] bool contains(const Prefix& prefix) const {
        return everything || std::ranges::binary_search(prefixes, prefix);
    }
};

// Calls back with each peer of the scope that there is, in order of name.
template <class Visit>
void for_each_peer(const PeerCache& cache, const Scope& scope, const Visit& visit) {
    if (scope.everything) {
        for (const auto& [name, peer] : cache.peers())
            visit(peer);
        return;
    }
    for (const std::string& name : scope.peers) {
        const auto peer = cache.peers().find(name);
        if (peer != cache.peers().end()) visit(peer->second);
    }
}

}  // namespace wgs
