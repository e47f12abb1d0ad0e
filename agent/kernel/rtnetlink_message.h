// SPDX-License-Identifier: Apache-2.0
// Making and reading rtnetlink messages. Internal to this directory.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <array>
#include <new>

#include "kernel/netlink.h"

namespace wgs {

template <class Header>
NetlinkMessage request(int type, int flags, const Header& header) {
    NetlinkMessage message(nlmsg_alloc_simple(type, flags));
    if (!message || nlmsg_append(message.get(), const_cast<Header*>(&header), sizeof(header),
                                 NLMSG_ALIGNTO) < 0) {
        throw std::bad_alloc();
    }
    return message;
}

template <std::size_t Count>
using Attributes = std::array<nlattr*, Count>;

template <std::size_t Count>
Result<Attributes<Count>> parse(nlmsghdr& message, int header_size) {
    Attributes<Count> attributes{};
    const int error = nlmsg_parse(&message, header_size, attributes.data(), Count - 1, nullptr);
    if (error < 0) return netlink_error(error, "parse a netlink message");
    return attributes;
}

}  // namespace wgs
