// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_calico.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"

namespace wgs {
namespace {

std::string_view value_of(const KubernetesNode& node, std::string_view key) {
    const auto entry = node.annotations.find(key);
    return entry == node.annotations.end() ? std::string_view() : std::string_view(entry->second);
}

// "192.0.2.1/24": the address, which keeps its host bits.
std::optional<IpAddress> address_of(std::string_view cidr, Family family) {
    const std::size_t slash = cidr.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto address = IpAddress::parse(cidr.substr(0, slash));
    const std::string_view digits = cidr.substr(slash + 1);
    int length = -1;
    const auto parsed = std::from_chars(digits.begin(), digits.end(), length);
    if (parsed.ec != std::errc() || parsed.ptr != digits.end()) return std::nullopt;
    if (!address || address->family() != family) return std::nullopt;
    if (length < 0 || length > address->bits()) return std::nullopt;
    return *address;
}

void add_once(std::vector<IpAddress>& list, const IpAddress& address) {
    if (std::ranges::find(list, address) == list.end()) list.push_back(address);
}

void add_once(std::vector<Prefix>& list, const Prefix& prefix) {
    if (std::ranges::find(list, prefix) == list.end()) list.push_back(prefix);
}

std::vector<IpAddress> addresses_of(const KubernetesNode& node) {
    std::vector<IpAddress> addresses;
    if (const auto v4 = address_of(value_of(node, "projectcalico.org/IPv4Address"), Family::v4))
        add_once(addresses, *v4);
    if (const auto v6 = address_of(value_of(node, "projectcalico.org/IPv6Address"), Family::v6))
        add_once(addresses, *v6);
    for (const IpAddress& address : node.addresses)
        add_once(addresses, address);
    return addresses;
}

constexpr std::array<std::pair<std::string_view, Family>, 5> kTunnelAddresses = {{
    {"projectcalico.org/IPv4WireguardInterfaceAddr", Family::v4},
    {"projectcalico.org/IPv6WireguardInterfaceAddr", Family::v6},
    {"projectcalico.org/IPv4IPIPTunnelAddr", Family::v4},
    {"projectcalico.org/IPv4VXLANTunnelAddr", Family::v4},
    {"projectcalico.org/IPv6VXLANTunnelAddr", Family::v6},
}};

// The address `offset` places after the first of a prefix; only the last two bytes change, since a
// block has at most 4096 addresses.
IpAddress address_at(const Prefix& prefix, std::size_t offset) {
    const auto bytes = prefix.address().bytes();
    std::array<std::uint8_t, 16> moved{};
    std::ranges::copy(bytes, moved.begin());
    const std::size_t last = bytes.size() - 1;
    const std::size_t low = (std::size_t{moved.at(last - 1)} << 8 | moved.at(last)) + offset;
    moved.at(last - 1) = static_cast<std::uint8_t>(low >> 8);
    moved.at(last) = static_cast<std::uint8_t>(low);
    if (prefix.family() == Family::v6) return IpAddress::v6(moved);
    return IpAddress::v4(std::span(moved).first<4>());
}

// An allocation is the index of its attributes, or null.
std::string_view owner_of(const Json::array_t& attributes, const Json& allocation) {
    if (!allocation.is_number_integer()) return {};
    const auto index = allocation.get<std::int64_t>();
    if (index < 0 || static_cast<std::uint64_t>(index) >= attributes.size()) return {};
    return text_at(attributes[static_cast<std::size_t>(index)], "secondary", "node");
}

constexpr std::string_view kHostAffinity = "host:";

}  // namespace

NodeInfo to_calico_node_info(const KubernetesNode& node, CalicoIpam ipam,
                             const CalicoPorts& ports) {
    NodeInfo info{.name = node.name, .addresses = addresses_of(node), .port = ports.v4};
    if (ipam == CalicoIpam::host_local) info.prefixes = node.prefixes;
    for (const auto& [key, family] : kTunnelAddresses) {
        const auto address = IpAddress::parse(value_of(node, key));
        if (address && address->family() == family) add_once(info.prefixes, Prefix(*address));
    }
    if (const auto key = PublicKey::parse(value_of(node, kCalicoKeyAnnotation)))
        info.public_key = *key;
    if (!ports.v6) return info;
    info.port_v6 = *ports.v6;
    if (const auto key = PublicKey::parse(value_of(node, kCalicoKeyAnnotation6)))
        info.public_key_v6 = *key;
    return info;
}

Annotations own_calico_annotations(const NodeInfo& self) {
    const auto text = [](const std::optional<PublicKey>& key) {
        return key ? key->to_base64() : std::string();
    };
    return {{std::string(kCalicoKeyAnnotation), text(self.public_key)},
            {std::string(kCalicoKeyAnnotation6), text(self.public_key_v6)}};
}

Result<std::optional<IpamBlock>> parse_ipam_block(const Json& object) {
    IpamBlock block{.name = std::string(text_at(object, "metadata", "name"))};
    if (block.name.empty()) return invalid("a block without a name");
    const Json* const spec = find_member(object, "spec");
    if (spec == nullptr) return invalid(in_quotes(block.name) + " has no spec");
    const Json* const deleted = find_member(*spec, "deleted");
    if (deleted != nullptr && *deleted == true) return std::optional<IpamBlock>();
    block.prefix = WGS_TRY(Prefix::parse(text_at(*spec, "cidr")).within(in_quotes(block.name)));
    if (block.prefix.address().bits() - block.prefix.length() > kMaxBlockBits)
        return invalid(in_quotes(block.name) + ": a block is not as large as that");
    const std::string_view affinity = text_at(*spec, "affinity");
    if (affinity.starts_with(kHostAffinity)) block.host = affinity.substr(kHostAffinity.size());

    const auto& allocations = list_at(*spec, "allocations");
    const auto& attributes = list_at(*spec, "attributes");
    const int bits = block.prefix.address().bits() - block.prefix.length();
    if (allocations.size() > std::size_t{1} << bits)
        return invalid(in_quotes(block.name) + ": more allocations than addresses");
    for (std::size_t i = 0; i < allocations.size(); ++i) {
        const std::string_view owner = owner_of(attributes, allocations[i]);
        if (owner.empty() || owner == block.host) continue;
        block.borrowed.push_back(
            {.address = Prefix(address_at(block.prefix, i)), .node = std::string(owner)});
    }
    return std::optional(std::move(block));
}

}  // namespace wgs
