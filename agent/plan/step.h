// SPDX-License-Identifier: Apache-2.0
// Changes to the kernel, as data: one, or many of a kind.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "model/state.h"

namespace wgs {

// `tunnel` says which of our devices.
struct CreateTunnel {
    TunnelIndex tunnel = 0;
    bool operator==(const CreateTunnel&) const = default;
};
struct DestroyTunnel {
    TunnelIndex tunnel = 0;
    bool operator==(const DestroyTunnel&) const = default;
};
struct ConfigureTunnel {
    TunnelIndex tunnel = 0;
    TunnelSettings settings;
    bool operator==(const ConfigureTunnel&) const = default;
};
// An allowed IP of a session.
struct Holding {
    Prefix prefix;
    PublicKey holder;
    bool operator==(const Holding&) const = default;
};
struct UpdateSessions {
    TunnelIndex tunnel = 0;
    std::vector<PeerUpdate> updates;
    std::vector<Holding> taken;  // what other sessions lose by it
    bool operator==(const UpdateSessions&) const = default;
};
// Removes the peer and adds it again: forgets its endpoint and handshake.
struct RestartSession {
    TunnelIndex tunnel = 0;
    PeerUpdate update;
    bool operator==(const RestartSession&) const = default;
};
struct RemoveAllowedIps {
    TunnelIndex tunnel = 0;
    PublicKey public_key;
    std::vector<Prefix> prefixes;
    bool operator==(const RemoveAllowedIps&) const = default;
};
struct RemoveSession {
    TunnelIndex tunnel = 0;
    PublicKey public_key;
    bool operator==(const RemoveSession&) const = default;
};
struct SetTunnelEntry {
    TunnelIndex tunnel = 0;
    TunnelEntry entry;  // without a device: frees the row
    bool operator==(const SetTunnelEntry&) const = default;
};
struct SetUnderlay {
    std::uint8_t index = 0;
    UnderlayEntry entry;
    bool operator==(const SetUnderlay&) const = default;
};
struct AddBypass {
    Service service;
    bool operator==(const AddBypass&) const = default;
};
struct RemoveBypass {
    Service service;
    bool operator==(const RemoveBypass&) const = default;
};
struct BindPeer {
    PeerId id = 0;
    PeerRecord record;
    bool operator==(const BindPeer&) const = default;
};
struct UpdateRecord {
    PeerId id = 0;
    PeerRecord record;
    bool operator==(const UpdateRecord&) const = default;
};
struct SetPeerState {
    PeerId id = 0;
    std::uint32_t state = 0;  // enum wgs_peer_state
    bool operator==(const SetPeerState&) const = default;
};
struct SetPeerWay {
    PeerId id = 0;
    PeerWay way;
    bool operator==(const SetPeerWay&) const = default;
};
struct ReleasePeer {
    PeerId id = 0;
    bool operator==(const ReleasePeer&) const = default;
};
struct SetPrefixes {
    std::vector<PrefixRow> rows;
    bool operator==(const SetPrefixes&) const = default;
};
struct RemovePrefixes {
    std::vector<Prefix> prefixes;
    bool operator==(const RemovePrefixes&) const = default;
};
struct SetWatched {
    std::vector<WatchRow> rows;
    bool operator==(const SetWatched&) const = default;
};
struct RemoveWatched {
    std::vector<Prefix> prefixes;
    bool operator==(const RemoveWatched&) const = default;
};
struct SetPod {
    IpAddress address;
    LocalPod pod;
    bool operator==(const SetPod&) const = default;
};
struct RemovePod {
    IpAddress address;
    bool operator==(const RemovePod&) const = default;
};
struct AttachHook {
    Hook hook;
    bool operator==(const AttachHook&) const = default;
};
struct DetachHook {
    Hook hook;
    bool operator==(const DetachHook&) const = default;
};

using Step = std::variant<CreateTunnel, DestroyTunnel, ConfigureTunnel, UpdateSessions,
                          RestartSession, RemoveAllowedIps, RemoveSession, SetTunnelEntry,
                          SetUnderlay, AddBypass, RemoveBypass, BindPeer, UpdateRecord,
                          SetPeerState, SetPeerWay, ReleasePeer, SetPrefixes, RemovePrefixes,
                          SetPod, RemovePod, SetWatched, RemoveWatched, AttachHook, DetachHook>;

// One line for logs and errors: "set 3 prefixes, 10.1.0.0/24 to peer 9 first".
[[nodiscard]] std::string describe(const Step& step);
// How many rows or peers it changes.
[[nodiscard]] std::size_t count_changes(const Step& step);

}  // namespace wgs
