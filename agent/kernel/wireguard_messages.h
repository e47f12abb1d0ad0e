// SPDX-License-Identifier: Apache-2.0
// Messages of the generic netlink family "wireguard": requests encoded, dumps decoded.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/netlink.h"
#include "model/key.h"
#include "model/state.h"

namespace wgs {

// No request is longer. A nested attribute, and so a peer within a message, cannot pass 64 KiB.
inline constexpr std::size_t kLongestWireguardRequest = 16 * 1024;

class WireguardEncoder {
  public:
    // `family` is the number the kernel has given to "wireguard".
    WireguardEncoder(int family, std::string device)
        : family_(family), device_(std::move(device)) {}

    [[nodiscard]] NetlinkMessage get_device() const;
    [[nodiscard]] NetlinkMessage set_device(const TunnelSettings& settings,
                                            const PrivateKey& key) const;
    // To be sent in order. A message takes as many peers as have room. A peer with many allowed IPs
    // takes several messages; those after the first do not create the peer again if it has been
    // removed meanwhile.
    [[nodiscard]] std::vector<NetlinkMessage> update_peers(
        std::span<const PeerUpdate> updates) const;
    // By the per-prefix remove flag, which Linux has since 6.16.
    [[nodiscard]] std::vector<NetlinkMessage> remove_allowed_ips(
        const PublicKey& peer, std::span<const Prefix> prefixes) const;
    [[nodiscard]] NetlinkMessage remove_peer(const PublicKey& peer) const;

  private:
    int family_;
    std::string device_;
};

// Collects a dump from its messages: a peer whose allowed IPs do not fit is continued in the next
// one. Leaves ifindex, up and mtu alone.
class WireguardDecoder {
  public:
    Status take(nlmsghdr& message);
    [[nodiscard]] TunnelState result() && { return std::move(state_); }

  private:
    Status take_peer(nlattr& peer);

    TunnelState state_;
};

// What one message of a dump says of it; none: nothing. It belongs to a device of anybody.
Result<std::optional<std::uint16_t>> listen_port(nlmsghdr& message);

}  // namespace wgs
