// SPDX-License-Identifier: Apache-2.0
// Calico's way of telling nodes about each other: annotations of the Node, and IPAM blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/node.h"
#include "source/json_values.h"
#include "source/kubernetes_node.h"

namespace wgs {

inline constexpr std::string_view kCalicoKeyAnnotation = "projectcalico.org/WireguardPublicKey";
inline constexpr std::string_view kCalicoKeyAnnotation6 = "projectcalico.org/WireguardPublicKeyV6";

// How Felix sees nodes. Invalid annotations count as absent.
//  - addresses: those Calico has found (IPv4Address, IPv6Address), then those of the Node
//  - prefixes: the node's tunnel addresses; with `pod_cidrs` spec.podCIDRs as well
//  - the ports: `ports`, since Calico's nodes do not tell theirs and use one for all
//  - the key for IPv6 only where each family has a tunnel of its own
enum class CalicoIpam { blocks, host_local };
struct CalicoPorts {
    std::uint16_t v4 = 51820;
    std::optional<std::uint16_t> v6;  // none: one tunnel for both families
};
[[nodiscard]] NodeInfo to_calico_node_info(const KubernetesNode& node, CalicoIpam ipam,
                                           const CalicoPorts& ports);

[[nodiscard]] Annotations own_calico_annotations(const NodeInfo& self);

// Who has which addresses of an IPAM block: the whole to the node it is affine to, and each address
// that another node has borrowed to that one.
struct IpamBlock {
    struct Borrowed {
        Prefix address;
        std::string node;
        bool operator==(const Borrowed&) const = default;
    };
    std::string name;  // of the object
    Prefix prefix;
    std::string host;  // empty: affine to none
    std::vector<Borrowed> borrowed;

    bool operator==(const IpamBlock&) const = default;
};

inline constexpr int kMaxBlockBits = 12;  // a block has at most 4096 addresses

// None: the block is marked as deleted. Borrowed addresses of which no node is recorded are left
// out.
Result<std::optional<IpamBlock>> parse_ipam_block(const Json& object);

}  // namespace wgs
