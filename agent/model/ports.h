// SPDX-License-Identifier: Apache-2.0
// The environment: one interface per kernel subsystem. agent/kernel and agent/service implement
// them over real system calls, tests/support over plain memory with failures on demand.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/ip.h"
#include "model/state.h"

namespace wgs {

// One WireGuard device and its peers. Every call is synchronous and idempotent.
class WireguardDevice {
  public:
    virtual ~WireguardDevice() = default;

    [[nodiscard]] virtual BackendKind kind() const = 0;
    // None: the device does not exist. An interface of another type with the same name is an error.
    virtual Result<std::optional<TunnelState>> observe() = 0;
    // As observe(), at the same cost for any number of peers.
    virtual Result<std::optional<TunnelLink>> observe_link() = 0;
    // Creates the device (down, no key). It already existing is not an error.
    virtual Status create() = 0;
    // Sets private key, port, fwmark and MTU, then sets the link up. Touches no peer.
    virtual Status configure(const TunnelSettings& settings) = 0;
    // In order; adds peers that are not there. On error some of them may have been updated.
    virtual Status update_peers(std::span<const PeerUpdate> updates) = 0;
    // Takes single allowed IPs from a peer without a moment in which any other one is missing.
    virtual Status remove_allowed_ips(const PublicKey& peer, std::span<const Prefix> prefixes) = 0;
    virtual Status remove_peer(const PublicKey& peer) = 0;
    // Removes the device; it not being there is not an error.
    virtual Status destroy() = 0;
};

// BPF tables and hooks. Programs are loaded before; attach() puts the current ones in place,
// replacing older ones atomically.
class Steering {
  public:
    virtual ~Steering() = default;

    // Everything but the hooks and what is watched.
    virtual Result<SteeringState> observe_tables() = 0;
    virtual Result<HookState> observe_hooks() = 0;
    // Reading these tables is slow, and nobody else writes them.
    virtual Result<WatchTable> observe_watched() = 0;
    // An entry without a device frees the row.
    virtual Status set_tunnel(TunnelIndex index, const TunnelEntry& entry) = 0;
    // An entry without a device frees the row.
    virtual Status set_underlay(std::uint8_t index, const UnderlayEntry& entry) = 0;
    virtual Status add_bypass(const Service& service) = 0;
    virtual Status remove_bypass(const Service& service) = 0;
    // Binds a free id to a node: clears its counters, writes the record, state unused.
    virtual Status bind_peer(PeerId id, const PeerRecord& record) = 0;
    // Replaces the record of a bound id, which stays in its tunnel.
    virtual Status update_record(PeerId id, const PeerRecord& record) = 0;
    // `state` is an enum wgs_peer_state.
    virtual Status set_peer_state(PeerId id, std::uint32_t state) = 0;
    virtual Status set_peer_way(PeerId id, const PeerWay& way) = 0;
    // Frees an id to which no prefix points any more.
    virtual Status release_peer(PeerId id) = 0;
    // These take many at once, in order. On error some of them may have been carried out.
    virtual Status set_prefixes(std::span<const PrefixRow> rows) = 0;
    virtual Status remove_prefixes(std::span<const Prefix> prefixes) = 0;
    virtual Status set_watched(std::span<const WatchRow> rows) = 0;
    virtual Status remove_watched(std::span<const Prefix> prefixes) = 0;
    // Adds a pod, or replaces what is known of it in one store.
    virtual Status set_pod(const IpAddress& address, const LocalPod& pod) = 0;
    virtual Status remove_pod(const IpAddress& address) = 0;
    // A guard that cannot be attached is no error but SteeringState::refused.
    virtual Status attach(const Hook& hook) = 0;
    virtual Status detach(const Hook& hook) = 0;
};

// Network devices of this network namespace.
class Links {
  public:
    virtual ~Links() = default;
    // The devices named, in this order, leaving out those that do not exist. With no names: those
    // that hold one of `addresses`; with no addresses either, those of the default routes.
    virtual Result<std::vector<Underlay>> underlays(const std::vector<std::string>& names,
                                                    const std::vector<IpAddress>& addresses) = 0;
    // UDP ports of WireGuard devices in the kernel that are not ours.
    virtual Result<std::set<std::uint16_t>> foreign_tunnels() = 0;
    // The device by which packets for the address leave; none: there is no route.
    virtual Result<std::optional<std::uint32_t>> route(const IpAddress& address) = 0;
    // The pods with addresses within `prefixes` that are behind veths whose names match one of the
    // shell patterns `names`.
    virtual Result<LocalPods> pods(const std::vector<std::string>& names,
                                   const std::vector<Prefix>& prefixes) = 0;
};

}  // namespace wgs
