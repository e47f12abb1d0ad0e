// SPDX-License-Identifier: Apache-2.0
#include "bench/path/host.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>

#include <array>
#include <fstream>
#include <limits>

#include "bench/lab/must.h"
#include "bench/lab/netfilter.h"
#include "bench/lab/routes.h"
#include "bench/lab/tun.h"
#include "skeletons/clsact.h"
#include "skeletons/hooks.h"

namespace wgs::bench {
namespace {

constexpr const char* kTunnel = "wgtun";
constexpr const char* kNic = "eth0";
constexpr const char* kPodLink = "pod0";
constexpr const char* kNicAddress = "192.168.50.1";
constexpr std::uint32_t kSinkFilter = 0;

std::uint32_t index_of(const test::NetNamespace& ns, const std::string& device) {
    const test::Within inside(ns);
    const std::uint32_t index = ::if_nametoindex(device.c_str());
    must_call(index != 0, "find device " + device);
    return index;
}

// From a row of /proc/net/dev: what was sent, and what the device was given but dropped.
std::uint64_t read_transmitted(std::istream& row) {
    std::array<std::uint64_t, 12> columns{};
    for (std::uint64_t& column : columns)
        row >> column;
    return columns[9] + columns[11];
}

wgs_pod_key pod_key() {
    wgs_pod_key key{.address = {0, 0, htonl(0xffff), 0}};
    must_call(::inet_pton(AF_INET, kPodAddress, &key.address[3]) == 1, "parse an address");
    return key;
}

}  // namespace

std::string to_string(Steering steering) {
    switch (steering) {
        case Steering::dropped:
            return "dropped at once";
        case Steering::calico:
            return "Calico's rule";
        case Steering::transparent:
            return "transparent";
        case Steering::fast:
            return "fast";
        default:
            return "plain";
    }
}

std::string to_string(Rules rules) {
    return rules == Rules::none ? "none" : "netfilter";
}

Host::Host(HostOptions options, const std::vector<OwnedPrefix>& prefixes, int sink)
    : options_(std::move(options)) {
    for (const char* key : {"ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter"})
        host_.sysctl(key, "0");
    host_.sysctl("ipv4/ip_forward", "1");
    connect();
    tunnel_ = open_tun(host_, kTunnel);
    add_sink(pod_, "eth0", sink);
    add_sink(wire_, "wire0", sink);
    if (options_.rules == Rules::netfilter) add_netfilter_rules(host_, kPodLink);
    if (options_.steering == Steering::dropped) add_sink(host_, kPodLink, sink);
    if (options_.steering == Steering::calico) steer_by_routes(prefixes);
    if (options_.steering == Steering::transparent || options_.steering == Steering::fast)
        steer_by_programs(prefixes);
}

Host::~Host() {
    if (!dataplane_) return;
    const test::Within inside(host_);
    (void)Hooks(dataplane_->bpffs()).detach_all();  // the devices go anyway
}

// A flat network: the mesh is behind one gateway, so that the main table has one route to it.
void Host::connect() const {
    host_.ip(fmt::format(
        "link add {0} address {1} type veth peer name eth0 address {2} netns {3}\n"
        "link add {4} address {5} type veth peer name wire0 address {6} netns {7}\n"
        "link set {0} up\nlink set {4} up\n",
        kPodLink, kPodGatewayMac, kPodMac, pod_.path(), kNic, kNicMac, kWireMac, wire_.path()));
    pod_.ip("link set eth0 up\n");
    wire_.ip("link set wire0 up\n");
    host_.ip(
        fmt::format("addr add {0}/24 dev {1}\nroute add {2}/32 dev {3}\n"
                    "neigh add {2} lladdr {4} dev {3}\n"
                    "route add default via 192.168.50.254\n"
                    "neigh add 192.168.50.254 lladdr {5} dev {1}\n",
                    kNicAddress, kNic, kPodAddress, kPodLink, kPodMac, kWireMac));
}

void Host::add_sink(const test::NetNamespace& ns, const std::string& device, int sink) const {
    const std::uint32_t index = index_of(ns, device);
    const test::Within inside(ns);
    const auto markers = options_.bpffs / "sinks";
    std::filesystem::create_directories(markers);
    must(ensure_clsact_qdisc(index, markers));
    must(put_clsact_filter(index, {.direction = Direction::ingress, .order = Order::first},
                           kSinkFilter, sink));
}

void Host::steer_by_routes(const std::vector<OwnedPrefix>& prefixes) const {
    add_calico_rule(host_, Family::v4);
    ip_batch(host_, Family::v4, calico_routes(prefixes, kTunnel, Metric::none));
}

void Host::steer_by_programs(const std::vector<OwnedPrefix>& prefixes) {
    const bool fast = options_.steering == Steering::fast;
    dataplane_ = std::make_unique<Dataplane>(
        options_.bpffs / "bpf",
        DataplaneOptions{
            .fast = fast, .peers = options_.peers, .tunnel_ifindex = index_of(host_, kTunnel)});
    const std::vector<OwnedPrefix> own{
        own_prefix(Prefix(must(IpAddress::parse(kPodAddress))), WGS_CLASS_POD),
        own_prefix(Prefix(must(IpAddress::parse(kNicAddress))), WGS_CLASS_NODE)};
    for (const auto* some : {&prefixes, &own}) {
        dataplane_->fill(*some);
        dataplane_->watch(*some);
    }
    attach(kNic, WGS_HOOK_NIC_OUT);
    attach(kNic, WGS_HOOK_LEAK_WATCH);
    attach(kNic, WGS_HOOK_NIC_IN);
    attach(kTunnel, WGS_HOOK_WG_IN);
    if (!fast) return;
    attach(kPodLink, WGS_HOOK_POD_OUT);
    must(dataplane_->tables().pods.store(pod_key(), {.ifindex = pod_link(),
                                                     .mac = {2, 0, 0, 0, 1, 2},
                                                     .gateway_mac = {2, 0, 0, 0, 1, 1},
                                                     .heard = 0}));
}

void Host::attach(const std::string& device, wgs_hook hook) const {
    const HookSite site{.ifindex = index_of(host_, device), .hook = hook};
    const test::Within inside(host_);
    must(Hooks(dataplane_->bpffs()).attach(site, dataplane_->at(hook)));
}

std::uint32_t Host::pod_link() const {
    return index_of(host_, kPodLink);
}

std::uint32_t Host::nic() const {
    return index_of(host_, kNic);
}

std::uint64_t Host::transmitted(const std::string& device) const {
    const test::Within inside(host_);
    std::ifstream devices("/proc/thread-self/net/dev");
    for (std::string name; devices >> name;) {
        if (name == device + ":") return read_transmitted(devices);
        devices.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    throw Broken("no device " + device);
}

std::string Host::goal() const {
    switch (options_.steering) {
        case Steering::dropped:
            return "";
        case Steering::plain:
            return kNic;
        default:
            return kTunnel;
    }
}

}  // namespace wgs::bench
