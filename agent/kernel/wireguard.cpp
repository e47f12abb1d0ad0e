// SPDX-License-Identifier: Apache-2.0
#include "kernel/wireguard.h"

#include <sodium.h>

#include <array>
#include <optional>
#include <utility>

#include "kernel/netlink_wireguard.h"
#include "kernel/rtnetlink.h"
#include "kernel/userspace_wireguard.h"

namespace wgs {
namespace {

using Backend = std::unique_ptr<WireguardBackend>;

Result<Backend> open_userspace(const WireguardOptions& options) {
    return std::make_unique<UserspaceWireguard>(WGS_TRY(Rtnetlink::open()), options);
}

Result<Backend> open_kernel(const WireguardOptions& options) {
    return std::make_unique<NetlinkWireguard>(WGS_TRY(Rtnetlink::open()), options);
}

// Creating the device is the probe: it also loads the kernel module, and nothing else tells.
Result<Backend> open_new(const WireguardOptions& options) {
    Backend kernel = WGS_TRY(open_kernel(options));
    const Status created = kernel->create();
    if (created) return kernel;
    if (created.error().is(std::errc::operation_not_supported)) return open_userspace(options);
    return tl::unexpected(created.error());
}

}  // namespace

Result<Backend> open_wireguard(BackendChoice choice, const WireguardOptions& options) {
    if (choice == BackendChoice::kernel) return open_kernel(options);
    if (choice == BackendChoice::userspace) return open_userspace(options);
    Rtnetlink rtnetlink = WGS_TRY(Rtnetlink::open());
    const auto link = WGS_TRY(rtnetlink.find(options.device));
    if (!link) return open_new(options);
    return link->kind == "tun" ? open_userspace(options) : open_kernel(options);
}

tl::unexpected<Error> wrong_link_type(const LinkInfo& link, const std::string& expected) {
    return make_error(std::errc::file_exists, "interface " + link.name +
                                                  " exists and is of type '" + link.kind +
                                                  "', not '" + expected + "'");
}

std::vector<Prefix> held_by(const TunnelState& state, const PublicKey& peer,
                            std::span<const Prefix> prefixes) {
    std::vector<Prefix> held;
    const auto session = state.sessions.find(peer);
    if (session == state.sessions.end()) return held;
    for (const Prefix& prefix : prefixes) {
        if (session->second.allowed_ips.contains(prefix)) held.push_back(prefix);
    }
    return held;
}

std::string what_updates(std::span<const PeerUpdate> updates) {
    const std::string first = updates.front().public_key.to_base64();
    if (updates.size() == 1) return "update peer " + first;
    return "update " + std::to_string(updates.size()) + " peers, " + first + " first";
}

PublicKey random_public_key() {
    std::array<std::uint8_t, PublicKey::kSize> bytes;
    randombytes_buf(bytes.data(), bytes.size());
    return PublicKey(bytes);
}

}  // namespace wgs
