// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "bench/lab/sandbox.h"
#include "bench/program/comparison.h"
#include "bench/program/counted.h"
#include "bench/program/feeder.h"
#include "bench/program/suite.h"
#include "model/config.h"
#include "service/flow.h"

namespace wgs::bench {
namespace {

constexpr std::size_t kPrefixes = 1'000;
constexpr const char* kSelf = "192.168.50.1";
constexpr const char* kPod = "192.168.100.2";
constexpr const char* kPeer = "192.168.50.2";
constexpr const char* kPeersPod = "192.168.102.2";
constexpr const char* kStranger = "198.18.0.1";

// A datagram, the program that it meets, and what that says of it.
struct Case {
    wgs_hook hook;
    std::string verdict;
    const char* source;
    const char* destination;
    std::optional<wgs_reason> counted;  // none: the program counts no such packets
    std::uint32_t mark = 0;
    std::uint16_t source_port = 1000;
    std::uint16_t destination_port = 2000;
};

const std::vector<Case>& tc_cases() {
    static const std::vector<Case> kCases{
        {.hook = WGS_HOOK_NIC_OUT,
         .verdict = "steered",
         .source = kPod,
         .destination = kPeersPod,
         .counted = WGS_REASON_steered},
        {.hook = WGS_HOOK_NIC_OUT,
         .verdict = "our own outer packet",
         .source = kSelf,
         .destination = kPeer,
         .counted = WGS_REASON_outer,
         .mark = kDefaultFwmark,
         .source_port = kTunnelPort},
        {.hook = WGS_HOOK_NIC_OUT,
         .verdict = "not ours",
         .source = kPod,
         .destination = kStranger,
         .counted = WGS_REASON_no_peer},
        {.hook = WGS_HOOK_NIC_OUT,
         .verdict = "foreign source",
         .source = kStranger,
         .destination = kPeersPod,
         .counted = WGS_REASON_foreign_source},
        {.hook = WGS_HOOK_NIC_OUT,
         .verdict = "node to node in clear",
         .source = kSelf,
         .destination = kPeer,
         .counted = WGS_REASON_hosts_off},
        {.hook = WGS_HOOK_POD_OUT,
         .verdict = "steered",
         .source = kPod,
         .destination = kPeersPod,
         .counted = WGS_REASON_steered},
        {.hook = WGS_HOOK_POD_OUT,
         .verdict = "not ours",
         .source = kPod,
         .destination = kStranger,
         .counted = {}},
        {.hook = WGS_HOOK_NIC_IN,
         .verdict = "decrypted",
         .source = kPeersPod,
         .destination = kPod,
         .counted = WGS_REASON_decrypted,
         .mark = kDecryptedMark},
        {.hook = WGS_HOOK_NIC_IN,
         .verdict = "outer packet",
         .source = kPeer,
         .destination = kSelf,
         .counted = WGS_REASON_outer_in,
         .destination_port = kTunnelPort},
        {.hook = WGS_HOOK_NIC_IN,
         .verdict = "not ours",
         .source = kStranger,
         .destination = kPod,
         .counted = WGS_REASON_other_in},
        {.hook = WGS_HOOK_NIC_IN,
         .verdict = "clear text of the mesh",
         .source = kPeersPod,
         .destination = kPod,
         .counted = WGS_REASON_clear_in},
        {.hook = WGS_HOOK_LEAK_WATCH,
         .verdict = "not ours",
         .source = kPod,
         .destination = kStranger,
         .counted = {}},
        {.hook = WGS_HOOK_LEAK_WATCH,
         .verdict = "our own outer packet",
         .source = kSelf,
         .destination = kPeer,
         .counted = {},
         .mark = kDefaultFwmark,
         .source_port = kTunnelPort},
    };
    return kCases;
}

IpAddress ip(const char* text) {
    return must(IpAddress::parse(text));
}

std::vector<std::uint8_t> packet_of(const Case& one) {
    return first_packet({.source = ip(one.source),
                         .destination = ip(one.destination),
                         .protocol = IPPROTO_UDP,
                         .source_port = one.source_port,
                         .destination_port = one.destination_port});
}

OwnedPrefix peer_prefix(const char* address, std::uint32_t prefix_class) {
    return {.prefix = Prefix(ip(address)), .owner = WGS_OWNER(WGS_PEER_FIRST, prefix_class)};
}

// A node with a pod among many prefixes of others; test runs take place on the loopback device.
void furnish(Dataplane& dataplane) {
    dataplane.fill(make_prefixes(Family::v4, kPrefixes, 8));
    dataplane.fill({own_prefix(Prefix(ip(kSelf)), WGS_CLASS_NODE),
                    own_prefix(Prefix(ip(kPod)), WGS_CLASS_POD), peer_prefix(kPeer, WGS_CLASS_NODE),
                    peer_prefix(kPeersPod, WGS_CLASS_POD)});
    wgs_pod_key key{.address = {0, 0, htonl(0xffff), 0}};
    std::memcpy(&key.address[3], ip(kPod).bytes().data(), 4);
    must(dataplane.tables().pods.store(key,
                                       {.ifindex = 1, .mac = {}, .gateway_mac = {}, .heard = 0}));
}

wgs_destination6 destination_of(const Case& one) {
    wgs_destination6 destination{};
    std::ranges::copy(ip(one.destination).bytes(),
                      reinterpret_cast<std::uint8_t*>(destination.address));
    return destination;
}

void measure(const Case& one, const Dataplane& dataplane, const Destinations& destinations,
             const Feeder& feeder, const Plan& plan, Run& run) {
    const Stream stream{.feed = Feed::ipv4, .packet = packet_of(one), .mark = one.mark};
    destinations.choose(Family::v4, std::vector(WGS_DESTINATIONS, destination_of(one)));
    const auto time = [&](int program) { return feeder.time(program, stream, plan.packets); };
    const int program = dataplane.program(one.hook);
    if (one.counted)
        expect_counted(dataplane, one.hook, *one.counted, plan.packets, [&] { time(program); });
    Comparison comparison(feeder.empty(), time);
    comparison.add(program, run.add("verdict",
                                    {{"program", std::string(program_name(one.hook))},
                                     {"verdict", one.verdict}},
                                    "ns"));
    comparison.run(plan.rounds);
}

// From a tunnel come bare packets, of which this is one that no peer may send.
void measure_wg_in(const Dataplane& dataplane, const Feeder& feeder, const Plan& plan, Run& run) {
    auto packet = packet_of({.source = kStranger, .destination = kPod});
    packet.erase(packet.begin(), packet.begin() + 14);
    const Stream stream{.feed = Feed::same, .packet = packet};
    const auto time = [&](int program) { return feeder.time(program, stream, plan.packets); };
    const int program = dataplane.program(WGS_HOOK_WG_IN);
    expect_counted(dataplane, WGS_HOOK_WG_IN, WGS_REASON_unknown_inner, plan.packets,
                   [&] { time(program); });
    Comparison comparison(feeder.empty(), time);
    comparison.add(
        program,
        run.add("verdict", {{"program", "wgs_wg_in"}, {"verdict", "dropped: no peer's"}}, "ns"));
    comparison.run(plan.rounds);
}

// A message of WireGuard's with this type and 32 bytes.
std::vector<std::uint8_t> message(std::uint8_t type) {
    auto packet = packet_of({.source = kPeer,
                             .destination = kSelf,
                             .source_port = kTunnelPort,
                             .destination_port = kTunnelPort});
    packet[14 + 3] = 60;       // bytes of the IP packet
    packet[14 + 20 + 5] = 40;  // of the datagram
    packet.insert(packet.end(), {type, 0, 0, 0});
    packet.resize(packet.size() + 28);
    return packet;
}

void measure_guard(const Dataplane& dataplane, const Plan& plan, Run& run) {
    const XdpFeeder feeder;
    const std::vector<std::pair<std::string, std::vector<std::uint8_t>>> cases{
        {"WireGuard data", message(4)},
        {"dropped: no such message", message(9)},
        {"not for the tunnel", packet_of({.source = kStranger, .destination = kPod})}};
    for (const auto& [verdict, packet] : cases) {
        Comparison comparison(feeder.empty(), [&, &bytes = packet](int program) {
            return feeder.time(program, bytes, plan.packets);
        });
        comparison.add(
            dataplane.program(WGS_HOOK_NIC_GUARD),
            run.add("verdict", {{"program", "wgs_nic_guard"}, {"verdict", verdict}}, "ns"));
        comparison.run(plan.rounds);
    }
}

}  // namespace

void measure_verdicts(const Plan& plan, Run& run) {
    plan.progress("verdicts");
    Sandbox sandbox;
    const OnCpu pinned(usable_cpus().front());
    Dataplane transparent(sandbox.new_bpffs(), {});
    Dataplane fast(sandbox.new_bpffs(), {.fast = true});
    furnish(transparent);
    furnish(fast);
    const Destinations destinations;
    const Feeder feeder(destinations);
    for (const Case& one : tc_cases()) {
        const Dataplane& dataplane = one.hook == WGS_HOOK_POD_OUT ? fast : transparent;
        measure(one, dataplane, destinations, feeder, plan, run);
    }
    measure_wg_in(transparent, feeder, plan, run);
    measure_guard(transparent, plan, run);
}

}  // namespace wgs::bench
