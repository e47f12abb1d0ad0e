// SPDX-License-Identifier: Apache-2.0
#include "plan/desired.h"

#include <algorithm>

namespace wgs {
namespace {

constexpr std::uint32_t kDefaultUnderlayMtu = 1500;
constexpr std::uint32_t kMinimumTunnelMtu = 576;

std::uint32_t smallest_mtu(const std::vector<Underlay>& underlays) {
    std::uint32_t mtu = 0;
    for (const Underlay& underlay : underlays) {
        if (mtu == 0 || underlay.mtu < mtu) mtu = underlay.mtu;
    }
    return mtu == 0 ? kDefaultUnderlayMtu : mtu;
}

bool has_ipv6_endpoint(const std::map<std::string, CachedPeer>& peers) {
    return std::ranges::any_of(peers, [](const auto& entry) {
        const auto& endpoint = entry.second.endpoint;
        return endpoint && endpoint->address.family() == Family::v6;
    });
}

PeerState why_unprogrammed(const CachedPeer& peer) {
    if (!peer.info.public_key) return PeerState::no_key;
    if (peer.key_conflict) return PeerState::conflict;
    return PeerState::waiting;  // no address that we could reach
}

DesiredPeer desired_peer(const CachedPeer& peer, const HandshakeDriver& handshakes) {
    DesiredPeer wanted{.unprogrammed = why_unprogrammed(peer), .prefixes = peer.prefixes};
    if (peer.info.public_key && !peer.key_conflict && peer.endpoint) {
        wanted.public_key = peer.info.public_key;
        wanted.endpoint = peer.endpoint;
        wanted.handshake = handshakes.advice(*peer.info.public_key);
    }
    return wanted;
}

}  // namespace

std::uint32_t tunnel_mtu(std::uint32_t underlay_mtu, Family underlay_family) {
    const std::uint32_t overhead = underlay_family == Family::v4 ? 60 : 80;
    if (underlay_mtu < overhead + kMinimumTunnelMtu) return kMinimumTunnelMtu;
    return (underlay_mtu - overhead) / 16 * 16;
}

DesiredState make_desired(const PeerCache& cache, const Config& config, const PublicKey& own_key,
                          const std::vector<Underlay>& underlays,
                          const HandshakeDriver& handshakes) {
    const auto& peers = cache.peers();
    const Family family = has_ipv6_endpoint(peers) ? Family::v6 : Family::v4;
    DesiredState desired{
        .complete = cache.complete(),
        .policy = config.policy,
        .tunnel = {.port = config.wireguard.port,
                   .fwmark = config.wireguard.fwmark.value_or(kDefaultFwmark),
                   .mtu =
                       config.wireguard.mtu.value_or(tunnel_mtu(smallest_mtu(underlays), family))},
        .public_key = own_key,
        .max_peers = config.max_peers,
        .cluster = {config.cluster_prefixes.begin(), config.cluster_prefixes.end()},
    };
    for (const auto& [name, peer] : peers) {
        desired.peers.emplace(name, desired_peer(peer, handshakes));
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
