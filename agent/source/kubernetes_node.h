// SPDX-License-Identifier: Apache-2.0
// A Node of Kubernetes, as far as the mesh is concerned, and what wgsteer keeps in its annotations.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/node.h"
#include "source/json_values.h"

namespace wgs {

inline constexpr std::string_view kPublicKeyAnnotation = "wgsteer.io/public-key";
inline constexpr std::string_view kPortAnnotation = "wgsteer.io/port";
// Of the tunnel for IPv6, where each family has one of its own.
inline constexpr std::string_view kPublicKeyAnnotation6 = "wgsteer.io/public-key-v6";
inline constexpr std::string_view kPortAnnotation6 = "wgsteer.io/port-v6";
// Ids of the cluster secrets that the node knows, newest first, with commas between them.
inline constexpr std::string_view kSecretsAnnotation = "wgsteer.io/secrets";
inline constexpr std::string_view kNotReadyTaint = "wgsteer.io/not-ready";

inline constexpr std::size_t kMaxKubernetesAddresses = 64;
inline constexpr std::size_t kMaxKubernetesPrefixes = 65536;

// Keys of annotations to their values.
using Annotations = std::map<std::string, std::string, std::less<>>;

struct KubernetesNode {
    std::string name;
    std::string uid;
    std::string resource_version;
    std::vector<IpAddress> addresses;  // InternalIPs, or ExternalIPs where there are none
    std::vector<Prefix> prefixes;      // spec.podCIDRs
    Annotations annotations;           // those of wgsteer.io and projectcalico.org
    std::vector<Json> taints;          // of spec, as they stand there
    std::vector<std::string> faults;   // entries that were left out, and why; one line each
};

// An object without a proper name, or with lists beyond the limits, is an error; a single bad entry
// is left out and named among the faults.
Result<KubernetesNode> parse_kubernetes_node(const Json& object);

// The node as its own annotations tell it. What is wrong with them is added to its faults, and the
// node is one without a key.
[[nodiscard]] NodeInfo to_node_info(KubernetesNode& node);

// What a node tells of itself by annotations.
[[nodiscard]] Annotations own_annotations(const NodeInfo& self);

// A merge patch (RFC 7396) that sets these annotations; an empty value removes one. Nothing else in
// the object is touched.
[[nodiscard]] std::string annotation_patch(const Annotations& annotations);

// Whether each has its value; an empty one is wanted absent.
[[nodiscard]] bool has_annotations(const KubernetesNode& node, const Annotations& wanted);

// A JSON patch (RFC 6902) that removes the taint `key`, unless the taints have changed meanwhile.
// Empty: the node has no such taint.
[[nodiscard]] std::string taint_removal_patch(const KubernetesNode& node, std::string_view key);

}  // namespace wgs
