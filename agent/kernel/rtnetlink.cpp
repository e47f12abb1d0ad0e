// SPDX-License-Identifier: Apache-2.0
#include "kernel/rtnetlink.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernel/rtnetlink_message.h"

namespace wgs {
namespace {

Result<NetlinkMessage> link_request(int type, int flags, const std::string& name,
                                    const ifinfomsg& header) {
    // Longer would fail in the kernel as "Numerical result out of range".
    if (name.empty() || name.size() >= IFNAMSIZ) return invalid("interface name '" + name + "'");
    NetlinkMessage message = request(type, flags, header);
    nla_put_string(message.get(), IFLA_IFNAME, name.c_str());
    return message;
}

std::string link_kind(nlattr* info) {
    nlattr* kind = nla_find(static_cast<nlattr*>(nla_data(info)), nla_len(info), IFLA_INFO_KIND);
    return kind != nullptr ? nla_get_string(kind) : "";
}

std::optional<PeerLink> veth_peer(nlattr* link, nlattr* netns) {
    if (link == nullptr || netns == nullptr) return std::nullopt;
    return PeerLink{.netns = nla_get_s32(netns), .ifindex = nla_get_u32(link)};
}

Result<LinkInfo> parse_link(nlmsghdr& message) {
    const auto& header = *static_cast<const ifinfomsg*>(nlmsg_data(&message));
    const auto attributes = WGS_TRY(parse<IFLA_MAX + 1>(message, sizeof(header)));
    LinkInfo link{.ifindex = static_cast<std::uint32_t>(header.ifi_index),
                  .loopback = (header.ifi_flags & IFF_LOOPBACK) != 0,
                  .admin_up = (header.ifi_flags & IFF_UP) != 0,
                  .oper_up = (header.ifi_flags & IFF_RUNNING) != 0};
    if (attributes[IFLA_IFNAME] != nullptr) link.name = nla_get_string(attributes[IFLA_IFNAME]);
    if (attributes[IFLA_MTU] != nullptr) link.mtu = nla_get_u32(attributes[IFLA_MTU]);
    if (attributes[IFLA_LINKINFO] != nullptr) link.kind = link_kind(attributes[IFLA_LINKINFO]);
    if (attributes[IFLA_MASTER] != nullptr) link.master = nla_get_u32(attributes[IFLA_MASTER]);
    if (link.kind == "veth")
        link.peer = veth_peer(attributes[IFLA_LINK], attributes[IFLA_LINK_NETNSID]);
    nlattr* mac = attributes[IFLA_ADDRESS];
    if (mac != nullptr && nla_len(mac) == static_cast<int>(link.mac.size())) {
        std::memcpy(link.mac.data(), nla_data(mac), link.mac.size());
    }
    return link;
}

Status append_link(nlmsghdr& message, std::vector<LinkInfo>& links) {
    links.push_back(WGS_TRY(parse_link(message)));
    return {};
}

Status append_address(nlmsghdr& message, std::vector<LinkAddress>& addresses) {
    const auto& header = *static_cast<const ifaddrmsg*>(nlmsg_data(&message));
    const auto attributes = WGS_TRY(parse<IFA_MAX + 1>(message, sizeof(header)));
    // On point-to-point links IFA_ADDRESS is the other end.
    nlattr* bytes =
        attributes[IFA_LOCAL] != nullptr ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
    if (bytes == nullptr || (header.ifa_flags & IFA_F_DADFAILED) != 0) return {};
    const auto size = static_cast<std::size_t>(nla_len(bytes));
    addresses.push_back({.ifindex = header.ifa_index,
                         .address = WGS_TRY(address_from_bytes(nla_data(bytes), size)),
                         .prefix_length = header.ifa_prefixlen,
                         .global = header.ifa_scope == RT_SCOPE_UNIVERSE});
    return {};
}

void append_next_hops(nlattr* multipath, std::vector<std::uint32_t>& links) {
    int left = nla_len(multipath);
    auto* hop = static_cast<const rtnexthop*>(nla_data(multipath));
    while (left >= static_cast<int>(sizeof(*hop)) && hop->rtnh_len >= sizeof(*hop) &&
           hop->rtnh_len <= left) {
        links.push_back(static_cast<std::uint32_t>(hop->rtnh_ifindex));
        const int step = NLMSG_ALIGN(hop->rtnh_len);
        left -= step;
        hop = reinterpret_cast<const rtnexthop*>(reinterpret_cast<const char*>(hop) + step);
    }
}

Status append_default_route(nlmsghdr& message, std::vector<std::uint32_t>& links) {
    const auto& header = *static_cast<const rtmsg*>(nlmsg_data(&message));
    if (header.rtm_dst_len != 0 || header.rtm_table != RT_TABLE_MAIN ||
        header.rtm_type != RTN_UNICAST) {
        return {};
    }
    const auto attributes = WGS_TRY(parse<RTA_MAX + 1>(message, sizeof(header)));
    if (attributes[RTA_OIF] != nullptr) links.push_back(nla_get_u32(attributes[RTA_OIF]));
    if (attributes[RTA_MULTIPATH] != nullptr) append_next_hops(attributes[RTA_MULTIPATH], links);
    return {};
}

Status read_route(nlmsghdr& message, std::optional<RouteTo>& route) {
    const auto& header = *static_cast<const rtmsg*>(nlmsg_data(&message));
    const auto attributes = WGS_TRY(parse<RTA_MAX + 1>(message, sizeof(header)));
    if (attributes[RTA_OIF] == nullptr) return {};
    route =
        RouteTo{.ifindex = nla_get_u32(attributes[RTA_OIF]), .local = header.rtm_type == RTN_LOCAL};
    if (nlattr* gateway = attributes[RTA_GATEWAY]; gateway != nullptr)
        route->gateway = WGS_TRY(
            address_from_bytes(nla_data(gateway), static_cast<std::size_t>(nla_len(gateway))));
    return {};
}

}  // namespace

Result<IpAddress> address_from_bytes(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    if (size == 4) return IpAddress::v4(std::span<const std::uint8_t, 4>(bytes, 4));
    if (size == 16) return IpAddress::v6(std::span<const std::uint8_t, 16>(bytes, 16));
    return invalid("address of " + std::to_string(size) + " bytes");
}

Result<Rtnetlink> Rtnetlink::open() {
    return Rtnetlink(WGS_TRY(NetlinkSocket::open(NETLINK_ROUTE)));
}

Result<std::vector<LinkInfo>> Rtnetlink::links() {
    return retry_interrupted([this]() -> Result<std::vector<LinkInfo>> {
        std::vector<LinkInfo> links;
        const auto message = request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{});
        WGS_TRY(socket_.transact(message, "list links",
                                 [&](nlmsghdr& reply) { return append_link(reply, links); }));
        return links;
    });
}

Result<std::optional<LinkInfo>> Rtnetlink::find(const std::string& name) {
    std::vector<LinkInfo> found;
    const auto message = WGS_TRY(link_request(RTM_GETLINK, 0, name, ifinfomsg{}));
    const Status status = socket_.transact(
        message, "read link " + name, [&](nlmsghdr& reply) { return append_link(reply, found); });
    if (!status && !status.error().is(std::errc::no_such_device)) {
        return tl::unexpected(status.error());
    }
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

Result<std::vector<LinkAddress>> Rtnetlink::addresses() {
    return retry_interrupted([this]() -> Result<std::vector<LinkAddress>> {
        std::vector<LinkAddress> addresses;
        const auto message = request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
        WGS_TRY(socket_.transact(message, "list addresses", [&](nlmsghdr& reply) {
            return append_address(reply, addresses);
        }));
        return addresses;
    });
}

Result<std::vector<std::uint32_t>> Rtnetlink::default_route_links() {
    return retry_interrupted([this]() -> Result<std::vector<std::uint32_t>> {
        std::vector<std::uint32_t> links;
        for (const int family : {AF_INET, AF_INET6}) {
            const rtmsg header{.rtm_family = static_cast<unsigned char>(family)};
            const auto message = request(RTM_GETROUTE, NLM_F_DUMP, header);
            WGS_TRY(socket_.transact(message, "list routes", [&](nlmsghdr& reply) {
                return append_default_route(reply, links);
            }));
        }
        return links;
    });
}

Result<std::optional<std::uint32_t>> Rtnetlink::route(const IpAddress& address) {
    const auto found = WGS_TRY(route_to(address));
    return found ? std::optional(found->ifindex) : std::nullopt;
}

Result<std::optional<RouteTo>> Rtnetlink::route_to(const IpAddress& address) {
    const auto bytes = address.bytes();
    const rtmsg header{.rtm_family = static_cast<unsigned char>(
                           address.family() == Family::v4 ? AF_INET : AF_INET6),
                       .rtm_dst_len = static_cast<unsigned char>(bytes.size() * 8)};
    const auto message = request(RTM_GETROUTE, 0, header);
    nla_put(message.get(), RTA_DST, static_cast<int>(bytes.size()), bytes.data());
    std::optional<RouteTo> route;
    const Status found =
        socket_.transact(message, "find the route to " + address.to_string(),
                         [&](nlmsghdr& reply) { return read_route(reply, route); });
    if (!found && !found.error().is(std::errc::network_unreachable) &&
        !found.error().is(std::errc::host_unreachable)) {
        return tl::unexpected(found.error());
    }
    return route;
}

Status Rtnetlink::create(const std::string& name, const std::string& kind) {
    const auto message =
        WGS_TRY(link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name, ifinfomsg{}));
    nlattr* info = nla_nest_start(message.get(), IFLA_LINKINFO);
    nla_put_string(message.get(), IFLA_INFO_KIND, kind.c_str());
    nla_nest_end(message.get(), info);
    return socket_.transact(message, "create " + kind + " link " + name);
}

Status Rtnetlink::set_mtu(const std::string& name, std::uint32_t mtu) {
    const auto message = WGS_TRY(link_request(RTM_NEWLINK, 0, name, ifinfomsg{}));
    nla_put_u32(message.get(), IFLA_MTU, mtu);
    return socket_.transact(message, "set MTU " + std::to_string(mtu) + " on " + name);
}

Status Rtnetlink::set_queue_length(const std::string& name, std::uint32_t packets) {
    const auto message = WGS_TRY(link_request(RTM_NEWLINK, 0, name, ifinfomsg{}));
    nla_put_u32(message.get(), IFLA_TXQLEN, packets);
    return socket_.transact(message, "set queue length on " + name);
}

Status Rtnetlink::set_up(const std::string& name) {
    const ifinfomsg header{.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    const auto message = WGS_TRY(link_request(RTM_NEWLINK, 0, name, header));
    return socket_.transact(message, "set " + name + " up");
}

Status Rtnetlink::forgo_link_local(const std::string& name) {
    const auto message = WGS_TRY(link_request(RTM_NEWLINK, 0, name, ifinfomsg{}));
    nlattr* families = nla_nest_start(message.get(), IFLA_AF_SPEC);
    nlattr* ipv6 = nla_nest_start(message.get(), AF_INET6);
    nla_put_u8(message.get(), IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    nla_nest_end(message.get(), ipv6);
    nla_nest_end(message.get(), families);
    Status status = socket_.transact(message, "forgo link-local address of " + name);
    if (!status && status.error().is(std::errc::address_family_not_supported)) return {};
    return status;
}

Status Rtnetlink::remove(const std::string& name) {
    const auto message = WGS_TRY(link_request(RTM_DELLINK, 0, name, ifinfomsg{}));
    Status status = socket_.transact(message, "delete link " + name);
    if (!status && status.error().is(std::errc::no_such_device)) return {};
    return status;
}

}  // namespace wgs
