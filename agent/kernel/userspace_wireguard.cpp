// SPDX-License-Identifier: Apache-2.0
#include "kernel/userspace_wireguard.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "kernel/wireguard_text.h"

namespace wgs {
namespace {

Status try_port(const sockaddr& address, socklen_t size, std::uint16_t port) {
    const UniqueFd probe(::socket(address.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!probe) return {};  // a family that this kernel does not have
    if (address.sa_family == AF_INET6) {
        const int only = 1;
        ::setsockopt(probe.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    }
    if (::bind(probe.get(), &address, size) == 0) return {};
    return os_error(errno, "use UDP port " + std::to_string(port));
}

// wireguard-go opens its sockets when the device comes up, and tells nobody if that fails.
Status check_port_free(std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    WGS_TRY(try_port(reinterpret_cast<const sockaddr&>(v4), sizeof(v4), port));
    return try_port(reinterpret_cast<const sockaddr&>(v6), sizeof(v6), port);
}

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
    TunnelState state = WGS_TRY(read_device());
    state.ifindex = link->ifindex;
    state.mtu = link->mtu;
    state.up = link->admin_up;
    return state;
}

Status UserspaceWireguard::create() {
    if (WGS_TRY(find_link())) return process_.adopt().within("adopt " + options_.device);
    // A process whose device somebody deleted is about to end, or stuck.
    WGS_TRY(process_.stop());
    return process_.start();
}

Status UserspaceWireguard::configure(const TunnelSettings& settings) {
    const TunnelState actual = WGS_TRY(read_device());
    if (actual.port != settings.port) WGS_TRY(check_port_free(settings.port));
    std::string request = format_settings(actual, settings, options_.private_key);
    const Status done = set(request, "set key, port and fwmark");
    sodium_memzero(request.data(), request.size());
    if (!done) return done;
    WGS_TRY(rtnetlink_.set_mtu(options_.device, settings.mtu));
    return rtnetlink_.set_up(options_.device);
}

Status UserspaceWireguard::update_peer(const PeerUpdate& update) {
    return set(format_update(update), "update peer " + update.public_key.to_base64());
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
