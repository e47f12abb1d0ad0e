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

using MacAddress = std::array<std::uint8_t, 6>;

// The other end of a veth, in another network namespace.
struct PeerLink {
    int netns = 0;  // as this namespace numbers it
    std::uint32_t ifindex = 0;
};

struct LinkInfo {
    std::string name;
    std::string kind;  // "wireguard", "tun", "veth", ...; empty for physical devices
    std::uint32_t ifindex = 0;
    std::uint32_t mtu = 0;
    std::uint32_t master = 0;      // the bridge it is a port of; 0: none
    std::optional<PeerLink> peer;  // of a veth whose other end is in another namespace
    MacAddress mac{};              // zero unless the device has an Ethernet address
    bool loopback = false;
    bool admin_up = false;
    bool oper_up = false;
};

struct LinkAddress {
    std::uint32_t ifindex = 0;
    IpAddress address;
    int prefix_length = 0;
    bool global = false;  // scope
};

// A unicast route of the main table to a single address, by one device.
struct HostRoute {
    IpAddress address;
    std::uint32_t ifindex = 0;
    std::optional<IpAddress> gateway;
};

// How packets for an address go on.
struct RouteTo {
    std::uint32_t ifindex = 0;
    std::optional<IpAddress> gateway;
    bool local = false;  // it is an address of this machine
};

// A neighbour whose MAC address is known.
struct Neighbour {
    IpAddress address;
    std::uint32_t ifindex = 0;
    MacAddress mac{};
};

// A row of a bridge's forwarding database: who is behind which port.
struct BridgeEntry {
    std::uint32_t port = 0;
    MacAddress mac{};
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
    // The same with more of it.
    Result<std::optional<RouteTo>> route_to(const IpAddress& address);

    Result<std::vector<HostRoute>> host_routes();
    Result<std::vector<Neighbour>> neighbours();
    Result<std::vector<BridgeEntry>> bridge_entries();
    // The MAC address of a veth's other end; none if it cannot be read from here.
    std::optional<MacAddress> mac_of(const PeerLink& peer);

    Status create(const std::string& name, const std::string& kind);
    Status set_mtu(const std::string& name, std::uint32_t mtu);
    // In packets.
    Status set_queue_length(const std::string& name, std::uint32_t packets);
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

// What of one message counts, and none of all others.
std::optional<HostRoute> parse_host_route(nlmsghdr& message);
std::optional<Neighbour> parse_neighbour(nlmsghdr& message);

// An address attribute's bytes, 4 or 16 of them in network order.
Result<IpAddress> address_from_bytes(const void* data, std::size_t size);

}  // namespace wgs
