// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_node.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "model/cluster_secret.h"
#include "source/node_file.h"

namespace wgs {
namespace {

constexpr std::string_view kOwnDomain = "wgsteer.io/";
constexpr std::string_view kCalicoDomain = "projectcalico.org/";
constexpr std::size_t kMaxAnnotation = 4096;
constexpr std::size_t kMaxFaults = 8;
constexpr std::size_t kMaxTaints = 256;

void add_fault(KubernetesNode& node, std::string what) {
    if (node.faults.size() < kMaxFaults) node.faults.push_back(std::move(what));
}

template <class T>
void add_parsed(KubernetesNode& node, std::vector<T>& list, std::string_view field,
                std::string_view text) {
    auto value = T::parse(text);
    if (!value) return add_fault(node, std::string(field) + ": " + value.error().message);
    if (std::ranges::find(list, *value) == list.end()) list.push_back(*std::move(value));
}

Status read_addresses(const Json& object, KubernetesNode& node) {
    const auto& entries = list_at(object, "status", "addresses");
    if (entries.size() > kMaxKubernetesAddresses) return invalid("too many status.addresses");
    for (const std::string_view type : {"InternalIP", "ExternalIP"}) {
        for (const Json& entry : entries) {
            if (text_at(entry, "type") != type) continue;
            add_parsed(node, node.addresses, "status.addresses", text_at(entry, "address"));
        }
        if (!node.addresses.empty()) break;
    }
    return {};
}

// spec.podCIDR is the older field for the first one; lists are long only where nobody checked them.
Status read_prefixes(const Json& object, KubernetesNode& node) {
    const auto& entries = list_at(object, "spec", "podCIDRs");
    if (entries.size() > kMaxKubernetesPrefixes) return invalid("too many spec.podCIDRs");
    for (const Json& entry : entries) {
        const auto* const text = entry.get_ptr<const std::string*>();
        auto prefix = Prefix::parse(text == nullptr ? std::string_view() : *text);
        if (prefix) {
            node.prefixes.push_back(*prefix);
        } else {
            add_fault(node, "spec.podCIDRs: " + prefix.error().message);
        }
    }
    const std::string_view only = text_at(object, "spec", "podCIDR");
    if (entries.empty() && !only.empty()) add_parsed(node, node.prefixes, "spec.podCIDR", only);
    std::ranges::sort(node.prefixes);
    node.prefixes.erase(std::unique(node.prefixes.begin(), node.prefixes.end()),
                        node.prefixes.end());
    return {};
}

void read_annotations(const Json& object, KubernetesNode& node) {
    const Json* const annotations = find_member(object, "metadata", "annotations");
    if (annotations == nullptr || !annotations->is_object()) return;
    for (const auto& [key, value] : annotations->items()) {
        const bool ours = key.starts_with(kOwnDomain) || key.starts_with(kCalicoDomain);
        const auto* const text = value.get_ptr<const std::string*>();
        if (ours && text != nullptr && text->size() <= kMaxAnnotation)
            node.annotations.emplace(key, *text);
    }
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto parsed = std::from_chars(text.begin(), text.end(), port);
    if (parsed.ec != std::errc() || parsed.ptr != text.end() || port == 0) return std::nullopt;
    return port;
}

// Whether there is nothing wrong with it; one that is absent leaves the port as it is.
bool read_port(KubernetesNode& node, std::string_view key, std::uint16_t& port) {
    const auto entry = node.annotations.find(key);
    if (entry == node.annotations.end()) return true;
    const auto number = parse_port(entry->second);
    if (number) port = *number;
    if (!number)
        add_fault(node, std::string(key) + ": " + in_quotes(entry->second) + " is not a port");
    return number.has_value();
}

void read_key(KubernetesNode& node, std::string_view name, std::optional<PublicKey>& key) {
    const auto entry = node.annotations.find(name);
    if (entry == node.annotations.end() || entry->second.empty()) return;
    const auto parsed = PublicKey::parse(entry->second);
    if (parsed) key = *parsed;
    if (!parsed) add_fault(node, std::string(name) + ": " + parsed.error().message);
}

// Ids with commas between them.
void read_secrets(KubernetesNode& node, std::vector<std::string>& ids) {
    const auto entry = node.annotations.find(kSecretsAnnotation);
    if (entry == node.annotations.end() || entry->second.empty()) return;
    std::vector<std::string> read;
    std::string_view left = entry->second;
    for (bool more = true; more;) {
        const std::size_t comma = left.find(',');
        const std::string_view id = left.substr(0, comma);
        if (!is_secret_id(id) || read.size() == kMaxNodeSecrets) {
            add_fault(node, std::string(kSecretsAnnotation) + ": " + in_quotes(entry->second) +
                                " are not ids of cluster secrets");
            return;
        }
        read.emplace_back(id);
        more = comma != std::string_view::npos;
        if (more) left.remove_prefix(comma + 1);
    }
    ids = std::move(read);
}

std::string joined(const std::vector<std::string>& ids) {
    std::string text;
    for (const std::string& id : ids)
        text.append(text.empty() ? "" : ",").append(id);
    return text;
}

}  // namespace

Result<KubernetesNode> parse_kubernetes_node(const Json& object) {
    KubernetesNode node{
        .name = std::string(text_at(object, "metadata", "name")),
        .uid = std::string(text_at(object, "metadata", "uid")),
        .resource_version = std::string(text_at(object, "metadata", "resourceVersion"))};
    if (!is_valid_node_name(node.name)) return invalid(in_quotes(node.name) + " is no node name");
    WGS_TRY(read_addresses(object, node));
    WGS_TRY(read_prefixes(object, node));
    read_annotations(object, node);
    const auto& taints = list_at(object, "spec", "taints");
    if (taints.size() > kMaxTaints) return invalid("too many spec.taints");
    node.taints.assign(taints.begin(), taints.end());
    return node;
}

NodeInfo to_node_info(KubernetesNode& node) {
    NodeInfo info{.name = node.name, .addresses = node.addresses, .prefixes = node.prefixes};
    if (read_port(node, kPortAnnotation, info.port))
        read_key(node, kPublicKeyAnnotation, info.public_key);
    if (read_port(node, kPortAnnotation6, info.port_v6))
        read_key(node, kPublicKeyAnnotation6, info.public_key_v6);
    read_secrets(node, info.secrets);
    return info;
}

Annotations own_annotations(const NodeInfo& self) {
    const auto text = [](const std::optional<PublicKey>& key) {
        return key ? key->to_base64() : std::string();
    };
    return {{std::string(kPublicKeyAnnotation), text(self.public_key)},
            {std::string(kPortAnnotation), std::to_string(self.port)},
            {std::string(kPublicKeyAnnotation6), text(self.public_key_v6)},
            {std::string(kPortAnnotation6),
             self.public_key_v6 ? std::to_string(self.port_v6) : std::string()},
            {std::string(kSecretsAnnotation), joined(self.secrets)}};
}

std::string annotation_patch(const Annotations& annotations) {
    Json values = Json::object();
    for (const auto& [key, value] : annotations)
        values[key] = value.empty() ? Json() : Json(value);
    const Json patch{{"metadata", {{"annotations", std::move(values)}}}};
    return patch.dump();
}

bool has_annotations(const KubernetesNode& node, const Annotations& wanted) {
    return std::ranges::all_of(wanted, [&](const auto& entry) {
        const auto found = node.annotations.find(entry.first);
        return found == node.annotations.end() ? entry.second.empty()
                                               : found->second == entry.second;
    });
}

std::string taint_removal_patch(const KubernetesNode& node, std::string_view key) {
    const auto taint = std::ranges::find_if(
        node.taints, [&](const Json& entry) { return text_at(entry, "key") == key; });
    if (taint == node.taints.end()) return {};
    const std::string path = "/spec/taints/" + std::to_string(taint - node.taints.begin());
    const Json patch{{{"op", "test"}, {"path", path}, {"value", *taint}},
                     {{"op", "remove"}, {"path", path}}};
    return patch.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace wgs
