// SPDX-License-Identifier: Apache-2.0
// What the kernel should look like, derived from the peer cache and the configuration alone.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "model/cluster_secret.h"
#include "model/config.h"
#include "model/peer_cache.h"
#include "model/state.h"
#include "plan/actual.h"
#include "plan/handshake.h"
#include "plan/health.h"
#include "plan/scope.h"

namespace wgs {

// The devices by which endpoints are reached, where there is a choice.
using Routes = std::map<IpAddress, std::uint32_t>;

// Refers to the peer cache.
struct DesiredPeer {
    std::string_view name;  // of the node
    TunnelIndex tunnel = 0;
    // None: not programmed into WireGuard, for the reason in `unprogrammed`.
    std::optional<PublicKey> public_key;
    std::optional<Endpoint> endpoint;  // set whenever public_key is
    PeerState unprogrammed = PeerState::no_key;
    PresharedKey preshared_key = {};
    HandshakeAdvice handshake;
    bool stalled = false;        // proven once, but it no longer answers
    std::uint32_t underlay = 0;  // index of the device that leads there; 0: not known
    std::uint16_t mtu = 0;       // largest inner packet, bytes; 0: not known
    std::span<const std::pair<Prefix, PrefixClass>> prefixes;  // sorted

    [[nodiscard]] PeerNameView peer_name() const { return {name, tunnel}; }
};

struct DesiredTunnel {
    TunnelSettings settings;
    PublicKey public_key;  // ours
    bool anew = false;     // the device has failed, and nothing else has helped
};

struct DesiredState {
    bool complete = false;  // the source has told everything: leftovers may be removed
    Policy policy = Policy::prefer;
    bool hosts = false;
    bool overlay = false;
    bool leak_watch = false;
    GuardMode guard = GuardMode::off;
    std::vector<DesiredTunnel> tunnels;  // by TunnelIndex
    PeerId max_peers = 0;                // in all tunnels together
    std::vector<DesiredPeer> peers;      // those in the scope, by name and tunnel
    std::map<Prefix, PrefixClass> self;
    std::set<Prefix> cluster;
    std::set<Service> bypass;
};

// Those who know what sessions need, the first two by TunnelIndex.
struct SessionDrivers {
    std::span<const HandshakeDriver> handshakes;
    std::span<const HealthDriver> health;
    const ClusterSecrets& secrets;
};

// The parts that `scope` is about, and all that is not of one peer. `actual` says which devices
// there are; of a narrow scope a tunnel gets no smaller MTU than it has, for others may need it.
DesiredState make_desired(const PeerCache& cache, const Config& config, const ActualState& actual,
                          const Routes& routes, const SessionDrivers& drivers, const Scope& scope);

// Largest inner packet whose encrypted form, padded to 16 bytes, fits `underlay_mtu` bytes:
// outer IP and UDP headers, and 32 bytes of WireGuard's data message (whitepaper, 5.4.6).
[[nodiscard]] std::uint32_t tunnel_mtu(std::uint32_t underlay_mtu, Family underlay_family);

}  // namespace wgs
