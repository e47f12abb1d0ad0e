// SPDX-License-Identifier: Apache-2.0
// Network links, addresses and default routes of one network namespace, over rtnetlink.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/netlink.h"
#include "model/ip.h"

namespace wgs {

struct LinkInfo {
    std::string name;
    std::string kind;  // "wireguard", "tun", "veth", ...; empty for physical devices
    std::uint32_t ifindex = 0;
    std::uint32_t mtu = 0;
    std::array<std::uint8_t, 6> mac{};  // zero unless the device has an Ethernet address
    bool loopback = false;
    bool admin_up = false;
    bool oper_up = false;
};

struct LinkAddress {
    std::uint32_t ifindex = 0;
    IpAddress address;
    bool global = false;  // scope
};

class Rtnetlink {
  public:
    static Result<Rtnetlink> open();

    Result<std::vector<LinkInfo>> links();
    // By name; none if there is no such link.
    Result<std::optional<LinkInfo>> find(const std::string& name);
    // Without those which failed duplicate address detection.
    Result<std::vector<LinkAddress>> addresses();
    // The devices of the default routes of the main table, IPv4's first; one may occur repeatedly.
    Result<std::vector<std::uint32_t>> default_route_links();
    // The device by which packets for the address leave; none: there is no route.
    Result<std::optional<std::uint32_t>> route(const IpAddress& address);

    Status create(const std::string& name, const std::string& kind);
    Status set_mtu(const std::string& name, std::uint32_t mtu);
    Status set_up(const std::string& name);
    // From its next start on the link gets no IPv6 link-local address. A link or kernel without
    // IPv6 is not an error.
    Status forgo_link_local(const std::string& name);
    // A link which is not there is not an error.
    Status remove(const std::string& name);

  private:
    explicit Rtnetlink(NetlinkSocket socket) : socket_(std::move(socket)) {}

    NetlinkSocket socket_;
};

// An address attribute's bytes, 4 or 16 of them in network order.
Result<IpAddress> address_from_bytes(const void* data, std::size_t size);

}  // namespace wgs
