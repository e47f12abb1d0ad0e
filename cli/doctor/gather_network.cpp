// SPDX-License-Identifier: Apache-2.0
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "base/unique_fd.h"
#include "cli/doctor/checks.h"
#include "cli/doctor/gather.h"
#include "kernel/links.h"
#include "skeletons/foreign.h"

namespace wgs::cli {
namespace {

std::optional<int> number_in(const std::string& path) {
    int value = 0;
    std::ifstream file(path);
    if (file >> value) return value;
    return std::nullopt;
}

std::optional<bool> switch_in(const std::string& path) {
    const auto value = number_in(path);
    return value ? std::optional(*value != 0) : std::nullopt;
}

std::optional<int> rp_filter_of(const std::string& device) {
    const std::string directory = "/proc/sys/net/ipv4/conf/";
    const auto all = number_in(directory + "all/rp_filter");
    const auto own = number_in(directory + device + "/rp_filter");
    if (!all || !own) return std::nullopt;
    return std::max(*all, *own);
}

// ethtool's old questions, which every driver answers.
std::optional<bool> offload(const std::string& device, std::uint32_t question) {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_value value{.cmd = question};
    ifreq request{};
    device.copy(static_cast<char*>(request.ifr_name), IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&value);
    if (!socket || ::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return std::nullopt;
    return value.data != 0;
}

ChainProgram named(std::uint32_t id, std::string kind) {
    return {.name = name_of_program(id), .id = id, .kind = std::move(kind)};
}

// The kernel runs TCX before clsact.
std::vector<ChainProgram> chain_at(std::uint32_t ifindex, TcDirection direction) {
    std::vector<ChainProgram> chain;
    const bool ingress = direction == TcDirection::ingress;
    for (const std::uint32_t id :
         tcx_programs(ifindex, ingress ? Direction::ingress : Direction::egress))
        chain.push_back(named(id, "tcx"));
    const auto filters = tc_filters(ifindex, direction);
    if (!filters) return chain;
    for (const TcFilter& filter : *filters) {
        if (filter.program_id != 0)
            chain.push_back(named(filter.program_id, filter.kind));
        else
            chain.push_back({.name = filter.name, .kind = filter.kind});
    }
    return chain;
}

DeviceFacts device_facts(const std::string& name, std::uint32_t ifindex) {
    DeviceFacts device{.name = name,
                       .threaded = switch_in("/sys/class/net/" + name + "/threaded"),
                       .rp_filter = rp_filter_of(name),
                       .gro = offload(name, ETHTOOL_GGRO),
                       .gso = offload(name, ETHTOOL_GGSO),
                       .egress = chain_at(ifindex, TcDirection::egress),
                       .ingress = chain_at(ifindex, TcDirection::ingress)};
    if (const auto id = xdp_program(ifindex)) device.xdp = named(*id, "xdp");
    return device;
}

DeviceFacts tunnel_facts(const std::vector<LinkInfo>& links, const std::string& device) {
    const auto link = std::ranges::find(links, device, &LinkInfo::name);
    if (link == links.end()) return {.name = device, .exists = false};
    DeviceFacts facts = device_facts(device, link->ifindex);
    facts.mtu = link->mtu;
    facts.up = link->admin_up;
    return facts;
}

void gather_links(Facts& facts) {
    std::vector<LinkInfo> links;
    if (auto rtnetlink = Rtnetlink::open()) links = rtnetlink->links().value_or(links);
    std::set<std::string> own;
    for (const TunnelConfig& tunnel : facts.config.wireguard.tunnels()) {
        own.insert(tunnel.device);
        facts.tunnels.push_back(tunnel_facts(links, tunnel.device));
    }
    for (const LinkInfo& link : links)
        if (link.kind == "wireguard" && !own.contains(link.name))
            facts.other_wireguards.push_back(link.name);
}

void gather_addresses(Facts& facts) {
    auto rtnetlink = Rtnetlink::open();
    if (!rtnetlink) return;
    const auto held = rtnetlink->addresses();
    if (!held) return;
    for (const LinkAddress& address : *held)
        if (address.global) facts.held.push_back(address.address.to_string());
    for (const IpAddress& address : facts.config.addresses)
        if (std::ranges::find(facts.held, address.to_string()) == facts.held.end())
            facts.lacking.push_back(address.to_string());
}

void gather_underlays(Facts& facts) {
    std::set<std::string> own;
    for (const TunnelConfig& tunnel : facts.config.wireguard.tunnels())
        own.insert(tunnel.device);
    auto links = RtLinks::open(own);
    if (!links) return;
    const auto underlays = links->underlays(facts.config.underlay, facts.config.addresses);
    if (!underlays) return;
    for (const Underlay& underlay : *underlays) {
        facts.underlays.push_back(device_facts(underlay.name, underlay.ifindex));
        facts.underlays.back().mtu = underlay.mtu;
        facts.underlays.back().up = underlay.up;
        // Virtual devices hand on what others have put together.
        if (!underlay.kind.empty()) facts.underlays.back().gro.reset();
    }
}

// Of our tunnels and of the peers.
std::set<std::uint16_t> tunnel_ports(const Facts& facts) {
    std::set<std::uint16_t> ports;
    for (const TunnelConfig& tunnel : facts.config.wireguard.tunnels())
        ports.insert(tunnel.port);
    for (const nlohmann::json& peer : facts.agent.peers) {
        const auto endpoint = peer.is_object() ? peer.value("endpoint", nlohmann::json()) : peer;
        if (!endpoint.is_string()) continue;
        const auto text = endpoint.get<std::string>();
        ports.insert(static_cast<std::uint16_t>(std::atoi(text.c_str() + text.rfind(':') + 1)));
    }
    return ports;
}

void gather_filters(Facts& facts) {
    const std::uint32_t marks = our_marks(facts.config);
    const std::set<std::uint16_t> ports = tunnel_ports(facts);
    const auto look = [&](const std::string& rules, const std::string& where) {
        std::ranges::move(marks_in(rules, marks, where), std::back_inserter(facts.marks));
        std::ranges::move(blocks_in(rules, ports, where), std::back_inserter(facts.filters));
    };
    for (const std::string program : {"iptables", "ip6tables"})
        look(output_of(program + "-save"), program);
    // What iptables-nft has made shows here as well, and less readably.
    if (facts.marks.empty() && facts.filters.empty())
        look(output_of("nft --stateless list ruleset"), "nft");
}

void gather_rules(Facts& facts) {
    if (auto rules = mark_rules()) facts.rules = std::move(*rules);
}

}  // namespace

void gather_network(Facts& facts) {
    gather_links(facts);
    gather_addresses(facts);
    gather_underlays(facts);
    gather_rules(facts);
    gather_filters(facts);
    facts.forwarding4 = switch_in("/proc/sys/net/ipv4/ip_forward");
    facts.forwarding6 = switch_in("/proc/sys/net/ipv6/conf/all/forwarding");
}

}  // namespace wgs::cli
