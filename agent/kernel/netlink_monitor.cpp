// SPDX-License-Identifier: Apache-2.0
#include "kernel/netlink_monitor.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "kernel/rtnetlink.h"

namespace wgs {
namespace {

constexpr int kGroups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_TC};
constexpr int kPodGroups[] = {RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};
constexpr std::size_t kReceiveBuffer = 32 * 1024;
constexpr std::uint32_t kLinkFlags = IFF_UP | IFF_RUNNING;
constexpr std::uint32_t kAddressFlags = IFA_F_DADFAILED;

template <std::size_t Size, class Element>
void copy_attribute(std::array<Element, Size>& to, nlattr* attribute) {
    if (attribute != nullptr) nla_memcpy(to.data(), attribute, static_cast<int>(sizeof(to)));
}

Status join(const UniqueFd& socket, std::span<const int> groups) {
    for (const int group : groups) {
        if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
                         sizeof(group)) != 0) {
            return os_error(errno, "join netlink group " + std::to_string(group));
        }
    }
    return {};
}

}  // namespace

Result<NetlinkMonitor> NetlinkMonitor::open(Scope scope) {
    UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!socket) return os_error(errno, "open a netlink socket");
    const sockaddr_nl self{.nl_family = AF_NETLINK};
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&self), sizeof(self)) != 0) {
        return os_error(errno, "bind a netlink socket");
    }
    WGS_TRY(join(socket, kGroups));
    if (scope == Scope::devices_and_pods) WGS_TRY(join(socket, kPodGroups));
    return NetlinkMonitor(std::move(socket));
}

Result<bool> NetlinkMonitor::drain() {
    alignas(nlmsghdr) std::array<std::uint8_t, kReceiveBuffer> buffer;
    bool relevant = false;
    for (;;) {
        const ssize_t size = ::recv(fd(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EAGAIN) return relevant;
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 &&
            errno == ENOBUFS) {  // messages were lost, with changes that nobody tells again
            links_.clear();
            addresses_.clear();
            pods_.forget();
            relevant = true;
            continue;
        }
        if (size < 0) return os_error(errno, "read netlink events");
        int left = static_cast<int>(size);
        for (void* at = buffer.data(); nlmsg_ok(static_cast<nlmsghdr*>(at), left);
             at = nlmsg_next(static_cast<nlmsghdr*>(at), &left)) {
            relevant |= take(*static_cast<nlmsghdr*>(at));
        }
    }
}

bool NetlinkMonitor::take(nlmsghdr& message) {
    switch (message.nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
            return take_link(message);
        case RTM_NEWADDR:
        case RTM_DELADDR:
            return take_address(message);
        case RTM_NEWQDISC:
        case RTM_DELQDISC:
        case RTM_NEWTFILTER:  // one of somebody else changes where ours has to be
        case RTM_DELTFILTER:
            return true;
        default:
            return pods_.take(message);
    }
}

bool NetlinkMonitor::take_link(nlmsghdr& message) {
    const auto& header = *static_cast<const ifinfomsg*>(nlmsg_data(&message));
    if (header.ifi_family != AF_UNSPEC) return false;  // a bridge port's state, not the link's
    if (message.nlmsg_type == RTM_DELLINK) {
        links_.erase(header.ifi_index);
        return true;
    }
    LinkFace face{.flags = header.ifi_flags & kLinkFlags};
    if (nlattr* mtu = nlmsg_find_attr(&message, sizeof(header), IFLA_MTU))
        face.mtu = nla_get_u32(mtu);
    copy_attribute(face.name, nlmsg_find_attr(&message, sizeof(header), IFLA_IFNAME));
    copy_attribute(face.hardware_address, nlmsg_find_attr(&message, sizeof(header), IFLA_ADDRESS));
    const auto [place, added] = links_.try_emplace(header.ifi_index, face);
    if (!added && place->second == face) return false;
    place->second = face;
    return true;
}

bool NetlinkMonitor::take_address(nlmsghdr& message) {
    const auto& header = *static_cast<const ifaddrmsg*>(nlmsg_data(&message));
    nlattr* bytes = nlmsg_find_attr(&message, sizeof(header), IFA_LOCAL);
    if (bytes == nullptr) bytes = nlmsg_find_attr(&message, sizeof(header), IFA_ADDRESS);
    if (bytes == nullptr) return false;
    const auto address =
        address_from_bytes(nla_data(bytes), static_cast<std::size_t>(nla_len(bytes)));
    if (!address) return false;
    const AddressKey key(static_cast<int>(header.ifa_index), *address);
    if (message.nlmsg_type == RTM_DELADDR) {
        addresses_.erase(key);
        return true;
    }
    const std::uint32_t flags = header.ifa_flags & kAddressFlags;
    const auto [place, added] = addresses_.try_emplace(key, flags);
    return added || std::exchange(place->second, flags) != flags;
}

}  // namespace wgs
