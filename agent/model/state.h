// SPDX-License-Identifier: Apache-2.0
// The kernel's side as values: what is wanted and what is there. Both are compared by plan().
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/ip.h"
#include "model/key.h"
#include "model/prefix_map.h"
#include "model/prefix_rules.h"
#include "model/preshared_key.h"
#include "model/tunnels.h"

namespace wgs {

using Clock = std::chrono::system_clock;  // WireGuard reports handshakes in wall-clock time
using PeerId = std::uint32_t;

enum class PeerState { no_key, conflict, waiting, ready, stalled };
[[nodiscard]] std::string_view to_string(PeerState state);

using PeerStates = std::map<PeerName, PeerState, PeerNameLess>;

enum class BackendKind { kernel, userspace };
[[nodiscard]] std::string_view to_string(BackendKind kind);

// One peer as a WireGuard device shows it.
struct Session {
    std::optional<Endpoint> endpoint;
    std::chrono::seconds keepalive{0};
    std::optional<Clock::time_point> last_handshake;
    std::uint64_t rx_bytes = 0;  // as counted by WireGuard, headers included
    std::uint64_t tx_bytes = 0;
    PrefixSet allowed_ips;
    KeyPrint preshared_key{};  // of the one it has
};

// A WireGuard device as a link.
struct TunnelLink {
    std::uint32_t ifindex = 0;
    bool up = false;
    std::uint32_t mtu = 0;
    bool operator==(const TunnelLink&) const = default;
};

// One WireGuard device.
struct TunnelState {
    std::uint32_t ifindex = 0;
    bool up = false;
    std::uint32_t mtu = 0;
    std::uint16_t port = 0;
    std::uint32_t fwmark = 0;
    PublicKey public_key;
    std::map<PublicKey, Session> sessions;
};

struct TunnelSettings {
    std::uint16_t port = 0;
    std::uint32_t fwmark = 0;
    std::uint32_t mtu = 0;

    bool operator==(const TunnelSettings&) const = default;
};

// Changes to one peer of a device. Allowed IPs are added, never replaced as a whole: adding one
// that another peer has moves it atomically.
struct PeerUpdate {
    PublicKey public_key;
    std::optional<Endpoint> endpoint;               // none: leave
    std::optional<std::chrono::seconds> keepalive;  // none: leave
    std::vector<Prefix> add_allowed_ips;
    // None: leave. A session that is there goes on with the keys it has, until it takes new ones.
    std::optional<PresharedKey> preshared_key = {};
    bool operator==(const PeerUpdate&) const = default;
};

// A network device which leads to the other nodes.
struct Underlay {
    std::string name;
    std::string kind;  // "veth", "vlan", "bond", ...; empty: a driver's
    std::uint32_t ifindex = 0;
    std::array<std::uint8_t, 6> mac{};
    std::uint32_t mtu = 0;
    bool up = false;
    std::vector<IpAddress> addresses;   // global scope
    std::vector<Prefix> networks = {};  // of these addresses: who is in one is on the link

    bool operator==(const Underlay&) const = default;
};

enum class HookPoint : std::uint8_t {
    nic_out = 0,
    wg_in = 1,
    nic_in = 2,
    nic_guard = 3,
    pod_out = 4,
    leak_watch = 5
};

[[nodiscard]] std::string_view to_string(HookPoint point);

struct Hook {
    std::uint32_t ifindex = 0;
    HookPoint point = HookPoint::nic_out;
    auto operator<=>(const Hook&) const = default;
};

// Who owns a prefix, as the prefix tables hold it.
struct Owner {
    PeerId peer = 0;
    PrefixClass prefix_class = PrefixClass::pod;
    bool operator==(const Owner&) const = default;
};

struct PrefixRow {
    Prefix prefix;
    Owner owner;
    bool operator==(const PrefixRow&) const = default;
};

// What the watcher of leaving packets reports of a prefix; `flags` are of enum wgs_watch.
struct WatchRow {
    Prefix prefix;
    std::uint32_t flags = 0;
    bool operator==(const WatchRow&) const = default;
};

// What a peer id stands for.
struct PeerRecord {
    std::string name;                  // of the node
    TunnelIndex tunnel = 0;            // in which the node is this peer
    PublicKey public_key;              // zero: none
    std::optional<Endpoint> endpoint;  // as last written to WireGuard by us

    [[nodiscard]] PeerName peer_name() const { return {name, tunnel}; }
    bool operator==(const PeerRecord&) const = default;
};

// How packets for a peer travel.
struct PeerWay {
    std::uint16_t mtu = 0;      // largest inner packet, bytes; 0: not known
    std::uint8_t underlay = 0;  // index of the row of the device that leads there
    bool operator==(const PeerWay&) const = default;
};

struct PeerSlot {
    std::uint32_t state = 0;  // enum wgs_peer_state
    PeerWay way;
    PeerRecord record;
    bool operator==(const PeerSlot&) const = default;
};

// A row of the tunnel table.
struct TunnelEntry {
    std::uint32_t ifindex = 0;
    std::uint16_t port = 0;
    bool operator==(const TunnelEntry&) const = default;
};

// A row of the underlay table: where decrypted packets re-enter.
struct UnderlayEntry {
    std::uint32_t ifindex = 0;
    std::array<std::uint8_t, 6> mac{};
    bool operator==(const UnderlayEntry&) const = default;
};

// How to reach a pod of this node without the host's stack.
struct LocalPod {
    std::uint32_t ifindex = 0;                  // of the host's end of its veth
    std::array<std::uint8_t, 6> mac{};          // of the pod's end
    std::array<std::uint8_t, 6> gateway_mac{};  // what the pod sends to: that veth, or its bridge
    bool operator==(const LocalPod&) const = default;
};
using LocalPods = std::map<IpAddress, LocalPod>;

struct HookState {
    std::set<Hook> hooks;     // where our current programs are attached
    std::set<Hook> outdated;  // where older ones of ours are
    // Guards that could not be attached, and why. They are missing here again when it is time for
    // another try.
    std::map<Hook, std::string> refused;
    // The tables of our programs were empty when they were loaded: what outdated ones look up is
    // not in them.
    bool new_tables = false;
};

using WatchTable = PrefixMap<std::uint32_t>;  // flags of enum wgs_watch

// Everything in BPF maps and hooks.
struct SteeringState : HookState {
    PrefixMap<Owner> prefixes;
    std::map<PeerId, PeerSlot> slots;                 // used ids only, special ids not included
    std::map<TunnelIndex, TunnelEntry> tunnels;       // used rows only
    std::map<std::uint8_t, UnderlayEntry> underlays;  // used rows only
    std::set<Service> bypass;
    LocalPods pods;
    WatchTable watched;
};

}  // namespace wgs
