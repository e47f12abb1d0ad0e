// SPDX-License-Identifier: Apache-2.0
// A WireGuard device run by wireguard-go.
#pragma once

#include <string>

#include "kernel/rtnetlink.h"
#include "kernel/wireguard.h"
#include "kernel/wireguard_go.h"

namespace wgs {

class UserspaceWireguard final : public WireguardBackend {
  public:
    UserspaceWireguard(Rtnetlink rtnetlink, WireguardOptions options);

    [[nodiscard]] BackendKind kind() const override { return BackendKind::userspace; }
    [[nodiscard]] int process_fd() const override { return process_.process_fd(); }
    Result<std::optional<TunnelState>> observe() override;
    Result<std::optional<TunnelLink>> observe_link() override;
    Status create() override;
    Status configure(const TunnelSettings& settings) override;
    Status update_peers(std::span<const PeerUpdate> updates) override;
    Status remove_allowed_ips(const PublicKey& peer, std::span<const Prefix> prefixes) override;
    Status remove_peer(const PublicKey& peer) override;
    Status destroy() override;

  private:
    // The TUN device; an interface of another type with its name is an error.
    Result<std::optional<LinkInfo>> find_link();
    Result<TunnelState> read_device();
    Status set(const std::string& request, std::string_view what);

    Rtnetlink rtnetlink_;
    WireguardOptions options_;
    WireguardGo process_;
};

}  // namespace wgs
