// SPDX-License-Identifier: Apache-2.0
// Prefixes and destinations as large clusters have them; the same ones in every run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "bench/bpf/lib/layout.h"
#include "maps/layout.h"
#include "model/ip.h"

namespace wgs::bench {

struct OwnedPrefix {
    Prefix prefix;
    std::uint32_t owner = 0;  // WGS_OWNER
};

// `count` prefixes of `nodes` peers, shuffled. IPv4: 10 % addresses of nodes, 60 % blocks of 64
// addresses (Calico's) and 25 % of 256, dense, and 5 % single addresses inside of blocks. IPv6: 60
// % /122, scattered over 64 pools, 25 % /64, 15 % /128.
std::vector<OwnedPrefix> make_prefixes(Family family, std::size_t count, std::uint32_t nodes);

// A prefix of this node.
OwnedPrefix own_prefix(const Prefix& prefix, wgs_class prefix_class);

enum class Choice {
    random,  // a random address of a random prefix, each time
    hot,     // 64 addresses, the k-th of which is met 1/k as often as the first
};
std::string to_string(Choice choice);

// WGS_DESTINATIONS addresses, out of at most `distinct` ones. IPv4 uses the first word.
std::vector<wgs_destination6> make_destinations(const std::vector<OwnedPrefix>& prefixes,
                                                Choice choice,
                                                std::size_t distinct = WGS_DESTINATIONS);
// As many, all in 198.18.0.0/15 or 2001:2::/48, where no prefix of ours is (RFC 2544, RFC 5180).
std::vector<wgs_destination6> make_foreign_destinations(Family family);

// A prefix as the tables' key.
wgs_prefix4 key_of_ipv4(const Prefix& prefix);
wgs_prefix6 key_of_ipv6(const Prefix& prefix);

}  // namespace wgs::bench
