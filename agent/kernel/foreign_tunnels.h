// SPDX-License-Identifier: Apache-2.0
// WireGuard devices of others, in the kernel and in this network namespace.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/netlink.h"
#include "kernel/rtnetlink.h"

namespace wgs {

// Move-only. To be used in the network namespace in which it is first used.
class ForeignTunnels {
  public:
    // UDP ports of the WireGuard devices among `links` that are not `own`, by name. One whose port
    // cannot be read keeps the one it had; one without a port has none.
    [[nodiscard]] std::set<std::uint16_t> ports(const std::vector<LinkInfo>& links,
                                                const std::set<std::string>& own);

  private:
    struct Channel {
        NetlinkSocket socket;
        int family;
    };
    Result<Channel*> channel();
    Result<std::uint16_t> read_port(const std::string& device);

    std::optional<Channel> channel_;
    std::map<std::uint32_t, std::uint16_t> known_;  // by index of the link
};

}  // namespace wgs
