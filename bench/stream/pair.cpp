// SPDX-License-Identifier: Apache-2.0
#include "bench/stream/pair.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>

#include <cstring>

#include "bench/lab/must.h"
#include "bench/lab/netfilter.h"
#include "bench/lab/routes.h"
#include "model/config.h"
#include "skeletons/hooks.h"

namespace wgs::bench {
namespace {

constexpr std::uint32_t kCalicoMark = 0x100000;
constexpr std::uint32_t kOther = WGS_PEER_FIRST;
// Of pods and tunnel alike, as Calico sets it on Ethernet, so that all send packets of one size.
constexpr std::uint32_t kMtu = 1440;

IpAddress ip(const std::string& text) {
    return must(IpAddress::parse(text));
}

IpAddress nic_address(int number) {
    return ip(fmt::format("192.168.50.{}", number));
}

Prefix pod_prefix(int number) {
    return {ip(fmt::format("10.{}.0.0", number)), 24};
}

int other_than(int number) {
    return 3 - number;
}

OwnedPrefix others(const Prefix& prefix, wgs_class prefix_class) {
    return {.prefix = prefix, .owner = WGS_OWNER(kOther, std::uint32_t(prefix_class))};
}

}  // namespace

StreamNode::StreamNode(int number, Steering steering, std::filesystem::path directory)
    : number_(number), steering_(steering), directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_);
    for (const char* key : {"ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter"})
        host_.sysctl(key, "0");
    host_.sysctl("ipv4/ip_forward", "1");
    host_.ip(
        fmt::format("link add pod0 address {} mtu {} type veth "
                    "peer name eth0 address {} mtu {} netns {}\n"
                    "link set pod0 up\naddr add 10.{}.0.1/24 dev pod0\n",
                    kPodGatewayMac, kMtu, kPodMac, kMtu, pod_.path(), number_));
    pod_.ip(
        fmt::format("link set eth0 up\naddr add 10.{0}.0.10/24 dev eth0\n"
                    "route add default via 10.{0}.0.1\n",
                    number_));
}

StreamNode::~StreamNode() {
    const test::Within inside(host_);
    if (dataplane_) (void)Hooks(dataplane_->bpffs()).detach_all();  // the devices go anyway
    if (device_) (void)device_->destroy();
}

IpAddress StreamNode::pod_address() const {
    return ip(fmt::format("10.{}.0.10", number_));
}

void StreamNode::add_routes() const {
    host_.ip(fmt::format("link set eth0 up\naddr add {}/24 dev eth0\nroute add {} via {}\n",
                         nic_address(number_).to_string(),
                         pod_prefix(other_than(number_)).to_string(),
                         nic_address(other_than(number_)).to_string()));
}

void StreamNode::add_netfilter() const {
    add_netfilter_rules(host_, "pod0");
}

void StreamNode::encrypt(const PublicKey& other) {
    if (steering_ == Steering::plain) return;
    open_device(other);
    if (steering_ == Steering::calico)
        steer_by_routes();
    else
        steer_by_programs();
}

// wireguard-go's socket has the name of the device, and may be seen by all network namespaces.
std::string StreamNode::device_name() const {
    return fmt::format("wgb{}{}", static_cast<int>(steering_), number_);
}

std::uint32_t StreamNode::index_of(const std::string& device) const {
    const test::Within inside(host_);
    const std::uint32_t index = ::if_nametoindex(device.c_str());
    must_call(index != 0, "find device " + device);
    return index;
}

void StreamNode::open_device(const PublicKey& other) {
    const test::Within inside(host_);
    device_ =
        must(open_wireguard(BackendChoice::automatic,
                            {.device = device_name(), .run_dir = directory_, .private_key = key_}));
    must(device_->create());
    must(device_->configure({.port = kTunnelPort,
                             .fwmark = steering_ == Steering::calico ? kCalicoMark : kDefaultFwmark,
                             .mtu = kMtu}));
    const PeerUpdate update{
        .public_key = other,
        .endpoint = Endpoint{.address = nic_address(other_than(number_)), .port = kTunnelPort},
        .keepalive = {},
        .add_allowed_ips = {pod_prefix(other_than(number_))}};
    must(device_->update_peers({&update, 1}));
}

void StreamNode::steer_by_routes() const {
    add_calico_rule(host_, Family::v4);
    ip_batch(host_, Family::v4,
             calico_routes({others(pod_prefix(other_than(number_)), WGS_CLASS_POD)}, device_name(),
                           Metric::none));
}

void StreamNode::steer_by_programs() {
    const bool fast = steering_ == Steering::fast;
    dataplane_ = std::make_unique<Dataplane>(
        directory_ / "bpf",
        DataplaneOptions{.fast = fast, .peers = 1, .tunnel_ifindex = index_of(device_name())});
    fill_tables();
    const Hooks hooks(dataplane_->bpffs());
    const auto attach = [&](const std::string& device, wgs_hook hook) {
        const HookSite site{.ifindex = index_of(device), .hook = hook};
        const test::Within inside(host_);
        must(hooks.attach(site, dataplane_->at(hook)));
    };
    attach("eth0", WGS_HOOK_NIC_OUT);
    attach("eth0", WGS_HOOK_LEAK_WATCH);
    attach("eth0", WGS_HOOK_NIC_IN);
    attach(device_name(), WGS_HOOK_WG_IN);
    if (fast) attach("pod0", WGS_HOOK_POD_OUT);
}

void StreamNode::fill_tables() {
    const int other = other_than(number_);
    dataplane_->fill({own_prefix(pod_prefix(number_), WGS_CLASS_POD),
                      own_prefix(Prefix(nic_address(number_)), WGS_CLASS_NODE),
                      others(pod_prefix(other), WGS_CLASS_POD),
                      others(Prefix(nic_address(other)), WGS_CLASS_NODE)});
    wgs_underlay nic{.ifindex = index_of("eth0"), .mac = {2, 0, 0, 0, 2, 0}, .reserved = {}};
    nic.mac[5] = static_cast<std::uint8_t>(number_);
    must(dataplane_->tables().underlays.store(0, nic));
    wgs_pod_key pod{.address = {0, 0, htonl(0xffff), 0}};
    std::memcpy(&pod.address[3], pod_address().bytes().data(), 4);
    must(dataplane_->tables().pods.store(pod, {.ifindex = index_of("pod0"),
                                               .mac = {2, 0, 0, 0, 1, 2},
                                               .gateway_mac = {2, 0, 0, 0, 1, 1},
                                               .heard = 0}));
}

Pair::Pair(Steering steering, Rules rules, const std::filesystem::path& directory)
    : first_(1, steering, directory / "1"), second_(2, steering, directory / "2") {
    first_.host().ip(
        fmt::format("link add eth0 address 02:00:00:00:02:01 type veth "
                    "peer name eth0 address 02:00:00:00:02:02 netns {}\n",
                    second_.host().path()));
    for (StreamNode* node : {&first_, &second_}) {
        node->add_routes();
        if (rules == Rules::netfilter) node->add_netfilter();
    }
    first_.encrypt(second_.key());
    second_.encrypt(first_.key());
}

}  // namespace wgs::bench
