// SPDX-License-Identifier: Apache-2.0
// What may happen to a small mesh, at random.
#pragma once

#include <random>
#include <string>

#include "plan_fixture.h"

namespace wgs::test {

// What a node with a tunnel for each family may do besides.
inline void change_one_family(std::mt19937& random, NodeInfo& info) {
    switch (random() % 6) {
        case 0:
            info.public_key.reset();
            break;
        case 1:
            info.public_key_v6.reset();
            break;
        case 2:
            info.public_key_v6 = key(static_cast<std::uint8_t>(230 + random() % 3));
            break;
        case 3:
            info.addresses.pop_back();  // that of IPv6, if it has one
            break;
        default:
            break;
    }
}

// A random mesh event, as the source would deliver it. `make_node` makes nodes by number.
template <class MakeNode>
void random_event(std::mt19937& random, PeerCache& cache, const MakeNode& make_node) {
    const auto number = static_cast<std::uint8_t>(2 + random() % 5);
    NodeInfo info = make_node(number);
    if (info.public_key_v6) change_one_family(random, info);
    switch (random() % 8) {
        case 0:
            cache.remove(info.name);
            return;
        case 1:
            info.public_key = key(static_cast<std::uint8_t>(100 + random() % 3));
            break;
        case 2:
            info.public_key.reset();
            break;
        case 3:
            info.prefixes = make_node(static_cast<std::uint8_t>(2 + random() % 5)).prefixes;
            break;
        case 4:
            info.prefixes.push_back(prefix("10.3.0.64/26"));
            break;
        case 5:
            info.prefixes.clear();
            break;
        case 6:
            info.addresses = {ip("192.0.2." + std::to_string(50 + number))};
            break;
        default:
            break;
    }
    cache.upsert(info);
}

inline void shake_hands(std::mt19937& random, FakeKernel& kernel, Clock::time_point when) {
    for (auto& tunnel : kernel.tunnels) {
        if (!tunnel) continue;
        for (auto& [peer, session] : tunnel->sessions) {
            if (random() % 2 == 0) session.last_handshake = when;
        }
    }
}

}  // namespace wgs::test
