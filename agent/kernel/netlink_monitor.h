// SPDX-License-Identifier: Apache-2.0
// Notices when something in this network namespace changes that the agent cares for.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/pod_events.h"
#include "model/ip.h"

struct nlmsghdr;

namespace wgs {

class NetlinkMonitor {
  public:
    enum class Scope { devices, devices_and_pods };
    static Result<NetlinkMonitor> open(Scope scope = Scope::devices);

    // Readable when there is something to drain.
    [[nodiscard]] int fd() const { return socket_.get(); }
    // Reads all that is waiting, without blocking. True: a link came, went, or changed its name,
    // flags, MTU or hardware address; an address came, went or changed its state; a qdisc or filter
    // came or went; a pod may have come, gone or moved (if in scope); or messages were lost.
    Result<bool> drain();

  private:
    // What of a link is compared; the kernel reports links for many other reasons.
    struct LinkFace {
        std::uint32_t flags = 0;
        std::uint32_t mtu = 0;
        std::array<char, 16> name{};
        std::array<std::uint8_t, 8> hardware_address{};
        bool operator==(const LinkFace&) const = default;
    };
    using AddressKey = std::pair<int, IpAddress>;  // ifindex, address

    explicit NetlinkMonitor(UniqueFd socket) : socket_(std::move(socket)) {}
    bool take(nlmsghdr& message);
    bool take_link(nlmsghdr& message);
    bool take_address(nlmsghdr& message);

    UniqueFd socket_;
    std::map<int, LinkFace> links_;                  // by ifindex, as last reported
    std::map<AddressKey, std::uint32_t> addresses_;  // flags
    PodEvents pods_;
};

}  // namespace wgs
