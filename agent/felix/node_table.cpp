// SPDX-License-Identifier: Apache-2.0
#include "felix/node_table.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace wgs::felix {
namespace {

constexpr std::array kFamilies{Family::v4, Family::v6};

std::size_t index_of(Family family) {
    return family == Family::v4 ? 0 : 1;
}

std::string_view name_of(Family family) {
    return family == Family::v4 ? "IPv4" : "IPv6";
}

struct AddressAndLength {
    IpAddress address;
    int length = 0;
};

Result<AddressAndLength> parse_with_length(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return invalid("not an address: " + in_quotes(text));
    int length = address->bits();
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const auto parsed = std::from_chars(digits.begin(), digits.end(), length);
        const bool whole = parsed.ec == std::errc() && parsed.ptr == digits.end();
        if (!whole || length < 0 || length > address->bits())
            return invalid("not a CIDR: " + in_quotes(text));
    }
    return AddressAndLength{.address = *address, .length = length};
}

bool reaches_other_node(std::uint32_t types) {
    return (types & (kRemoteWorkload | kLocalWorkload | kRemoteTunnel | kLocalTunnel)) != 0;
}

}  // namespace

Result<IpAddress> parse_host_address(std::string_view text) {
    return WGS_TRY(parse_with_length(text)).address;
}

Result<Prefix> parse_destination(std::string_view text) {
    const AddressAndLength parsed = WGS_TRY(parse_with_length(text));
    return Prefix(parsed.address, parsed.length);
}

bool NodeTable::Node::empty() const {
    const auto is_set = [](const auto& value) { return value.has_value(); };
    return pods.empty() && hosts.empty() && std::ranges::none_of(addresses, is_set) &&
           std::ranges::none_of(keys, is_set);
}

std::size_t NodeTable::HashPrefix::operator()(const Prefix& prefix) const {
    const auto bytes = prefix.address().bytes();
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as characters.
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return std::hash<std::string_view>()(text) * 131 + static_cast<std::size_t>(prefix.length());
}

NodeTable::NodeTable(std::string self, Parameters parameters)
    : parameters_(std::move(parameters)), self_(&*nodes_.try_emplace(std::move(self)).first) {}

Result<NodeTable::Nodes::value_type*> NodeTable::find_or_make(const std::string& name) {
    const auto found = nodes_.find(name);
    if (found != nodes_.end()) return &*found;
    if (!is_valid_node_name(name)) return invalid("not a name of a node: " + in_quotes(name));
    if (nodes_.size() >= kMaxNodes) {
        return make_error(std::errc::value_too_large,
                          "more than " + std::to_string(kMaxNodes) + " nodes");
    }
    return &*nodes_.try_emplace(name).first;
}

void NodeTable::drop_if_empty(const std::string& name) {
    const auto found = nodes_.find(name);
    if (found != nodes_.end() && &*found != self_ && found->second.empty()) nodes_.erase(found);
}

void NodeTable::changed(Nodes::value_type& node, bool has_lost) {
    if (&node == self_) {
        self_changed_ = true;
    } else if (has_lost) {
        lost_.insert(node.first);
    } else {
        gained_.insert(node.first);
    }
}

Status NodeTable::set_address(Nodes::value_type& node, Family family, const std::string& text) {
    if (text.empty() || !has(family)) return {};
    const auto address = parse_host_address(text);
    if (!address || address->family() != family) {
        return invalid("not an " + std::string(name_of(family)) + " address: " + in_quotes(text));
    }
    auto& slot = node.second.addresses[index_of(family)];
    if (slot == *address) return {};
    slot = *address;
    changed(node, false);
    return {};
}

Status NodeTable::apply(const HostUpdate& host) {
    Nodes::value_type* node = WGS_TRY(find_or_make(host.node));
    Status v4 = set_address(*node, Family::v4, host.ipv4);
    Status v6 = set_address(*node, Family::v6, host.ipv6);
    drop_if_empty(host.node);
    return v4 ? std::move(v6) : std::move(v4);
}

Status NodeTable::apply(const HostRemove& host) {
    const auto found = nodes_.find(host.node);
    if (found == nodes_.end() || &*found == self_) return {};
    for (const Family family : kFamilies) {
        const bool meant = host.families == Families::both ||
                           (host.families == Families::v4) == (family == Family::v4);
        auto& slot = found->second.addresses[index_of(family)];
        if (!meant || !slot) continue;
        slot.reset();
        changed(*found, true);
    }
    drop_if_empty(host.node);
    return {};
}

// The order of the questions is Felix's: the first that says yes decides.
Status NodeTable::apply(const RouteUpdate& route) {
    const Prefix destination = WGS_TRY(parse_destination(route.destination));
    if (!has(destination.family())) return {};
    if ((route.types & kRemoteHost) != 0) {
        const bool single = destination.length() == destination.address().bits();
        if (!parameters_.hosts) return {};
        return set_route(destination, route.node, single ? RouteClass::host : RouteClass::pod);
    }
    if (reaches_other_node(route.types)) return set_route(destination, route.node, RouteClass::pod);
    remove_route(destination);
    return {};
}

Status NodeTable::apply(const RouteRemove& route) {
    remove_route(WGS_TRY(parse_destination(route.destination)));
    return {};
}

std::vector<Prefix>& NodeTable::list_of(Node& node, RouteClass route_class) {
    return route_class == RouteClass::pod ? node.pods : node.hosts;
}

Status NodeTable::set_route(const Prefix& destination, const std::string& name,
                            RouteClass route_class) {
    const auto known = routes_.find(destination);
    if (known != routes_.end() && known->second.node->first == name &&
        known->second.route_class == route_class) {
        return {};
    }
    // Whoever has it now, the destination is no longer what it was.
    remove_route(destination);
    Nodes::value_type* node = WGS_TRY(find_or_make(name));
    if (routes_.size() >= kMaxRoutes) {
        drop_if_empty(name);
        return make_error(std::errc::value_too_large,
                          "more than " + std::to_string(kMaxRoutes) + " routes");
    }
    std::vector<Prefix>& list = list_of(node->second, route_class);
    routes_.emplace(destination, Route{.node = node,
                                       .position = static_cast<std::uint32_t>(list.size()),
                                       .route_class = route_class});
    list.push_back(destination);
    ++lengths_[index_of(destination.family())][destination.length()];
    changed(*node, false);
    note_self_cover(destination);
    return {};
}

void NodeTable::remove_route(const Prefix& destination) {
    const auto found = routes_.find(destination);
    if (found == routes_.end()) return;
    const Route route = found->second;
    routes_.erase(found);
    std::vector<Prefix>& list = list_of(route.node->second, route.route_class);
    if (route.position + 1 < list.size()) {
        list[route.position] = list.back();
        routes_.at(list[route.position]).position = route.position;
    }
    list.pop_back();
    auto& lengths = lengths_[index_of(destination.family())];
    if (--lengths[destination.length()] == 0) lengths.erase(destination.length());
    changed(*route.node, true);
    note_self_cover(destination);
    drop_if_empty(route.node->first);
}

// What lies within our own decides which of our own must be listed.
void NodeTable::note_self_cover(const Prefix& destination) {
    if (self_changed_) return;
    const Route* around = route_around(destination);
    if (around != nullptr && around->node == self_) self_changed_ = true;
}

// The longest one that is shorter; null: none.
const NodeTable::Route* NodeTable::route_around(const Prefix& destination) const {
    const auto& lengths = lengths_[index_of(destination.family())];
    for (auto length = lengths.lower_bound(destination.length()); length != lengths.begin();) {
        --length;
        const auto found = routes_.find(Prefix(destination.address(), length->first));
        if (found != routes_.end()) return &found->second;
    }
    return nullptr;
}

Status NodeTable::apply(const EndpointUpdate& endpoint) {
    if (!has(endpoint.family)) return {};
    Nodes::value_type* node = WGS_TRY(find_or_make(endpoint.node));
    auto& slot = node->second.keys[index_of(endpoint.family)];
    const auto key = PublicKey::parse(endpoint.public_key);
    const std::optional<PublicKey> wanted =
        key ? std::optional<PublicKey>(*key) : std::optional<PublicKey>();
    if (slot != wanted) {
        slot = wanted;
        changed(*node, !wanted);
    }
    drop_if_empty(endpoint.node);
    if (!key) return invalid("not a public key: " + in_quotes(endpoint.public_key));
    if (endpoint.interface_address.empty()) return {};
    const auto address = parse_host_address(endpoint.interface_address);
    if (address && address->family() == endpoint.family) return {};
    return invalid("not an " + std::string(name_of(endpoint.family)) +
                   " address: " + in_quotes(endpoint.interface_address));
}

Status NodeTable::apply(const EndpointRemove& endpoint) {
    const auto found = nodes_.find(endpoint.node);
    if (found == nodes_.end()) return {};
    auto& slot = found->second.keys[index_of(endpoint.family)];
    if (!slot) return {};
    slot.reset();
    changed(*found, true);
    drop_if_empty(endpoint.node);
    return {};
}

std::vector<std::string> NodeTable::take_changes() {
    std::vector<std::string> names(lost_.begin(), lost_.end());
    std::ranges::set_difference(gained_, lost_, std::back_inserter(names));
    lost_.clear();
    gained_.clear();
    return names;
}

bool NodeTable::take_self_change() {
    return std::exchange(self_changed_, false);
}

std::optional<NodeInfo> NodeTable::node(const std::string& name) const {
    const auto found = nodes_.find(name);
    if (found == nodes_.end()) return std::nullopt;
    NodeInfo info = describe(*found);
    const auto& [key_v4, key_v6] = found->second.keys;
    info.public_key = parameters_.v4.enabled ? key_v4 : key_v6;
    info.port = parameters_.first().port;
    if (parameters_.v4.enabled && parameters_.v6.enabled) info.public_key_v6 = key_v6;
    info.port_v6 = parameters_.v6.port;
    info.prefixes.insert(info.prefixes.end(), found->second.pods.begin(), found->second.pods.end());
    std::ranges::sort(info.prefixes);
    return info;
}

// Addresses. A further address makes nobody reachable: without one for WireGuard it is a prefix
// like others.
NodeInfo NodeTable::describe(const Nodes::value_type& node) {
    NodeInfo info{.name = node.first, .addresses = {}, .prefixes = {}, .public_key = {}};
    for (const auto& address : node.second.addresses) {
        if (address) info.addresses.push_back(*address);
    }
    const auto first = static_cast<std::ptrdiff_t>(info.addresses.size());
    for (const Prefix& host : node.second.hosts) {
        const auto& endpoint = node.second.addresses[index_of(host.family())];
        if (!endpoint) {
            info.prefixes.push_back(host);
        } else if (endpoint != host.address()) {
            info.addresses.push_back(host.address());
        }
    }
    std::sort(info.addresses.begin() + first, info.addresses.end());
    return info;
}

NodeInfo NodeTable::self() const {
    NodeInfo info = describe(*self_);
    for (const Prefix& prefix : self_->second.pods) {
        const Route* around = route_around(prefix);
        if (around == nullptr || around->node != self_) info.prefixes.push_back(prefix);
    }
    std::ranges::sort(info.prefixes);
    return info;
}

std::optional<PublicKey> NodeTable::own_key(Family family) const {
    return self_->second.keys[index_of(family)];
}

}  // namespace wgs::felix
