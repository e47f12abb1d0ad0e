// SPDX-License-Identifier: Apache-2.0
// Reading what shows where pods are: host routes, neighbours, forwarding databases, veths.
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cstring>

#include "kernel/rtnetlink.h"
#include "kernel/rtnetlink_message.h"

namespace wgs {
namespace {

// States in which the kernel would send to the address (include/net/neighbour.h, NUD_VALID).
constexpr int kValid =
    NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;

std::optional<IpAddress> read_address(nlattr* attribute) {
    if (attribute == nullptr) return std::nullopt;
    const auto size = static_cast<std::size_t>(nla_len(attribute));
    const auto address = address_from_bytes(nla_data(attribute), size);
    return address ? std::optional(*address) : std::nullopt;
}

std::optional<MacAddress> read_mac(nlattr* attribute) {
    MacAddress mac{};
    if (attribute == nullptr || nla_len(attribute) != static_cast<int>(mac.size()))
        return std::nullopt;
    std::memcpy(mac.data(), nla_data(attribute), mac.size());
    return mac;
}

std::optional<BridgeEntry> parse_bridge_entry(nlmsghdr& message) {
    const auto& header = *static_cast<const ndmsg*>(nlmsg_data(&message));
    const auto attributes = parse<NDA_MAX + 1>(message, sizeof(header));
    if (!attributes || header.ndm_family != AF_BRIDGE) return std::nullopt;
    const auto mac = read_mac((*attributes)[NDA_LLADDR]);
    if (!mac) return std::nullopt;
    return BridgeEntry{.port = static_cast<std::uint32_t>(header.ndm_ifindex), .mac = *mac};
}

// All messages of a dump in which `parse` finds something.
template <class Item, class Header>
Result<std::vector<Item>> dump(NetlinkSocket& socket, int type, const Header& header,
                               std::string_view what,
                               std::optional<Item> (*parse)(nlmsghdr& message)) {
    return retry_interrupted([&]() -> Result<std::vector<Item>> {
        std::vector<Item> items;
        const auto message = request(type, NLM_F_DUMP, header);
        WGS_TRY(socket.transact(message, what, [&](nlmsghdr& reply) -> Status {
            if (auto item = parse(reply)) items.push_back(*item);
            return {};
        }));
        return items;
    });
}

}  // namespace

std::optional<HostRoute> parse_host_route(nlmsghdr& message) {
    const auto& header = *static_cast<const rtmsg*>(nlmsg_data(&message));
    const auto attributes = parse<RTA_MAX + 1>(message, sizeof(header));
    if (!attributes || header.rtm_table != RT_TABLE_MAIN || header.rtm_type != RTN_UNICAST)
        return std::nullopt;
    const auto destination = read_address((*attributes)[RTA_DST]);
    nlattr* device = (*attributes)[RTA_OIF];
    if (!destination || header.rtm_dst_len != destination->bits() || device == nullptr ||
        (*attributes)[RTA_VIA] != nullptr)
        return std::nullopt;
    return HostRoute{.address = *destination,
                     .ifindex = nla_get_u32(device),
                     .gateway = read_address((*attributes)[RTA_GATEWAY])};
}

std::optional<Neighbour> parse_neighbour(nlmsghdr& message) {
    const auto& header = *static_cast<const ndmsg*>(nlmsg_data(&message));
    const auto attributes = parse<NDA_MAX + 1>(message, sizeof(header));
    if (!attributes || header.ndm_family == AF_BRIDGE || (header.ndm_state & kValid) == 0)
        return std::nullopt;
    const auto address = read_address((*attributes)[NDA_DST]);
    const auto mac = read_mac((*attributes)[NDA_LLADDR]);
    if (!address || !mac) return std::nullopt;
    return Neighbour{.address = *address,
                     .ifindex = static_cast<std::uint32_t>(header.ndm_ifindex),
                     .mac = *mac};
}

Result<std::vector<HostRoute>> Rtnetlink::host_routes() {
    std::vector<HostRoute> routes;
    for (const int family : {AF_INET, AF_INET6}) {
        const rtmsg header{.rtm_family = static_cast<unsigned char>(family)};
        const auto found =
            WGS_TRY(dump(socket_, RTM_GETROUTE, header, "list routes", &parse_host_route));
        routes.insert(routes.end(), found.begin(), found.end());
    }
    return routes;
}

Result<std::vector<Neighbour>> Rtnetlink::neighbours() {
    return dump(socket_, RTM_GETNEIGH, ndmsg{}, "list neighbours", &parse_neighbour);
}

Result<std::vector<BridgeEntry>> Rtnetlink::bridge_entries() {
    const ndmsg header{.ndm_family = AF_BRIDGE};
    return dump(socket_, RTM_GETNEIGH, header, "list forwarding databases", &parse_bridge_entry);
}

std::optional<MacAddress> Rtnetlink::mac_of(const PeerLink& peer) {
    const ifinfomsg header{.ifi_index = static_cast<int>(peer.ifindex)};
    const auto message = request(RTM_GETLINK, 0, header);
    nla_put_s32(message.get(), IFLA_TARGET_NETNSID, peer.netns);
    std::optional<MacAddress> mac;
    const auto take = [&](nlmsghdr& reply) -> Status {
        mac = read_mac(nlmsg_find_attr(&reply, sizeof(header), IFLA_ADDRESS));
        return {};
    };
    const Status status = socket_.transact(message, "read the other end of a veth", take);
    return status ? mac : std::nullopt;
}

}  // namespace wgs
