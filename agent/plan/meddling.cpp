// SPDX-License-Identifier: Apache-2.0
#include "plan/meddling.h"

namespace wgs {
namespace {

using Deeds = std::set<std::string_view>;

void compare_sessions(const TunnelState& known, const TunnelState& found, Deeds& deeds) {
    auto there = found.sessions.begin();
    for (const auto& [key, session] : known.sessions) {
        while (there != found.sessions.end() && there->first < key) {
            deeds.insert("added a peer to it");
            ++there;
        }
        if (there == found.sessions.end() || there->first != key) {
            deeds.insert("removed a peer from it");
            continue;
        }
        if (there->second.allowed_ips != session.allowed_ips)
            deeds.insert("changed the allowed IPs of a peer");
        ++there;
    }
    if (there != found.sessions.end()) deeds.insert("added a peer to it");
}

Deeds compare(const TunnelState& known, const TunnelState& found) {
    Deeds deeds;
    if (known.up && !found.up) deeds.insert("set it down");
    if (known.mtu != found.mtu) deeds.insert("changed its MTU");
    if (known.port != found.port) deeds.insert("changed its port");
    if (known.fwmark != found.fwmark) deeds.insert("changed its fwmark");
    if (known.public_key != found.public_key) deeds.insert("changed its key");
    compare_sessions(known, found, deeds);
    return deeds;
}

}  // namespace

Meddling find_meddling(const std::map<TunnelIndex, TunnelState>& known,
                       const std::map<TunnelIndex, TunnelState>& found) {
    Meddling all;
    for (const auto& [index, tunnel] : known) {
        const auto there = found.find(index);
        if (there == found.end() || there->second.ifindex != tunnel.ifindex) continue;
        if (Deeds deeds = compare(tunnel, there->second); !deeds.empty())
            all.emplace(index, std::move(deeds));
    }
    return all;
}

}  // namespace wgs
