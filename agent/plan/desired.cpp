// SPDX-License-Identifier: Apache-2.0
#include "plan/desired.h"

#include <algorithm>

namespace wgs {
namespace {

constexpr std::uint32_t kDefaultUnderlayMtu = 1500;
constexpr std::uint32_t kMinimumTunnelMtu = 576;

// The device that leads to the endpoint. Where no route says which one, the first is as good as
// any; null: there is none.
const Underlay* underlay_to(const Endpoint& endpoint, const std::vector<Underlay>& underlays,
                            const Routes& routes) {
    const auto route = routes.find(endpoint.address);
    if (route != routes.end()) {
        const auto found = std::ranges::find(underlays, route->second, &Underlay::ifindex);
        if (found != underlays.end()) return &*found;
    }
    return underlays.empty() ? nullptr : &underlays.front();
}

// Of the tunnel's device, which pads packets up to it: what the widest way takes.
std::uint32_t device_mtu(const DesiredState& desired, const ActualState& actual,
                         const Scope& scope) {
    std::uint32_t mtu = 0;
    if (!scope.everything && actual.tunnel) mtu = actual.tunnel->mtu;
    for (const DesiredPeer& peer : desired.peers)
        mtu = std::max<std::uint32_t>(mtu, peer.mtu);
    if (mtu != 0) return mtu;
    const auto& underlays = actual.underlays;
    return tunnel_mtu(underlays.empty() ? kDefaultUnderlayMtu : underlays.front().mtu, Family::v4);
}

PeerState why_unprogrammed(const CachedPeer& peer) {
    if (!peer.info.public_key) return PeerState::no_key;
    if (peer.key_conflict) return PeerState::conflict;
    return PeerState::waiting;  // no address that we could reach
}

DesiredPeer desired_peer(const CachedPeer& peer, const HandshakeDriver& handshakes) {
    DesiredPeer wanted{
        .name = peer.info.name, .unprogrammed = why_unprogrammed(peer), .prefixes = peer.prefixes};
    if (!is_programmable(peer)) return wanted;
    wanted.public_key = peer.info.public_key;
    wanted.endpoint = peer.endpoint;
    wanted.handshake = handshakes.advice(*peer.info.public_key);
    return wanted;
}

void find_way(DesiredPeer& peer, const Config& config, const std::vector<Underlay>& underlays,
              const Routes& routes) {
    if (!peer.endpoint) return;
    const Underlay* underlay = underlay_to(*peer.endpoint, underlays, routes);
    if (underlay == nullptr) return;
    peer.underlay = underlay->ifindex;
    peer.mtu = static_cast<std::uint16_t>(
        config.wireguard.mtu.value_or(tunnel_mtu(underlay->mtu, peer.endpoint->address.family())));
}

}  // namespace

std::uint32_t tunnel_mtu(std::uint32_t underlay_mtu, Family underlay_family) {
    const std::uint32_t overhead = underlay_family == Family::v4 ? 60 : 80;
    if (underlay_mtu < overhead + kMinimumTunnelMtu) return kMinimumTunnelMtu;
    return (underlay_mtu - overhead) / 16 * 16;
}

DesiredState make_desired(const PeerCache& cache, const Config& config, const PublicKey& own_key,
                          const ActualState& actual, const Routes& routes,
                          const HandshakeDriver& handshakes, const Scope& scope) {
    DesiredState desired{
        .complete = cache.complete(),
        .policy = config.policy,
        .hosts = config.hosts,
        .overlay = config.overlay,
        .leak_watch = config.leak_watch,
        .guard = config.guard,
        .tunnel = {.port = config.wireguard.port,
                   .fwmark = config.wireguard.fwmark.value_or(kDefaultFwmark)},
        .public_key = own_key,
        .max_peers = config.max_peers,
        .cluster = {config.cluster_prefixes.begin(), config.cluster_prefixes.end()},
        .bypass = config.bypass,
    };
    for_each_peer(cache, scope, [&](const CachedPeer& peer) {
        DesiredPeer& wanted = desired.peers.emplace_back(desired_peer(peer, handshakes));
        find_way(wanted, config, actual.underlays, routes);
    });
    desired.tunnel.mtu = config.wireguard.mtu.value_or(device_mtu(desired, actual, scope));
    for (const Prefix& prefix : cache.self().prefixes) {
        desired.self.emplace(prefix, PrefixClass::pod);
    }
    for (const IpAddress& address : cache.self().addresses) {
        desired.self.insert_or_assign(Prefix(address), PrefixClass::node);
    }
    return desired;
}

}  // namespace wgs
