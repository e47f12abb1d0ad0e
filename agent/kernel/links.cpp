// SPDX-License-Identifier: Apache-2.0
#include "kernel/links.h"

#include <algorithm>
#include <functional>

namespace wgs {
namespace {

using Wanted = std::function<bool(const LinkInfo&)>;

const LinkInfo* find_if(const std::vector<LinkInfo>& links, const Wanted& wanted) {
    const auto found = std::find_if(links.begin(), links.end(), wanted);
    return found != links.end() ? &*found : nullptr;
}

std::vector<LinkInfo> named(const std::vector<LinkInfo>& links,
                            const std::vector<std::string>& names) {
    std::vector<LinkInfo> chosen;
    for (const std::string& name : names) {
        const auto* link = find_if(links, [&](const LinkInfo& it) { return it.name == name; });
        if (link != nullptr) chosen.push_back(*link);
    }
    return chosen;
}

// The links with these indexes, each once, in the order of the indexes.
std::vector<LinkInfo> indexed(const std::vector<LinkInfo>& links,
                              const std::vector<std::uint32_t>& indexes) {
    std::vector<LinkInfo> chosen;
    for (const std::uint32_t index : indexes) {
        const auto is_it = [&](const LinkInfo& link) { return link.ifindex == index; };
        const LinkInfo* link = find_if(links, is_it);
        if (link != nullptr && find_if(chosen, is_it) == nullptr) chosen.push_back(*link);
    }
    return chosen;
}

std::vector<std::uint32_t> holders(const std::vector<LinkAddress>& held,
                                   const std::vector<IpAddress>& addresses) {
    std::vector<std::uint32_t> indexes;
    for (const IpAddress& address : addresses) {
        for (const LinkAddress& candidate : held) {
            if (candidate.address == address) indexes.push_back(candidate.ifindex);
        }
    }
    return indexes;
}

Underlay to_underlay(const LinkInfo& link, const std::vector<LinkAddress>& addresses) {
    Underlay underlay{.name = link.name,
                      .kind = link.kind,
                      .ifindex = link.ifindex,
                      .mac = link.mac,
                      .mtu = link.mtu,
                      .up = link.admin_up && link.oper_up};
    for (const LinkAddress& address : addresses) {
        if (address.ifindex != link.ifindex || !address.global) continue;
        underlay.addresses.push_back(address.address);
        if (address.prefix_length > 0 && address.prefix_length < address.address.bits())
            underlay.networks.emplace_back(address.address, address.prefix_length);
    }
    return underlay;
}

Result<NetworkView> look_around(Rtnetlink& rtnetlink, const std::vector<std::string>& names) {
    NetworkView network{.links = WGS_TRY(rtnetlink.links()),
                        .routes = WGS_TRY(rtnetlink.host_routes()),
                        .neighbours = WGS_TRY(rtnetlink.neighbours()),
                        .bridge_entries = WGS_TRY(rtnetlink.bridge_entries()),
                        .peer_macs = {}};
    for (const LinkInfo& link : network.links) {
        if (!is_pod_interface(link, names)) continue;
        if (const auto mac = rtnetlink.mac_of(*link.peer)) network.peer_macs[link.ifindex] = *mac;
    }
    return network;
}

}  // namespace

Result<RtLinks> RtLinks::open(std::set<std::string> own) {
    return RtLinks(WGS_TRY(Rtnetlink::open()), std::move(own));
}

Result<std::vector<Underlay>> RtLinks::underlays(const std::vector<std::string>& names,
                                                 const std::vector<IpAddress>& addresses) {
    auto links = WGS_TRY(rtnetlink_.links());
    std::erase_if(
        links, [this](const LinkInfo& link) { return link.loopback || own_.contains(link.name); });
    const auto held = WGS_TRY(rtnetlink_.addresses());

    std::vector<LinkInfo> chosen;
    if (!names.empty()) {
        chosen = named(links, names);
    } else if (!addresses.empty()) {
        chosen = indexed(links, holders(held, addresses));
    } else {
        chosen = indexed(links, WGS_TRY(rtnetlink_.default_route_links()));
    }
    std::vector<Underlay> underlays;
    for (const LinkInfo& link : chosen)
        underlays.push_back(to_underlay(link, held));
    seen_ = std::move(links);
    return underlays;
}

Result<std::set<std::uint16_t>> RtLinks::foreign_tunnels() {
    if (const auto links = std::exchange(seen_, std::nullopt)) return foreign_.ports(*links, own_);
    return foreign_.ports(WGS_TRY(rtnetlink_.links()), own_);
}

Result<std::optional<std::uint32_t>> RtLinks::route(const IpAddress& address) {
    return rtnetlink_.route(address);
}

Result<LocalPods> RtLinks::pods(const std::vector<std::string>& names,
                                const std::vector<Prefix>& prefixes) {
    if (!network_) network_ = WGS_TRY(look_around(rtnetlink_, names));
    return find_pods(*network_, names, prefixes);
}

}  // namespace wgs
