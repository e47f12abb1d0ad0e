// SPDX-License-Identifier: Apache-2.0
// wgs_leak_watch: tells clear text between watched prefixes from everything else, counts and
// samples it. It passes everything.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>

#include <functional>

#include "skeletons/test_run.h"
#include "world.h"

namespace wgs {
namespace {

constexpr std::uint32_t kOwnPod = WGS_WATCH_FROM | WGS_WATCH_POD;
constexpr std::uint32_t kOwnNode = WGS_WATCH_FROM;
constexpr std::uint32_t kOtherPod = WGS_WATCH_FROM | WGS_WATCH_TO | WGS_WATCH_POD;
constexpr std::uint32_t kOtherNode = WGS_WATCH_FROM | WGS_WATCH_TO;
constexpr PacketContext kProbe{.cb = {0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4}};

// "10.1.0.1:1000 > 10.2.0.1:2000 proto 17: 1 packets, 28 bytes".
std::string describe(const wgs_leak_flow& flow, const wgs_leak& leak) {
    const int family = flow.family == 4 ? AF_INET : AF_INET6;
    std::array<char, INET6_ADDRSTRLEN> source{};
    std::array<char, INET6_ADDRSTRLEN> destination{};
    inet_ntop(family, flow.source, source.data(), source.size());
    inet_ntop(family, flow.destination, destination.data(), destination.size());
    return fmt::format("{}:{} > {}:{} proto {}: {} packets, {} bytes", source.data(),
                       flow.source_port, destination.data(), flow.destination_port, flow.protocol,
                       leak.packets, leak.bytes);
}

class LeakWatch : public testing::Test {
  protected:
    void SetUp() override { watch_nodes(0); }
    void TearDown() override { forget_flows(); }

    [[nodiscard]] static const Tables& tables() { return World::with({}).programs().tables(); }

    static void watch(const std::string& prefix, std::uint32_t flags) {
        if (prefix.find(':') == std::string::npos)
            must(tables().watch.store(to_key<wgs_prefix4>(AF_INET, prefix), {flags}));
        else
            must(tables().watch.store(to_key<wgs_prefix6>(AF_INET6, prefix), {flags}));
    }

    // Nodes 1, which is self, and 2; `between` is what is watched from node to node.
    static void watch_nodes(std::uint32_t between) {
        watch("10.1.0.0/24", kOwnPod);
        watch("fd10:1::/64", kOwnPod);
        watch("192.168.50.1/32", kOwnNode | between);
        watch("fd50::1/128", kOwnNode | between);
        watch("10.2.0.0/24", kOtherPod);
        watch("10.2.0.128/25", 0);
        watch("fd10:2::/64", kOtherPod);
        watch("192.168.50.2/32", kOtherNode | between);
        watch("fd50::2/128", kOtherNode | between);
    }

    static wgs_counter leaks() {
        return tables()
            .verdicts.sum(WGS_VERDICT_INDEX(WGS_HOOK_LEAK_WATCH, WGS_REASON_leak))
            .value();
    }
    static std::vector<std::pair<wgs_leak_flow, wgs_leak>> samples() {
        return tables().leaks.entries().value();
    }
    static std::vector<std::string> flows() {
        std::vector<std::string> lines;
        for (const auto& [flow, leak] : samples())
            lines.push_back(describe(flow, leak));
        return lines;
    }
    static void forget_flows() {
        for (const auto& [flow, leak] : samples())
            must(tables().leaks.erase(flow));
    }

    static TestRun run(const Bytes& bytes, const PacketContext& context) {
        auto result =
            test_run(World::with({}).programs().at(WGS_HOOK_LEAK_WATCH).fd.get(), bytes, context);
        if (!result) throw std::runtime_error(result.error().message);
        EXPECT_EQ(result->verdict, TC_ACT_UNSPEC);
        EXPECT_TRUE(same_bytes(bytes, result->packet));
        EXPECT_EQ(result->context.mark, context.mark);
        return std::move(*result);
    }

    // What one run on these bytes adds to the counter; a probe agrees and adds nothing.
    static wgs_counter counted(const Bytes& bytes, std::uint32_t mark) {
        const wgs_counter before = leaks();
        run(bytes, {.mark = mark});
        const wgs_counter after = leaks();
        const std::vector<std::string> sampled = flows();
        const TestRun probe = run(bytes, {.mark = mark, .cb = kProbe.cb});
        EXPECT_EQ(probe.context.cb[0],
                  after.packets == before.packets ? WGS_REASON_none : WGS_REASON_leak);
        EXPECT_EQ(leaks().packets, after.packets) << "a probe was counted";
        EXPECT_EQ(flows(), sampled) << "a probe was sampled";
        return {.packets = after.packets - before.packets, .bytes = after.bytes - before.bytes};
    }

    static void expect_leak(const Packet& packet, const std::string& flow,
                            std::size_t l3_offset = 14, std::uint32_t mark = 0) {
        forget_flows();
        const Bytes bytes = packet.bytes();
        const wgs_counter added = counted(bytes, mark);
        EXPECT_EQ(added.packets, 1U) << flow;
        EXPECT_EQ(added.bytes, bytes.size() - l3_offset) << flow;
        EXPECT_EQ(flows(), std::vector{fmt::format("{}: 1 packets, {} bytes", flow, added.bytes)});
    }

    static void expect_silence(const Packet& packet, std::uint32_t mark = 0) {
        forget_flows();
        EXPECT_EQ(counted(packet.bytes(), mark).packets, 0U) << hex_dump(packet.bytes());
        EXPECT_EQ(flows(), std::vector<std::string>{});
    }
};

TEST_F(LeakWatch, SeesPodsTalkInClear) {
    expect_leak(ethernet{} / ipv4{} / udp{}, "10.1.0.1:1000 > 10.2.0.1:2000 proto 17");
    expect_leak(ethernet{} / ipv4{} / tcp{.sport = 5}, "10.1.0.1:5 > 10.2.0.1:2000 proto 6");
    expect_leak(ethernet{} / ipv4{} / icmp{}, "10.1.0.1:0 > 10.2.0.1:0 proto 1");
    expect_leak(ethernet{} / ipv6{} / tcp{}, "fd10:1::1:1000 > fd10:2::1:2000 proto 6");
    expect_leak(ethernet{} / ipv6{} / icmp6{}, "fd10:1::1:0 > fd10:2::1:0 proto 58");
}

TEST_F(LeakWatch, SeesPodsAndNodesTalkInClear) {
    expect_leak(ethernet{} / ipv4{.dst = "192.168.50.2"} / tcp{},
                "10.1.0.1:1000 > 192.168.50.2:2000 proto 6");
    expect_leak(ethernet{} / ipv6{.src = "fd50::1"} / udp{},
                "fd50::1:1000 > fd10:2::1:2000 proto 17");
}

TEST_F(LeakWatch, LooksBehindTagsAndOptions) {
    expect_leak(ethernet{} / vlan{} / ipv4{} / udp{}, "10.1.0.1:1000 > 10.2.0.1:2000 proto 17", 18);
    expect_leak(ethernet{} / vlan{.tag_type = 0x88a8} / vlan{} / ipv6{} / udp{},
                "fd10:1::1:1000 > fd10:2::1:2000 proto 17", 22);
    expect_leak(ethernet{} / ipv4{.option_words = 10} / tcp{},
                "10.1.0.1:1000 > 10.2.0.1:2000 proto 6");
    expect_silence(ethernet{} / vlan{} / vlan{} / vlan{} / ipv4{} / udp{});
}

TEST_F(LeakWatch, SeesWhatHidesItsTransportHeader) {
    expect_leak(ethernet{} / ipv4{.fragment_offset = 9, .protocol = 17} / payload{},
                "10.1.0.1:0 > 10.2.0.1:0 proto 17");
    expect_leak(ethernet{} / ipv6{} / fragment{.more_fragments = true} / udp{},
                "fd10:1::1:1000 > fd10:2::1:2000 proto 17");
    expect_leak(ethernet{} / ipv6{} / fragment{.offset = 9, .protocol = 6} / payload{},
                "fd10:1::1:0 > fd10:2::1:0 proto 6");
    expect_leak(ethernet{} / ipv6{} / extension{} / udp{}, "fd10:1::1:0 > fd10:2::1:0 proto 60");
    expect_leak(ethernet{} / ipv4{.protocol = 6} / payload{2}, "10.1.0.1:0 > 10.2.0.1:0 proto 6");
    expect_leak(ethernet{} / ipv6{.protocol = 44} / payload{3},
                "fd10:1::1:0 > fd10:2::1:0 proto 44");
}

TEST_F(LeakWatch, NeedsBothEndsWatchedAndTheLongestPrefixCounts) {
    expect_silence(ethernet{} / ipv4{.dst = "203.0.113.1"} / udp{});
    expect_silence(ethernet{} / ipv4{.src = "203.0.113.1"} / udp{});
    expect_silence(ethernet{} / ipv4{.dst = "10.1.0.2"} / udp{});
    expect_silence(ethernet{} / ipv4{.dst = "10.2.0.200"} / udp{});
    expect_silence(ethernet{} / ipv6{.dst = "2001:db8::1"} / udp{});
    expect_silence(ethernet{} / ipv6{.src = "2001:db8::1"} / udp{});
    expect_leak(ethernet{} / ipv4{.src = "10.2.0.9"} / udp{},
                "10.2.0.9:1000 > 10.2.0.1:2000 proto 17");
}

TEST_F(LeakWatch, WhatIsNoIpPacketIsSilent) {
    expect_silence(ethernet{.ethertype = 0x0806} / payload{46});
    expect_silence(ethernet{.ethertype = 0x0800} / ipv6{} / udp{});
    expect_silence(ethernet{.ethertype = 0x86dd} / ipv4{} / udp{} / payload{40});
}

// The frame is tagged, because a test run refuses untagged ones that end inside the IP header.
void check_cuts(const Packet& ip, std::size_t header,
                const std::function<std::uint64_t(const Bytes&)>& leaks) {
    constexpr std::size_t kL3Offset = 18;
    const Bytes whole = (ethernet{} / vlan{} / ip).bytes();
    for (std::size_t length = 14; length <= whole.size(); ++length) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
        EXPECT_EQ(leaks(cut), length >= kL3Offset + header ? 1U : 0U) << length;
    }
}

TEST_F(LeakWatch, AnIpHeaderIsEnough) {
    const auto leaks = [](const Bytes& bytes) { return counted(bytes, 0).packets; };
    check_cuts(ipv4{} / udp{}, 20, leaks);
    check_cuts(ipv4{.option_words = 3} / tcp{}, 20, leaks);
    check_cuts(ipv6{} / fragment{} / icmp6{}, 40, leaks);
}

TEST_F(LeakWatch, KnowsOurOwnEncryptedPackets) {
    const udp tunnel{.sport = kPort, .dport = 7};
    watch_nodes(WGS_WATCH_HOSTS);
    for (const std::uint32_t mark : {kFwmark, kFwmark | kForeignMark}) {
        expect_silence(ethernet{} / ipv4{.src = "192.168.50.1", .dst = "192.168.50.2"} / tunnel,
                       mark);
        expect_silence(ethernet{} / ipv6{.src = "fd50::1", .dst = "fd50::2"} / tunnel, mark);
    }
    expect_silence(ethernet{} / ipv6{.src = "fd50::1", .dst = "fd50::2"} /
                       fragment{.more_fragments = true} / tunnel,
                   kFwmark);
}

TEST_F(LeakWatch, NeitherTheMarkNorThePortAloneIsAnEncryptedPacket) {
    const udp tunnel{.sport = kPort, .dport = 7};
    for (const std::uint32_t mark : {0U, kDecrypted, kMask})
        expect_leak(ethernet{} / ipv4{} / tunnel, "10.1.0.1:51820 > 10.2.0.1:7 proto 17", 14, mark);
    expect_leak(ethernet{} / ipv4{} / udp{}, "10.1.0.1:1000 > 10.2.0.1:2000 proto 17", 14, kFwmark);
    expect_leak(ethernet{} / ipv4{} / tcp{.sport = kPort}, "10.1.0.1:51820 > 10.2.0.1:2000 proto 6",
                14, kFwmark);
    expect_leak(ethernet{} / ipv4{} / udp{.sport = 0}, "10.1.0.1:0 > 10.2.0.1:2000 proto 17", 14,
                kFwmark);
}

TEST_F(LeakWatch, AnyTunnelsPortCounts) {
    must(tables().tunnels.store(WGS_MAX_TUNNELS - 1, {.port = 51999}));
    expect_silence(ethernet{} / ipv4{} / udp{.sport = 51999}, kFwmark);
    must(tables().tunnels.store(WGS_MAX_TUNNELS - 1, {}));
    expect_leak(ethernet{} / ipv4{} / udp{.sport = 51999},
                "10.1.0.1:51999 > 10.2.0.1:2000 proto 17", 14, kFwmark);
}

TEST_F(LeakWatch, LaterPiecesAreOursOnlyMarkedAndFromNodeToNode) {
    watch_nodes(WGS_WATCH_HOSTS);
    const ipv4 nodes{
        .src = "192.168.50.1", .dst = "192.168.50.2", .fragment_offset = 9, .protocol = 17};
    const Packet nodes6 = ipv6{.src = "fd50::1", .dst = "fd50::2"} /
                          fragment{.offset = 9, .protocol = 17} / payload{};
    expect_silence(ethernet{} / nodes / payload{}, kFwmark);
    expect_silence(ethernet{} / nodes6, kFwmark);
    expect_leak(ethernet{} / nodes / payload{}, "192.168.50.1:0 > 192.168.50.2:0 proto 17");
    expect_leak(ethernet{} / nodes6, "fd50::1:0 > fd50::2:0 proto 17");
    expect_leak(ethernet{} / ipv4{.fragment_offset = 9, .protocol = 17} / payload{},
                "10.1.0.1:0 > 10.2.0.1:0 proto 17", 14, kFwmark);
}

TEST_F(LeakWatch, NodeToNodeIsALeakWithHostsOnly) {
    const Packet tcp4 = ipv4{.src = "192.168.50.1", .dst = "192.168.50.2"} / tcp{};
    const Packet vxlan = ipv6{.src = "fd50::1", .dst = "fd50::2"} / udp{.dport = 8472};
    expect_silence(ethernet{} / tcp4);
    expect_silence(ethernet{} / vxlan);
    watch_nodes(WGS_WATCH_HOSTS);
    expect_leak(ethernet{} / tcp4, "192.168.50.1:1000 > 192.168.50.2:2000 proto 6");
    expect_leak(ethernet{} / vxlan, "fd50::1:1000 > fd50::2:8472 proto 17");
}

TEST_F(LeakWatch, OverlaysAreWatchedByThemselves) {
    watch_nodes(WGS_WATCH_OVERLAY);
    const Packet nodes = ipv4{.src = "192.168.50.1", .dst = "192.168.50.2"};
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{4789, 8472, 6081})
        expect_leak(ethernet{} / nodes / udp{.dport = port},
                    fmt::format("192.168.50.1:1000 > 192.168.50.2:{} proto 17", port));
    for (const std::uint8_t protocol : std::initializer_list<std::uint8_t>{4, 41})
        expect_leak(ethernet{} / ipv6{.src = "fd50::1", .dst = "fd50::2", .protocol = protocol} /
                        payload{40},
                    fmt::format("fd50::1:0 > fd50::2:0 proto {}", protocol));
    expect_leak(ethernet{} /
                    ipv4{.src = "192.168.50.1",
                         .dst = "192.168.50.2",
                         .fragment_offset = 9,
                         .protocol = 17} /
                    payload{},
                "192.168.50.1:0 > 192.168.50.2:0 proto 17");
    expect_silence(ethernet{} / nodes / udp{.dport = 4790});
    expect_silence(ethernet{} / nodes / tcp{.dport = 4789});
}

TEST_F(LeakWatch, WhatStaysOnTheLinkIsSilent) {
    watch("0.0.0.0/0", kOtherNode | WGS_WATCH_HOSTS);
    watch("::/0", kOtherNode | WGS_WATCH_HOSTS);
    watch_nodes(WGS_WATCH_HOSTS);
    const auto from_node = [](const char* to) { return ipv4{.src = "192.168.50.1", .dst = to}; };
    for (const char* to : {"224.0.0.5", "239.255.0.1", "169.254.1.1", "255.255.255.255"})
        expect_silence(ethernet{} / from_node(to) / udp{});
    for (const char* to : {"ff02::1", "fe80::2", "febf::2"})
        expect_silence(ethernet{} / ipv6{.src = "fd50::1", .dst = to} / udp{});
    for (const char* to : {"223.255.255.255", "169.253.1.1", "198.51.100.1"})
        expect_leak(ethernet{} / from_node(to) / udp{},
                    fmt::format("192.168.50.1:1000 > {}:2000 proto 17", to));
    expect_leak(ethernet{} / ipv6{.src = "fd50::1", .dst = "fec0::2"} / udp{},
                "fd50::1:1000 > fec0::2:2000 proto 17");
    must(tables().watch.erase(wgs_prefix4{}));
    must(tables().watch.erase(wgs_prefix6{}));
}

TEST_F(LeakWatch, DhcpAndTheBypassTableCountBetweenNodesOnly) {
    watch_nodes(WGS_WATCH_HOSTS);
    const Packet nodes = ipv4{.src = "192.168.50.1", .dst = "192.168.50.2"};
    for (const Packet& packet :
         {nodes / udp{.sport = 68, .dport = 67}, nodes / tcp{.dport = kBypassedPort},
          nodes / tcp{.sport = kBypassedPort}, nodes / icmp{},
          ipv6{.src = "fd50::1", .dst = "fd50::2"} / udp{.sport = 547, .dport = 546}})
        expect_silence(ethernet{} / packet);
    expect_leak(ethernet{} / nodes / udp{.dport = kBypassedPort},
                fmt::format("192.168.50.1:1000 > 192.168.50.2:{} proto 17", kBypassedPort));
    expect_leak(ethernet{} / ipv4{} / udp{.sport = 68, .dport = 67},
                "10.1.0.1:68 > 10.2.0.1:67 proto 17");
    expect_leak(ethernet{} / ipv4{} / tcp{.dport = kBypassedPort},
                fmt::format("10.1.0.1:1000 > 10.2.0.1:{} proto 6", kBypassedPort));
}

TEST_F(LeakWatch, NeighbourDiscoveryIsSilentOnlyOnItsLink) {
    for (const std::uint8_t type : std::initializer_list<std::uint8_t>{133, 135, 136, 137}) {
        const Packet message = icmp6{.type = type} / payload{20};
        expect_silence(ethernet{} / ipv6{.hop_limit = 255} / message);
        expect_leak(ethernet{} / ipv6{} / message, "fd10:1::1:0 > fd10:2::1:0 proto 58");
    }
    expect_leak(ethernet{} / ipv6{.hop_limit = 255} / icmp6{.type = 128},
                "fd10:1::1:0 > fd10:2::1:0 proto 58");
}

TEST_F(LeakWatch, AFlowIsOneSampleWithItsTimes) {
    const Bytes packet = (ethernet{} / ipv4{} / udp{}).bytes();
    for (int i = 0; i < 3; ++i)
        run(packet, {});
    ASSERT_EQ(flows(), std::vector<std::string>{
                           "10.1.0.1:1000 > 10.2.0.1:2000 proto 17: 3 packets, 84 bytes"});
    const auto [flow, leak] = samples().front();
    EXPECT_GT(leak.first, 0U);
    EXPECT_GT(leak.last, leak.first);
    run((ethernet{} / ipv4{} / udp{.dport = 2001}).bytes(), {});
    EXPECT_EQ(flows().size(), 2U);
}

}  // namespace
}  // namespace wgs
