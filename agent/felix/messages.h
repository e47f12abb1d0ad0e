// SPDX-License-Identifier: Apache-2.0
// Felix's messages as plain values: one form for all generations of the protocol.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "model/ip.h"

namespace wgs::felix {

struct InSync {};

// Parameters by name, as Felix spells them; only those that somebody has set.
struct ConfigUpdate {
    std::map<std::string, std::string> parameters;
};

// Addresses as sent, perhaps with a length; empty: nothing is said about this family.
struct HostUpdate {
    std::string node;
    std::string ipv4;
    std::string ipv6;
};

enum class Families : std::uint8_t { v4, v6, both };

struct HostRemove {
    std::string node;
    Families families = Families::both;
};

// A set: tunnel addresses, for example, may be workloads' at the same time.
enum RouteTypes : std::uint32_t {
    kCidrInfo = 0,
    kRemoteWorkload = 1,
    kRemoteHost = 2,
    kLocalWorkload = 4,
    kLocalHost = 8,
    kRemoteTunnel = 16,
    kLocalTunnel = 32,
};

struct RouteUpdate {
    std::string destination;
    std::string node;
    std::uint32_t types = kCidrInfo;
};

struct RouteRemove {
    std::string destination;
};

struct EndpointUpdate {
    Family family = Family::v4;
    std::string node;
    std::string public_key;         // base64
    std::string interface_address;  // empty: none
};

struct EndpointRemove {
    Family family = Family::v4;
    std::string node;
};

// monostate: a message that is none of ours.
using Message = std::variant<std::monostate, InSync, ConfigUpdate, HostUpdate, HostRemove,
                             RouteUpdate, RouteRemove, EndpointUpdate, EndpointRemove>;

// Reads one stream. What an old message means depends on which others its sender uses.
class MessageReader {
  public:
    // An error concerns this message alone.
    Result<Message> read(std::string_view payload);

  private:
    bool families_apart_ = false;  // the sender has messages of its own for IPv6 addresses
};

// An empty key: WireGuard is not in use for this family.
[[nodiscard]] std::string wireguard_status(Family family, std::string_view public_key,
                                           std::uint64_t sequence_number);
// `uptime` in seconds.
[[nodiscard]] std::string process_status(std::string_view iso_timestamp, double uptime,
                                         std::uint64_t sequence_number);

}  // namespace wgs::felix
