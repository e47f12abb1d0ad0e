// SPDX-License-Identifier: Apache-2.0
// Changing a WireGuard device by hand, as an operator with another tool would.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "model/ip.h"
#include "model/key.h"
#include "tests/support/net_namespace.h"

namespace wgs::test {

// Speaks to wireguard-go through its socket where there is one, else uses the `wg` tool.
class WireguardControl {
  public:
    // Borrows the namespace. `run_dir` is that of the agent which runs the device.
    WireguardControl(const NetNamespace& ns, const std::filesystem::path& run_dir,
                     std::string device);

    // Why neither way is open here.
    [[nodiscard]] std::optional<std::string> obstacle() const;
    // Makes it one end of a tunnel; `endpoint` as ADDRESS:PORT. Only over wireguard-go's socket.
    void connect(const PrivateKey& key, std::uint16_t port, const PublicKey& peer,
                 const std::string& endpoint, const Prefix& allowed_ip) const;
    void remove_peer(const PublicKey& peer) const;
    void set_fwmark(std::uint32_t mark) const;

  private:
    void set(const std::string& lines) const;
    void wg(const std::vector<std::string>& arguments) const;

    const NetNamespace* ns_;
    std::filesystem::path socket_;
    std::string device_;
};

}  // namespace wgs::test
