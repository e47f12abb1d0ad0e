// SPDX-License-Identifier: Apache-2.0
#include "bench/path/injector.h"

#include <bpf/bpf.h>
#include <inject.skel.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <netinet/ether.h>

#include <algorithm>
#include <cstring>

#include "bench/lab/must.h"
#include "service/flow.h"

namespace wgs::bench {
namespace {

constexpr __u32 kLiveFrames = 1U << 1;  // BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18

void write_mac(std::uint8_t* to, const char* text) {
    const ether_addr* mac = ::ether_aton(text);
    std::memcpy(to, mac->ether_addr_octet, ETH_ALEN);
}

// The varied address is zero, and not in the checksum.
wgs_feed template_of(From from) {
    const IpAddress pod = must(IpAddress::parse(kPodAddress));
    const IpAddress nobody;
    const bool leaves = from == From::pod;
    const auto packet = first_packet({.source = leaves ? pod : nobody,
                                      .destination = leaves ? nobody : pod,
                                      .protocol = 17,
                                      .source_port = std::uint16_t(leaves ? 1000 : 2000),
                                      .destination_port = std::uint16_t(leaves ? 2000 : 1000)});
    wgs_feed feed{};
    std::ranges::copy(packet, feed.frame);
    write_mac(feed.frame, leaves ? kPodGatewayMac : kNicMac);
    write_mac(feed.frame + ETH_ALEN, leaves ? kPodMac : kWireMac);
    auto* ip = reinterpret_cast<std::uint16_t*>(feed.frame + ETH_HLEN);
    for (std::size_t word = 0; word < sizeof(iphdr) / 2; ++word)
        feed.checksum += ip[word];
    feed.backwards = leaves ? 0 : 1;
    return feed;
}

}  // namespace

Injector::Injector(const Destinations& destinations) : object_(image<inject_bpf>()) {
    destinations.lend_to(object_);
    object_.load();
}

double Injector::send(const Host& host, From from, std::size_t frames, std::size_t flows) const {
    wgs_feed feed = template_of(from);
    feed.mask = static_cast<std::uint32_t>(flows - 1);
    write_row(object_.map("wgs_feed"), 0, &feed);
    xdp_md context{};
    context.data_end = sizeof(feed.frame);
    context.ingress_ifindex = from == From::pod ? host.pod_link() : host.nic();
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = feed.frame;
    options.data_size_in = sizeof(feed.frame);
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    options.flags = kLiveFrames;
    options.repeat = static_cast<int>(frames);
    const test::Within inside(host.ns());
    must_call(bpf_prog_test_run_opts(object_.program("wgs_inject4"), &options) == 0, "send frames");
    return options.duration;  // without what the kernel needs to begin
}

}  // namespace wgs::bench
