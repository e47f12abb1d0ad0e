// SPDX-License-Identifier: Apache-2.0
#include "kernel/foreign_tunnels.h"

#include <linux/netlink.h>
#include <linux/wireguard.h>

#include <utility>

#include "kernel/wireguard_messages.h"

namespace wgs {

Result<ForeignTunnels::Channel*> ForeignTunnels::channel() {
    if (!channel_) {
        NetlinkSocket socket = WGS_TRY(NetlinkSocket::open(NETLINK_GENERIC));
        const int family = WGS_TRY(socket.resolve_family(WG_GENL_NAME));
        channel_.emplace(Channel{.socket = std::move(socket), .family = family});
    }
    return &*channel_;
}

// The first message of a dump has the port; it says the same however often the dump is interrupted.
Result<std::uint16_t> ForeignTunnels::read_port(const std::string& device) {
    Channel* channel = WGS_TRY(this->channel());
    std::uint16_t port = 0;
    const Status read =
        channel->socket.transact(WireguardEncoder(channel->family, device).get_device(),
                                 "read WireGuard device " + device, [&](nlmsghdr& reply) -> Status {
                                     port = WGS_TRY(listen_port(reply)).value_or(port);
                                     return {};
                                 });
    if (!read && !read.error().is(std::errc::interrupted)) return tl::unexpected(read.error());
    return port;
}

std::set<std::uint16_t> ForeignTunnels::ports(const std::vector<LinkInfo>& links,
                                              const std::set<std::string>& own) {
    std::map<std::uint32_t, std::uint16_t> there;
    for (const LinkInfo& link : links) {
        if (link.kind != "wireguard" || own.contains(link.name)) continue;
        const auto known = known_.find(link.ifindex);
        const std::uint16_t before = known == known_.end() ? 0 : known->second;
        there[link.ifindex] = read_port(link.name).value_or(before);
    }
    known_ = std::move(there);
    std::set<std::uint16_t> ports;
    for (const auto& [ifindex, port] : known_) {
        if (port != 0) ports.insert(port);
    }
    return ports;
}

}  // namespace wgs
