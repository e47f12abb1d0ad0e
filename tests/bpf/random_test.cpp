// SPDX-License-Identifier: Apache-2.0
// Ten million random packets, malformed ones among them: the programs in the kernel and the same
// headers compiled natively must agree with the reference. WGS_SEED=N repeats a run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "reference.h"
#include "rounds.h"
#include "skeletons/test_run.h"
#include "world.h"

// The shared headers are C.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include "bpf/lib/decide.h"
#include "bpf/lib/parse.h"
#pragma GCC diagnostic pop

namespace wgs {
namespace {

constexpr int kPacketsPerWorld = 1'500'000;  // six worlds
constexpr int kIncomingPerWorld = 200'000;
constexpr std::size_t kShapes = 20'000;
constexpr std::size_t kFramesPerShape = 16;  // then one shape gives way to a new one

std::uint64_t seed() {
    static const std::uint64_t kValue = [] {
        const char* text = std::getenv("WGS_SEED");
        const std::uint64_t chosen = text ? std::stoull(text) : std::random_device()();
        fmt::print("WGS_SEED={}\n", chosen);
        return chosen;
    }();
    return kValue;
}

class Generator {
  public:
    // Another `stream` gives other packets for the same seed.
    explicit Generator(std::uint64_t stream) : random_(seed() + stream) {
        for (std::size_t i = 0; i < kShapes; ++i)
            shapes_.push_back(new_shape().bytes());
    }

    Bytes frame() {
        if (++frames_ % kFramesPerShape == 0) shapes_[below(kShapes)] = new_shape().bytes();
        for (;;) {
            Bytes bytes = shapes_[below(kShapes)];
            if (below(3) == 0) flip_bytes(bytes);
            if (below(4) == 0) bytes.resize(14 + below(bytes.size() - 13));
            if (accepted_by_test_run(bytes)) return bytes;
        }
    }

    std::uint32_t mark() {
        constexpr std::array<std::uint32_t, 6> kMarks{0,     kFwmark,    kFwmark | kForeignMark,
                                                      kMask, kDecrypted, kForeignMark};
        return kMarks[below(kMarks.size())];
    }

  private:
    std::size_t below(std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
    }

    // The kernel refuses to run frames that end inside the IP header their type announces.
    static bool accepted_by_test_run(const Bytes& bytes) {
        const bool v4 = bytes[12] == 0x08 && bytes[13] == 0x00;
        const bool v6 = bytes[12] == 0x86 && bytes[13] == 0xdd;
        return bytes.size() >= 14 + (v4 ? 20U : v6 ? 40U : 0U);
    }

    void flip_bytes(Bytes& bytes) {
        for (std::size_t n = 1 + below(3); n > 0; --n)
            bytes[12 + below(std::min<std::size_t>(bytes.size() - 12, 80))] =
                static_cast<std::uint8_t>(below(256));
    }

    Packet new_shape() {
        Packet packet = ethernet{};
        for (std::size_t tags = below(6); tags > 3; --tags)
            packet =
                packet /
                vlan{.id = 7, .tag_type = below(2) ? std::uint16_t{0x8100} : std::uint16_t{0x88a8}};
        if (below(30) == 0) return packet / payload{46};
        const bool v6 = below(2) == 0;
        packet = v6 ? packet / new_ipv6() : packet / new_ipv4();
        return with_transport(packet, v6);
    }

    std::string address(bool v6) {
        const std::size_t node = 1 + below(10);
        switch (below(12)) {
            case 0:
                return v6 ? "2001:db8::1" : "198.51.100.7";
            case 1:
                return v6 ? "fd10:77::1" : "10.77.0.1";
            case 2:
                return v6 ? "fd10:20::1" : "10.20.0.1";
            case 3:
                if (below(3) == 0) return v6 ? "fe80::7" : "169.254.1.1";
                return v6 ? "fd10:3::80" : "10.3.0.200";
            case 4:
            case 5:
            case 6:
                return fmt::format(fmt::runtime(v6 ? "fd50::{}" : "192.168.50.{}"), node);
            case 7:
            case 8:
                return v6 ? "fd10:1::9" : "10.1.0.9";
            default:
                return fmt::format(fmt::runtime(v6 ? "fd10:{}::5" : "10.{}.0.5"), node);
        }
    }

    ipv4 new_ipv4() {
        ipv4 header{.src = address(false), .dst = address(false)};
        if (below(5) == 0) header.option_words = static_cast<std::uint8_t>(below(11));
        if (below(5) == 0) header.fragment_offset = static_cast<std::uint16_t>(below(0x2000));
        header.more_fragments = below(5) == 0;
        return header;
    }

    Packet new_ipv6() {
        Packet packet = ipv6{.src = address(true),
                             .dst = address(true),
                             .hop_limit = below(2) ? std::uint8_t{255} : std::uint8_t{64}};
        if (below(2) == 0) return packet;
        for (std::size_t n = below(8); n > 0; --n)
            packet = with_extension(packet);
        return packet;
    }

    Packet with_extension(const Packet& packet) {
        constexpr std::array<std::uint8_t, 3> kTypes{0, 43, 60};
        const auto offset = static_cast<std::uint16_t>(below(4) ? 0 : below(0x2000));
        switch (below(4)) {
            case 0:
                return packet / fragment{.offset = offset, .more_fragments = below(2) == 0};
            case 1:
                return packet / authentication{.length = static_cast<std::uint8_t>(below(12))};
            default:
                return packet / extension{.type = kTypes[below(kTypes.size())],
                                          .length = static_cast<std::uint8_t>(below(4))};
        }
    }

    Packet with_transport(const Packet& packet, bool v6) {
        static constexpr std::array<std::uint16_t, 10> kPorts{
            kPort, kPort, kPort, kBypassedPort, 443, 4789, 8472, 6081, 67, 547};
        const auto port = [&] { return kPorts[below(kPorts.size())]; };
        const std::uint16_t sport = port();
        switch (below(5)) {
            case 0:
                return packet / tcp{.sport = sport, .dport = port()} / payload{below(30)};
            case 1:
                if (v6) return packet / icmp6{.type = static_cast<std::uint8_t>(130 + below(10))};
                return packet / icmp{} / payload{below(30)};
            case 2:
                return packet / payload{below(30)};
            default:
                return packet / udp{.sport = sport, .dport = port()} / payload{below(30)};
        }
    }

    std::mt19937_64 random_;
    std::vector<Bytes> shapes_;
    std::size_t frames_ = 0;
};

Judgement ask_kernel(const World& world, wgs_hook hook, const Bytes& frame, std::uint32_t mark) {
    const PacketContext probe{.mark = mark, .cb = {0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4}};
    auto run = test_run(world.programs().at(hook).fd.get(), frame, probe);
    if (!run) throw std::runtime_error(run.error().message);
    return {.reason = static_cast<wgs_reason>(run->context.cb[0]),
            .peer = run->context.cb[1],
            .action = run->verdict,
            .packet = std::move(run->packet),
            .mark = run->context.mark};
}

// The program's own headers, with the reference's lookup in place of maps.
wgs_reason ask_native(const Reference& reference, const World::Options& options, const Bytes& frame,
                      std::uint32_t mark) {
    const auto owner = [&](const wgs_packet& packet, const __u32* address) {
        Bytes bytes(packet.kind == WGS_PACKET_IPV4 ? 4 : 16);
        std::memcpy(bytes.data(), address, bytes.size());
        return reference.owner(bytes);
    };
    wgs_cursor cursor{.position = frame.data(), .end = frame.data() + frame.size()};
    wgs_packet packet{};
    wgs_parse_frame(&cursor, &packet);
    const bool marked = (mark & kMask) == kFwmark;
    const wgs_reason early = wgs_out_by_headers(&packet, marked, packet.source_port == kPort);
    if (early != WGS_REASON_none) return early;
    const bool service =
        packet.protocol == IPPROTO_ICMP || packet.protocol == IPPROTO_ICMPV6 ||
        (packet.protocol == IPPROTO_TCP &&
         (packet.source_port == kBypassedPort || packet.destination_port == kBypassedPort));
    const wgs_owners owners{.source = owner(packet, packet.source),
                            .destination = owner(packet, packet.destination),
                            .bypassed = service};
    const wgs_peer peer = world_peer(WGS_OWNER_PEER(owners.destination));
    const wgs_way way{.peer_state = peer.state,
                      .ifindex = peer.tunnel == 0 ? kTunnelIfindex : 0,
                      .mtu = peer.mtu};
    const wgs_scope scope{.hosts = options.hosts, .overlay = options.overlay};
    return wgs_out_by_owners(&packet, marked, &owners, &way, &scope);
}

void expect_same(const Judgement& expected, const Judgement& actual, const Bytes& frame,
                 std::uint32_t mark) {
    ASSERT_TRUE(expected == actual) << fmt::format(
        "WGS_SEED={} mark {:#x}\nexpected reason {} peer {} action {} mark {:#x}\n"
        "got reason {} peer {} action {} mark {:#x}\nframe\n{}\nexpected\n{}\ngot\n{}",
        seed(), mark, static_cast<int>(expected.reason), expected.peer, expected.action,
        expected.mark, static_cast<int>(actual.reason), actual.peer, actual.action, actual.mark,
        hex_dump(frame), hex_dump(expected.packet), hex_dump(actual.packet));
}

std::uint64_t stream_of(const World::Options& options) {
    return 1 + (options.require ? 2U : 0U) + (options.hosts ? 1U : 0U) +
           (options.overlay ? 4U : 0U);
}

class RandomPackets : public testing::TestWithParam<World::Options> {};

INSTANTIATE_TEST_SUITE_P(, RandomPackets, testing::ValuesIn(kAllOptions), options_name);

TEST_P(RandomPackets, NicOutAgreesWithTheReference) {
    const World& world = World::with(GetParam());
    const Reference reference(GetParam());
    Generator generator(stream_of(GetParam()));
    std::array<int, WGS_REASON_COUNT> seen{};
    for (int i = 0; i < rounds(kPacketsPerWorld); ++i) {
        const Bytes frame = generator.frame();
        const std::uint32_t mark = generator.mark();
        const Judgement expected = reference.nic_out(frame, mark);
        expect_same(expected, ask_kernel(world, WGS_HOOK_NIC_OUT, frame, mark), frame, mark);
        EXPECT_EQ(ask_native(reference, GetParam(), frame, mark), expected.reason);
        if (HasFailure()) return;
        seen.at(expected.reason)++;
    }
    for (int reason = WGS_REASON_steered; reason <= WGS_REASON_no_tunnel; ++reason) {
        const bool possible = (reason != WGS_REASON_bypass || GetParam().hosts) &&
                              (reason != WGS_REASON_hosts_off || !GetParam().hosts);
        EXPECT_EQ(seen.at(static_cast<std::size_t>(reason)) > 100, possible) << reason;
    }
}

TEST_P(RandomPackets, NicInAgreesWithTheReference) {
    const World& world = World::with(GetParam());
    const Reference reference(GetParam());
    Generator generator(stream_of(GetParam()));
    for (int i = 0; i < rounds(kIncomingPerWorld) && !HasFailure(); ++i) {
        const Bytes frame = generator.frame();
        const std::uint32_t mark = generator.mark();
        expect_same(reference.nic_in(frame, mark), ask_kernel(world, WGS_HOOK_NIC_IN, frame, mark),
                    frame, mark);
    }
}

TEST(Probes, AreNotCounted) {
    const World world{World::Options{}};
    Generator generator(0);
    for (int i = 0; i < 1000; ++i)
        for (const wgs_hook hook : {WGS_HOOK_NIC_OUT, WGS_HOOK_WG_IN, WGS_HOOK_NIC_IN})
            (void)ask_kernel(world, hook, generator.frame(), generator.mark());
    const auto totals = world.programs().tables().verdicts.sums().value();
    for (const wgs_counter& total : totals)
        ASSERT_EQ(total.packets + total.bytes, 0U);
}

}  // namespace
}  // namespace wgs
