// SPDX-License-Identifier: Apache-2.0
// Finds the pods of this node in what the kernel knows, whichever CNI has put them there.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/rtnetlink.h"
#include "model/state.h"

namespace wgs {

struct NetworkView {
    std::vector<LinkInfo> links;
    std::vector<HostRoute> routes;
    std::vector<Neighbour> neighbours;
    std::vector<BridgeEntry> bridge_entries;
    std::map<std::uint32_t, MacAddress>
        peer_macs;  // by ifindex of our end; those that are readable
};

// Whether the link is a veth into another namespace, with a name that matches one of the shell
// patterns, and up.
[[nodiscard]] bool is_pod_interface(const LinkInfo& link, const std::vector<std::string>& names);

// A pod is behind a pod interface when a host route leads there, or its neighbour entry is there,
// or that entry is on a bridge one of whose ports has its MAC address. An address that would be in
// two places, is outside `prefixes`, or whose MAC address is unknown is left out.
[[nodiscard]] LocalPods find_pods(const NetworkView& network, const std::vector<std::string>& names,
                                  const std::vector<Prefix>& prefixes);

}  // namespace wgs
