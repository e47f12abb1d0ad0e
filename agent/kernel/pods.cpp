// SPDX-License-Identifier: Apache-2.0
#include "kernel/pods.h"

#include <fnmatch.h>

#include <algorithm>
#include <set>
#include <utility>

namespace wgs {
namespace {

class Finder {
  public:
    Finder(const NetworkView& network, const std::vector<std::string>& names,
           const std::vector<Prefix>& prefixes)
        : network_(network), prefixes_(prefixes) {
        for (const LinkInfo& link : network.links) {
            links_.emplace(link.ifindex, &link);
            if (is_pod_interface(link, names)) veths_.emplace(link.ifindex, &link);
        }
        for (const Neighbour& neighbour : network.neighbours)
            neighbours_.emplace(std::pair(neighbour.ifindex, neighbour.address), neighbour.mac);
        for (const BridgeEntry& entry : network.bridge_entries) {
            if (veths_.contains(entry.port)) add_port(entry.port, entry.mac);
        }
        for (const auto& [ifindex, mac] : network.peer_macs) {
            if (veths_.contains(ifindex)) add_port(ifindex, mac);
        }
    }

    LocalPods run() {
        for (const HostRoute& route : network_.routes)
            take_route(route);
        for (const Neighbour& neighbour : network_.neighbours)
            take_neighbour(neighbour);
        for (const IpAddress& address : ambiguous_)
            pods_.erase(address);
        return std::move(pods_);
    }

  private:
    using Ports = std::map<std::pair<std::uint32_t, MacAddress>, std::uint32_t>;  // bridge, MAC

    // What the bridge itself has learnt comes first, and stays.
    void add_port(std::uint32_t ifindex, const MacAddress& mac) {
        const std::uint32_t bridge = veths_.at(ifindex)->master;
        if (bridge != 0) ports_.try_emplace({bridge, mac}, ifindex);
    }

    [[nodiscard]] bool is_ours(const IpAddress& address) const {
        return std::ranges::any_of(prefixes_,
                                   [&](const Prefix& prefix) { return prefix.contains(address); });
    }

    [[nodiscard]] std::optional<MacAddress> mac_behind(std::uint32_t ifindex,
                                                       const IpAddress& address) const {
        const auto neighbour = neighbours_.find({ifindex, address});
        if (neighbour != neighbours_.end()) return neighbour->second;
        const auto peer = network_.peer_macs.find(ifindex);
        return peer != network_.peer_macs.end() ? std::optional(peer->second) : std::nullopt;
    }

    // Of several routes to one address the kernel lists the one it uses first.
    void take_route(const HostRoute& route) {
        const auto veth = veths_.find(route.ifindex);
        const bool direct = !route.gateway || route.gateway->is_link_local();
        if (veth == veths_.end() || !direct || !is_ours(route.address)) return;
        const auto mac = mac_behind(route.ifindex, route.gateway.value_or(route.address));
        if (!mac || !routed_.insert(route.address).second) return;
        pods_.emplace(
            route.address,
            LocalPod{.ifindex = route.ifindex, .mac = *mac, .gateway_mac = veth->second->mac});
    }

    void take_neighbour(const Neighbour& neighbour) {
        if (routed_.contains(neighbour.address) || !is_ours(neighbour.address)) return;
        const auto device = links_.find(neighbour.ifindex);
        if (device == links_.end()) return;
        const auto port = ports_.find({neighbour.ifindex, neighbour.mac});
        const std::uint32_t veth = port != ports_.end() ? port->second : neighbour.ifindex;
        if (!veths_.contains(veth)) return;
        const LocalPod pod{
            .ifindex = veth, .mac = neighbour.mac, .gateway_mac = device->second->mac};
        const auto [known, added] = pods_.try_emplace(neighbour.address, pod);
        if (!added && known->second != pod) ambiguous_.insert(neighbour.address);
    }

    const NetworkView& network_;
    const std::vector<Prefix>& prefixes_;
    std::map<std::uint32_t, const LinkInfo*> links_;
    std::map<std::uint32_t, const LinkInfo*> veths_;
    std::map<std::pair<std::uint32_t, IpAddress>, MacAddress> neighbours_;
    Ports ports_;
    std::set<IpAddress> routed_;
    std::set<IpAddress> ambiguous_;
    LocalPods pods_;
};

}  // namespace

bool is_pod_interface(const LinkInfo& link, const std::vector<std::string>& names) {
    return link.peer && link.admin_up &&
           std::ranges::any_of(names, [&](const std::string& pattern) {
               return ::fnmatch(pattern.c_str(), link.name.c_str(), 0) == 0;
           });
}

LocalPods find_pods(const NetworkView& network, const std::vector<std::string>& names,
                    const std::vector<Prefix>& prefixes) {
    return Finder(network, names, prefixes).run();
}

}  // namespace wgs
