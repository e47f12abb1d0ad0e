// SPDX-License-Identifier: Apache-2.0
// Making and reading rtnetlink messages. Internal to this directory.
#pragma once

#include <array>
#include <cstddef>

#include "kernel/netlink.h"

namespace wgs {

NetlinkMessage request(int type, int flags, const void* header, std::size_t size);
template <class Header>
NetlinkMessage request(int type, int flags, const Header& header) {
    return request(type, flags, &header, sizeof(header));
}

template <std::size_t Count>
using Attributes = std::array<nlattr*, Count>;

// Attributes behind a header of `header_size` bytes, by type; `count` of them.
Status parse(nlmsghdr& message, int header_size, nlattr** attributes, std::size_t count);
template <std::size_t Count>
Result<Attributes<Count>> parse(nlmsghdr& message, int header_size) {
    Attributes<Count> attributes{};
    WGS_TRY(parse(message, header_size, attributes.data(), Count));
    return attributes;
}

}  // namespace wgs
