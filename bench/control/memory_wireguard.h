// SPDX-License-Identifier: Apache-2.0
// A WireGuard device that only remembers what it is told.
#pragma once

#include "model/ports.h"

namespace wgs {

class MemoryWireguard final : public WireguardDevice {
  public:
    explicit MemoryWireguard(const PublicKey& own_key) : own_key_(own_key) {}

    [[nodiscard]] BackendKind kind() const override { return BackendKind::kernel; }
    Result<std::optional<TunnelState>> observe() override { return device_; }
    Result<std::optional<TunnelLink>> observe_link() override {
        if (!device_) return std::nullopt;
        return TunnelLink{.ifindex = device_->ifindex, .up = device_->up, .mtu = device_->mtu};
    }
    Status create() override {
        // Its hooks need a device that is there: loopback.
        if (!device_) device_ = TunnelState{.ifindex = 1};
        return {};
    }
    Status configure(const TunnelSettings& settings) override {
        device_->up = true;
        device_->mtu = settings.mtu;
        device_->port = settings.port;
        device_->fwmark = settings.fwmark;
        device_->public_key = own_key_;
        return {};
    }
    Status update_peers(std::span<const PeerUpdate> updates) override {
        for (const PeerUpdate& update : updates) {
            Session& session = device_->sessions[update.public_key];
            if (update.endpoint) session.endpoint = update.endpoint;
            if (update.keepalive) session.keepalive = *update.keepalive;
            if (update.preshared_key) session.preshared_key = update.preshared_key->print();
            session.allowed_ips.insert(update.add_allowed_ips);
        }
        return {};
    }
    Status remove_allowed_ips(const PublicKey& peer, std::span<const Prefix> prefixes) override {
        for (const Prefix& prefix : prefixes)
            device_->sessions[peer].allowed_ips.erase(prefix);
        return {};
    }
    Status remove_peer(const PublicKey& peer) override {
        device_->sessions.erase(peer);
        return {};
    }
    Status destroy() override {
        device_.reset();
        return {};
    }

    // A handshake with every peer completes.
    void shake_hands(Clock::time_point when) {
        for (auto& [key, session] : device_->sessions)
            session.last_handshake = when;
    }

  private:
    PublicKey own_key_;
    std::optional<TunnelState> device_;
};

}  // namespace wgs
