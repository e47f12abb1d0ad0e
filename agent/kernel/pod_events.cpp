// SPDX-License-Identifier: Apache-2.0
#include "kernel/pod_events.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

namespace wgs {

bool PodEvents::take(nlmsghdr& message) {
    switch (message.nlmsg_type) {
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
            return parse_host_route(message).has_value();
        case RTM_NEWNEIGH:
        case RTM_DELNEIGH:
            return take_neighbour(message);
        default:
            return false;
    }
}

bool PodEvents::take_neighbour(nlmsghdr& message) {
    const auto& header = *static_cast<const ndmsg*>(nlmsg_data(&message));
    if (header.ndm_family == AF_BRIDGE) return true;
    nlattr* bytes = nlmsg_find_attr(&message, sizeof(header), NDA_DST);
    if (bytes == nullptr) return false;
    const auto address =
        address_from_bytes(nla_data(bytes), static_cast<std::size_t>(nla_len(bytes)));
    if (!address) return false;
    const Key key(static_cast<std::uint32_t>(header.ndm_ifindex), *address);
    const auto neighbour = parse_neighbour(message);
    if (message.nlmsg_type == RTM_DELNEIGH || !neighbour) return neighbours_.erase(key) > 0;
    const auto [known, added] = neighbours_.try_emplace(key, neighbour->mac);
    return added || std::exchange(known->second, neighbour->mac) != neighbour->mac;
}

}  // namespace wgs
