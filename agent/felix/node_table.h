// SPDX-License-Identifier: Apache-2.0
// The cluster as Felix's messages tell it, piece by piece: hosts, keys and routes come apart and in
// any order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "felix/messages.h"
#include "felix/parameters.h"
#include "model/ip.h"
#include "model/node.h"

namespace wgs::felix {

// An address is taken with or without a length, a destination as well; host bits are cleared.
Result<IpAddress> parse_host_address(std::string_view text);
Result<Prefix> parse_destination(std::string_view text);

// Only families which are enabled exist. A destination belongs to the node that was named last.
class NodeTable {
  public:
    static constexpr std::size_t kMaxNodes = 1 << 17;
    static constexpr std::size_t kMaxRoutes = 1 << 21;

    NodeTable(std::string self, Parameters parameters);

    // An error tells what of the message could not be used; the rest of it has been.
    Status apply(const HostUpdate& host);
    Status apply(const HostRemove& host);
    Status apply(const RouteUpdate& route);
    Status apply(const RouteRemove& route);
    Status apply(const EndpointUpdate& endpoint);
    Status apply(const EndpointRemove& endpoint);

    // Names of other nodes of which something has changed since the last call; those that have lost
    // something come first.
    [[nodiscard]] std::vector<std::string> take_changes();
    // None: nothing is known of it any more.
    [[nodiscard]] std::optional<NodeInfo> node(const std::string& name) const;

    // Whether what self() returns may have changed since the last call.
    [[nodiscard]] bool take_self_change();
    // Its addresses and prefixes. Prefixes that a shorter one of its own covers are not listed,
    // unless somebody else's lies between them.
    [[nodiscard]] NodeInfo self() const;
    // The key under which Felix knows this node; none: it knows no key.
    [[nodiscard]] std::optional<PublicKey> own_key(Family family) const;

    // Besides this node.
    [[nodiscard]] std::size_t size() const { return nodes_.size() - 1; }
    [[nodiscard]] std::size_t routes() const { return routes_.size(); }

  private:
    enum class RouteClass : std::uint8_t { pod, host };
    struct Node {
        std::array<std::optional<IpAddress>, 2> addresses;  // by family
        std::array<std::optional<PublicKey>, 2> keys;
        std::vector<Prefix> pods;   // unsorted
        std::vector<Prefix> hosts;  // further addresses; unsorted
        [[nodiscard]] bool empty() const;
    };
    using Nodes = std::map<std::string, Node, std::less<>>;
    struct Route {
        Nodes::value_type* node = nullptr;
        std::uint32_t position = 0;  // in the node's list
        RouteClass route_class = RouteClass::pod;
    };
    struct HashPrefix {
        std::size_t operator()(const Prefix& prefix) const;
    };

    [[nodiscard]] bool has(Family family) const { return parameters_.of(family).enabled; }
    Result<Nodes::value_type*> find_or_make(const std::string& name);
    Status set_address(Nodes::value_type& node, Family family, const std::string& text);
    Status set_route(const Prefix& destination, const std::string& name, RouteClass route_class);
    void remove_route(const Prefix& destination);
    void changed(Nodes::value_type& node, bool has_lost);
    void note_self_cover(const Prefix& destination);
    void drop_if_empty(const std::string& name);
    [[nodiscard]] static std::vector<Prefix>& list_of(Node& node, RouteClass route_class);
    [[nodiscard]] const Route* route_around(const Prefix& destination) const;
    [[nodiscard]] static NodeInfo describe(const Nodes::value_type& node);

    Parameters parameters_;
    Nodes nodes_;
    Nodes::value_type* self_;
    std::unordered_map<Prefix, Route, HashPrefix> routes_;
    std::array<std::map<int, std::size_t>, 2> lengths_;  // of routes, with how many there are

    std::set<std::string> lost_;
    std::set<std::string> gained_;
    bool self_changed_ = false;
};

}  // namespace wgs::felix
