// SPDX-License-Identifier: Apache-2.0
#include "kernel/rtnetlink_message.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <new>

namespace wgs {

NetlinkMessage request(int type, int flags, const void* header, std::size_t size) {
    NetlinkMessage message(nlmsg_alloc_simple(type, flags));
    if (!message ||
        nlmsg_append(message.get(), const_cast<void*>(header), size, NLMSG_ALIGNTO) < 0) {
        throw std::bad_alloc();
    }
    return message;
}

Status parse(nlmsghdr& message, int header_size, nlattr** attributes, std::size_t count) {
    const int last = static_cast<int>(count) - 1;
    const int error = nlmsg_parse(&message, header_size, attributes, last, nullptr);
    if (error < 0) return netlink_error(error, "parse a netlink message");
    return {};
}

}  // namespace wgs
