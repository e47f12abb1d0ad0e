// SPDX-License-Identifier: Apache-2.0
#include "plan/desired.h"

#include <algorithm>

namespace wgs {
namespace {

constexpr std::uint32_t kDefaultUnderlayMtu = 1500;
constexpr std::uint32_t kMinimumTunnelMtu = 576;
constexpr std::chrono::seconds kAwayKeepalive{25};
constexpr std::uint8_t kUdp = 17;

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

// Of a tunnel's device, which pads packets up to it: what the widest way takes.
std::uint32_t device_mtu(TunnelIndex tunnel, const DesiredState& desired, const ActualState& actual,
                         const Scope& scope) {
    std::uint32_t mtu = 0;
    const TunnelState* there = actual.tunnel(tunnel);
    if (!scope.everything && there != nullptr) mtu = there->mtu;
    for (const DesiredPeer& peer : desired.peers) {
        if (peer.tunnel == tunnel) mtu = std::max<std::uint32_t>(mtu, peer.mtu);
    }
    if (mtu != 0) return mtu;
    const auto& underlays = actual.underlays;
    return tunnel_mtu(underlays.empty() ? kDefaultUnderlayMtu : underlays.front().mtu,
                      family_of(tunnel));
}

PeerState why_unprogrammed(const TunnelPeer& peer) {
    if (!peer.public_key) return PeerState::no_key;
    if (peer.key_conflict) return PeerState::conflict;
    return PeerState::waiting;  // no address that we could reach
}

// A peer without traffic has no handshakes either, by which to tell that it lives.
void keep_session_alive(HandshakeAdvice& advice) {
    if (advice.keepalive.count() == 0 || advice.keepalive > kAwayKeepalive)
        advice.keepalive = kAwayKeepalive;
}

DesiredPeer desired_peer(const CachedPeer& node, TunnelIndex tunnel,
                         const SessionDrivers& drivers) {
    const TunnelPeer& peer = node.tunnels[tunnel];
    DesiredPeer wanted{.name = node.info.name,
                       .tunnel = tunnel,
                       .unprogrammed = why_unprogrammed(peer),
                       .prefixes = prefixes_in(node, tunnel)};
    if (!is_programmable(peer)) return wanted;
    wanted.public_key = peer.public_key;
    wanted.endpoint = peer.endpoint;
    wanted.preshared_key = drivers.secrets.key_for(drivers.handshakes[tunnel].own_key(),
                                                   *peer.public_key, node.info.secrets);
    wanted.handshake = drivers.handshakes[tunnel].advice(*peer.public_key);
    const HealthAdvice health = drivers.health[tunnel].advice(*peer.public_key);
    wanted.handshake.restart = wanted.handshake.restart || health.restart;
    wanted.stalled = health.stalled;
    if (node.away) keep_session_alive(wanted.handshake);
    return wanted;
}

// What others encrypt must not be encrypted again. Configured services come first.
std::set<Service> bypassed(const Config& config, const ActualState& actual) {
    std::set<Service> services = config.bypass;
    for (const std::uint16_t port : actual.foreign_tunnels) {
        if (services.size() < kMaxBypassed) services.insert({.protocol = kUdp, .port = port});
    }
    return services;
}

void find_way(DesiredPeer& peer, const TunnelConfig& config, const std::vector<Underlay>& underlays,
              const Routes& routes) {
    if (!peer.endpoint) return;
    const Underlay* underlay = underlay_to(*peer.endpoint, underlays, routes);
    if (underlay == nullptr) return;
    peer.underlay = underlay->ifindex;
    peer.mtu = static_cast<std::uint16_t>(
        config.mtu.value_or(tunnel_mtu(underlay->mtu, peer.endpoint->address.family())));
}

}  // namespace

std::uint32_t tunnel_mtu(std::uint32_t underlay_mtu, Family underlay_family) {
    const std::uint32_t overhead = underlay_family == Family::v4 ? 60 : 80;
    if (underlay_mtu < overhead + kMinimumTunnelMtu) return kMinimumTunnelMtu;
    return (underlay_mtu - overhead) / 16 * 16;
}

DesiredState make_desired(const PeerCache& cache, const Config& config, const ActualState& actual,
                          const Routes& routes, const SessionDrivers& drivers, const Scope& scope) {
    const std::vector<TunnelConfig> tunnels = config.wireguard.tunnels();
    DesiredState desired{
        .complete = cache.complete(),
        .policy = config.policy,
        .hosts = config.hosts,
        .overlay = config.overlay,
        .leak_watch = config.leak_watch,
        .guard = config.guard,
        .max_peers = config.max_peers,
        .cluster = {config.cluster_prefixes.begin(), config.cluster_prefixes.end()},
        .bypass = bypassed(config, actual),
    };
    for_each_peer(cache, scope, [&](const CachedPeer& peer) {
        for (const TunnelIndex tunnel : tunnels_of(peer)) {
            desired.peers.push_back(desired_peer(peer, tunnel, drivers));
            find_way(desired.peers.back(), tunnels[tunnel], actual.underlays, routes);
        }
    });
    for (TunnelIndex tunnel = 0; tunnel < tunnels.size(); ++tunnel) {
        const TunnelConfig& wanted = tunnels[tunnel];
        const auto mtu = wanted.mtu.value_or(device_mtu(tunnel, desired, actual, scope));
        const auto fwmark = config.wireguard.fwmark.value_or(kDefaultFwmark);
        desired.tunnels.push_back(
            {.settings = {.port = wanted.port, .fwmark = fwmark, .mtu = mtu},
             .public_key = drivers.handshakes[tunnel].own_key(),
             .anew = scope.everything && drivers.health[tunnel].wants_new_device()});
    }
    for (const Prefix& prefix : cache.self().prefixes) {
        desired.self.emplace(prefix, PrefixClass::pod);
    }
    for (const IpAddress& address : cache.self().addresses) {
        desired.self.insert_or_assign(Prefix(address), PrefixClass::node);
    }
    return desired;
}

}  // namespace wgs
