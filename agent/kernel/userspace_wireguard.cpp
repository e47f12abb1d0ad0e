// SPDX-License-Identifier: Apache-2.0
#include "kernel/userspace_wireguard.h"

#include <utility>

#include "kernel/wireguard_text.h"

namespace wgs {
namespace {

// Of packets that wait to be encrypted. The kernel's 500 are soon there when another process has
// its turn; this is still a matter of milliseconds at the rate at which they are taken.
constexpr std::uint32_t kQueueLength = 2000;

}  // namespace

UserspaceWireguard::UserspaceWireguard(Rtnetlink rtnetlink, WireguardOptions options)
    : rtnetlink_(std::move(rtnetlink)),
      options_(std::move(options)),
      process_(options_.device, options_.run_dir / "wireguard") {}

Result<std::optional<LinkInfo>> UserspaceWireguard::find_link() {
    auto link = WGS_TRY(rtnetlink_.find(options_.device));
    if (link && link->kind != "tun") return wrong_link_type(*link, "tun");
    return link;
}

Result<TunnelState> UserspaceWireguard::read_device() {
    std::string answer = WGS_TRY(process_.exchange(kTextGetRequest));
    auto state = parse_device(answer);
    sodium_memzero(answer.data(), answer.size());
    return std::move(state).within(options_.device);
}

Status UserspaceWireguard::set(const std::string& request, std::string_view what) {
    const std::string answer = WGS_TRY(process_.exchange(request));
    return parse_acknowledgement(answer, what).within(options_.device);
}

Result<std::optional<TunnelState>> UserspaceWireguard::observe() {
    const auto link = WGS_TRY(find_link());
    if (!link) return std::nullopt;
    WGS_TRY(process_.adopt().within("adopt " + options_.device));
    // Without the permission it works as well, with less patience. Looked at each time, because its
    // sockets come and go when it likes.
    static_cast<void>(process_.enlarge_buffers());
    TunnelState state = WGS_TRY(read_device());
    state.ifindex = link->ifindex;
    state.mtu = link->mtu;
    state.up = link->admin_up;
    return state;
}

Result<std::optional<TunnelLink>> UserspaceWireguard::observe_link() {
    const auto link = WGS_TRY(find_link());
    if (!link) return std::nullopt;
    return TunnelLink{.ifindex = link->ifindex, .up = link->admin_up, .mtu = link->mtu};
}

Status UserspaceWireguard::create() {
    if (WGS_TRY(find_link())) return process_.adopt().within("adopt " + options_.device);
    // A process whose device somebody deleted is about to end, or stuck.
    WGS_TRY(process_.stop());
    return process_.start();
}

Status UserspaceWireguard::configure(const TunnelSettings& settings) {
    const TunnelState actual = WGS_TRY(read_device());
    std::string request = format_settings(actual, settings, options_.private_key);
    const Status done = set(request, "set key, port and fwmark");
    sodium_memzero(request.data(), request.size());
    if (!done) return done;
    WGS_TRY(rtnetlink_.set_mtu(options_.device, settings.mtu));
    WGS_TRY(rtnetlink_.set_queue_length(options_.device, kQueueLength));
    // As the kernel's WireGuard: nobody talks to a tunnel by an address of its own.
    WGS_TRY(rtnetlink_.forgo_link_local(options_.device));
    return rtnetlink_.set_up(options_.device);
}

Status UserspaceWireguard::update_peers(std::span<const PeerUpdate> updates) {
    if (updates.empty()) return {};
    std::string request = format_updates(updates);
    Status done = set(request, what_updates(updates));
    sodium_memzero(request.data(), request.size());
    return done;
}

Status UserspaceWireguard::remove_allowed_ips(const PublicKey& peer,
                                              std::span<const Prefix> prefixes) {
    const std::vector<Prefix> held = held_by(WGS_TRY(read_device()), peer, prefixes);
    if (held.empty()) return {};
    return set(format_steal(random_public_key(), held),
               "remove allowed IPs of " + peer.to_base64());
}

Status UserspaceWireguard::remove_peer(const PublicKey& peer) {
    return set(format_removal(peer), "remove peer " + peer.to_base64());
}

Status UserspaceWireguard::destroy() {
    if (WGS_TRY(find_link())) {
        WGS_TRY(process_.adopt().within("delete " + options_.device));
        WGS_TRY(rtnetlink_.remove(options_.device));
    }
    WGS_TRY(process_.stop());
    process_.remove_log();
    return {};
}

}  // namespace wgs
