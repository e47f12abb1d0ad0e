// SPDX-License-Identifier: Apache-2.0
// Entry to the WireGuard backends: chooses the kernel's or wireguard-go.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/config.h"
#include "model/key.h"
#include "model/ports.h"

namespace wgs {

struct LinkInfo;

struct WireguardOptions {
    std::string device;
    std::filesystem::path run_dir;
    std::reference_wrapper<const PrivateKey> private_key;  // borrowed: outlives the device
};

class WireguardBackend : public WireguardDevice {
  public:
    // Becomes readable when the process that runs the device ends; create() starts a new one. -1 if
    // no process is held, as always with the kernel's WireGuard. Borrowed, and valid until the next
    // observe(), create() or destroy().
    [[nodiscard]] virtual int process_fd() const = 0;
};

// An existing device is taken over by the backend it belongs to. If there is none, `automatic`
// tries to create the kernel's and leaves it there, and takes wireguard-go if the kernel has no
// WireGuard.
Result<std::unique_ptr<WireguardBackend>> open_wireguard(BackendChoice choice,
                                                         const WireguardOptions& options);

// Shared by the backends.
tl::unexpected<Error> wrong_link_type(const LinkInfo& link, const std::string& expected);
// Those of `prefixes` which `peer` has in `state`: only these may be stolen from it.
std::vector<Prefix> held_by(const TunnelState& state, const PublicKey& peer,
                            std::span<const Prefix> prefixes);
// For errors: "update peer KEY" or "update 3 peers, KEY first". There is one at least.
std::string what_updates(std::span<const PeerUpdate> updates);
// A key that belongs to nobody.
PublicKey random_public_key();

}  // namespace wgs
