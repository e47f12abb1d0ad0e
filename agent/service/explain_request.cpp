// SPDX-License-Identifier: Apache-2.0
#include "service/explain_request.h"

#include <netinet/in.h>

namespace wgs {
namespace {

using Query = std::map<std::string, std::string>;

// Takes an argument out of the query; none: it is not there.
std::optional<std::string> take(Query& query, const std::string& name) {
    auto node = query.extract(name);
    return node ? std::optional(std::move(node.mapped())) : std::nullopt;
}

Result<bool> take_flag(Query& query, const std::string& name) {
    const std::string text = take(query, name).value_or("0");
    if (text != "0" && text != "1") return invalid(name + ": \"" + text + "\" is neither 0 nor 1");
    return text == "1";
}

Result<std::optional<Way>> take_way(Query& query) {
    const auto text = take(query, "way");
    if (!text) return std::nullopt;
    if (*text == "out") return Way::out;
    if (*text == "in") return Way::in;
    return invalid("way: \"" + *text + "\" is neither out nor in");
}

// Leaves the first port of a range in the query.
Result<std::optional<PortRange>> take_range(Query& query, const std::string& name) {
    const auto found = query.find(name);
    if (found == query.end()) return std::nullopt;
    const std::size_t dash = found->second.find('-');
    if (dash == std::string::npos) return std::nullopt;
    const std::string last = found->second.substr(dash + 1);
    found->second.resize(dash);
    const PortRange range{.first = WGS_TRY(parse_port(name, found->second)),
                          .last = WGS_TRY(parse_port(name, last))};
    if (range.last < range.first) return invalid(name + ": a range begins with its lowest port");
    return range;
}

}  // namespace

Result<ExplainRequest> parse_explain_request(const Query& query) {
    Query left = query;
    ExplainRequest request;
    request.way = WGS_TRY(take_way(left));
    request.both = WGS_TRY(take_flag(left, "both"));
    const bool may_fragment = WGS_TRY(take_flag(left, "fragment"));
    request.source_ports = WGS_TRY(take_range(left, "sport"));
    request.destination_ports = WGS_TRY(take_range(left, "dport"));
    if (request.source_ports && request.destination_ports)
        return invalid("only one of sport and dport can be a range");
    request.flow = WGS_TRY(parse_flow(left));
    request.flow.may_fragment = may_fragment;
    const bool has_ports =
        request.flow.protocol == IPPROTO_TCP || request.flow.protocol == IPPROTO_UDP;
    if (!has_ports && (request.source_ports || request.destination_ports))
        return invalid("a range of ports is for tcp and udp");
    return request;
}

// As bpf/lib/decide.h knows them.
std::set<std::uint16_t> special_ports(std::uint8_t protocol, const std::set<Service>& bypass,
                                      const std::vector<TunnelConfig>& tunnels) {
    std::set<std::uint16_t> ports;
    for (const Service& service : bypass) {
        if (service.protocol == protocol) ports.insert(service.port);
    }
    if (protocol != IPPROTO_UDP) return ports;
    ports.insert({67, 68, 546, 547});  // DHCP
    ports.insert({4789, 8472, 6081});  // VXLAN, Geneve
    for (const TunnelConfig& tunnel : tunnels)
        ports.insert(tunnel.port);
    return ports;
}

std::vector<PortRange> pieces_of(const PortRange& range, const std::set<std::uint16_t>& special) {
    std::vector<PortRange> pieces;
    std::uint32_t next = range.first;
    for (auto port = special.lower_bound(range.first); port != special.end() && *port <= range.last;
         ++port) {
        if (next < *port)
            pieces.push_back(
                {static_cast<std::uint16_t>(next), static_cast<std::uint16_t>(*port - 1)});
        pieces.push_back({*port, *port});
        next = std::uint32_t{*port} + 1;
    }
    if (next <= range.last) pieces.push_back({static_cast<std::uint16_t>(next), range.last});
    return pieces;
}

}  // namespace wgs
