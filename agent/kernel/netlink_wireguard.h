// SPDX-License-Identifier: Apache-2.0
// The kernel's own WireGuard, over generic netlink.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/netlink.h"
#include "kernel/rtnetlink.h"
#include "kernel/wireguard.h"
#include "kernel/wireguard_messages.h"

namespace wgs {

class NetlinkWireguard final : public WireguardBackend {
  public:
    NetlinkWireguard(Rtnetlink rtnetlink, WireguardOptions options);

    [[nodiscard]] BackendKind kind() const override { return BackendKind::kernel; }
    [[nodiscard]] int process_fd() const override { return -1; }
    Result<std::optional<TunnelState>> observe() override;
    Result<std::optional<TunnelLink>> observe_link() override;
    Status create() override;
    Status configure(const TunnelSettings& settings) override;
    Status update_peers(std::span<const PeerUpdate> updates) override;
    Status remove_allowed_ips(const PublicKey& peer, std::span<const Prefix> prefixes) override;
    Status remove_peer(const PublicKey& peer) override;
    Status destroy() override;

  private:
    // The generic netlink side, opened at first use: the family exists only once the module is
    // there.
    struct Channel {
        NetlinkSocket socket;
        WireguardEncoder encoder;
    };
    Result<Channel*> channel();
    Result<std::optional<LinkInfo>> find_link();
    Result<TunnelState> read_device();
    Status send(const std::vector<NetlinkMessage>& messages, std::string_view what);
    Status steal_allowed_ips(const PublicKey& peer, std::span<const Prefix> prefixes);

    Rtnetlink rtnetlink_;
    WireguardOptions options_;
    std::optional<Channel> channel_;
    bool lacks_remove_flag_ = false;  // found out at the first removal
};

}  // namespace wgs
