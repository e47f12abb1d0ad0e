// SPDX-License-Identifier: Apache-2.0
// Which netlink messages tell of pods that come, go or move.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>

#include "kernel/rtnetlink.h"
#include "model/ip.h"

struct nlmsghdr;

namespace wgs {

class PodEvents {
  public:
    // Host routes, neighbours that get or lose their MAC address, and rows of forwarding databases
    // count; a neighbour whose address is only being confirmed does not.
    bool take(nlmsghdr& message);
    // Messages were lost.
    void forget() { neighbours_.clear(); }

  private:
    using Key = std::pair<std::uint32_t, IpAddress>;  // ifindex, address
    bool take_neighbour(nlmsghdr& message);

    std::map<Key, MacAddress> neighbours_;
};

}  // namespace wgs
