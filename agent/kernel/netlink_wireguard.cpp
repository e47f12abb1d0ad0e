// SPDX-License-Identifier: Apache-2.0
#include "kernel/netlink_wireguard.h"

#include <linux/netlink.h>
#include <linux/wireguard.h>

#include <utility>

namespace wgs {
namespace {

constexpr const char* kLinkKind = "wireguard";

}  // namespace

NetlinkWireguard::NetlinkWireguard(Rtnetlink rtnetlink, WireguardOptions options)
    : rtnetlink_(std::move(rtnetlink)), options_(std::move(options)) {}

Result<NetlinkWireguard::Channel*> NetlinkWireguard::channel() {
    if (!channel_) {
        NetlinkSocket socket = WGS_TRY(NetlinkSocket::open(NETLINK_GENERIC));
        const int family = WGS_TRY(socket.resolve_family(WG_GENL_NAME));
        channel_.emplace(Channel{.socket = std::move(socket),
                                 .encoder = WireguardEncoder(family, options_.device)});
    }
    return &*channel_;
}

Result<std::optional<LinkInfo>> NetlinkWireguard::find_link() {
    auto link = WGS_TRY(rtnetlink_.find(options_.device));
    if (link && link->kind != kLinkKind) return wrong_link_type(*link, kLinkKind);
    return link;
}

Result<TunnelState> NetlinkWireguard::read_device() {
    Channel* channel = WGS_TRY(this->channel());
    return retry_interrupted([&]() -> Result<TunnelState> {
        WireguardDecoder decoder;
        WGS_TRY(channel->socket.transact(channel->encoder.get_device(),
                                         "read WireGuard device " + options_.device,
                                         [&](nlmsghdr& reply) { return decoder.take(reply); }));
        return std::move(decoder).result();
    });
}

Status NetlinkWireguard::send(const std::vector<NetlinkMessage>& messages, std::string_view what) {
    Channel* channel = WGS_TRY(this->channel());
    for (const NetlinkMessage& message : messages) {
        WGS_TRY(channel->socket.transact(message, what).within(options_.device));
    }
    return {};
}

Result<std::optional<TunnelState>> NetlinkWireguard::observe() {
    const auto link = WGS_TRY(find_link());
    if (!link) return std::nullopt;
    TunnelState state = WGS_TRY(read_device());
    state.ifindex = link->ifindex;
    state.mtu = link->mtu;
    state.up = link->admin_up;
    return state;
}

Result<std::optional<TunnelLink>> NetlinkWireguard::observe_link() {
    const auto link = WGS_TRY(find_link());
    if (!link) return std::nullopt;
    return TunnelLink{.ifindex = link->ifindex, .up = link->admin_up, .mtu = link->mtu};
}

Status NetlinkWireguard::create() {
    if (WGS_TRY(find_link())) return {};
    return rtnetlink_.create(options_.device, kLinkKind);
}

Status NetlinkWireguard::configure(const TunnelSettings& settings) {
    Channel* channel = WGS_TRY(this->channel());
    const auto request = channel->encoder.set_device(settings, options_.private_key);
    WGS_TRY(channel->socket.transact(request, "set key, port and fwmark of " + options_.device));
    WGS_TRY(rtnetlink_.set_mtu(options_.device, settings.mtu));
    return rtnetlink_.set_up(options_.device);
}

Status NetlinkWireguard::update_peers(std::span<const PeerUpdate> updates) {
    if (updates.empty()) return {};
    Channel* channel = WGS_TRY(this->channel());
    return send(channel->encoder.update_peers(updates), what_updates(updates));
}

Status NetlinkWireguard::remove_allowed_ips(const PublicKey& peer,
                                            std::span<const Prefix> prefixes) {
    if (lacks_remove_flag_) return steal_allowed_ips(peer, prefixes);
    Channel* channel = WGS_TRY(this->channel());
    const Status removed = send(channel->encoder.remove_allowed_ips(peer, prefixes),
                                "remove allowed IPs of " + peer.to_base64());
    if (removed || !removed.error().is(std::errc::invalid_argument)) return removed;
    // Before 6.16 the kernel refuses the flags attribute, and with it the first prefix: nothing
    // happened.
    lacks_remove_flag_ = true;
    return steal_allowed_ips(peer, prefixes);
}

Status NetlinkWireguard::steal_allowed_ips(const PublicKey& peer,
                                           std::span<const Prefix> prefixes) {
    PeerUpdate thief{.public_key = random_public_key(),
                     .add_allowed_ips = held_by(WGS_TRY(read_device()), peer, prefixes)};
    if (thief.add_allowed_ips.empty()) return {};
    const Status stolen = update_peers({&thief, 1});
    const Status thrown = remove_peer(thief.public_key);
    return stolen ? thrown : stolen;
}

Status NetlinkWireguard::remove_peer(const PublicKey& peer) {
    Channel* channel = WGS_TRY(this->channel());
    std::vector<NetlinkMessage> messages;
    messages.push_back(channel->encoder.remove_peer(peer));
    return send(messages, "remove peer " + peer.to_base64());
}

Status NetlinkWireguard::destroy() {
    if (!WGS_TRY(find_link())) return {};
    return rtnetlink_.remove(options_.device);
}

}  // namespace wgs
