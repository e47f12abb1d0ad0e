// SPDX-License-Identifier: Apache-2.0
// Packets larger than the tunnel takes, in whole bytes: cut, answered, or kept from coming about.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>
#include <sys/socket.h>

#include <chrono>

#include "live.h"
#include "skeletons/test_run.h"

namespace wgs {
namespace {

constexpr Mac kNic{0x02, 0, 0, 0, 0, 0x0a};
constexpr Mac kGateway{0x02, 0, 0, 0, 0, 0x0b};
constexpr ethernet kOut{.src = kNic, .dst = kGateway};

Bytes part(const Bytes& bytes, std::size_t begin, std::size_t size) {
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(begin);
    return {from, from + static_cast<std::ptrdiff_t>(std::min(size, bytes.size() - begin))};
}

// ---- fragments

class Pieces : public Live {
  protected:
    // What the tunnel gets of a packet with this header: pieces of at most `mtu` bytes.
    void expect_pieces(const ipv4& header, const Bytes& content, std::uint16_t mtu) {
        const std::size_t size = (mtu - 20U - 4U * header.option_words) / 8 * 8;
        for (std::size_t offset = 0; offset < content.size(); offset += size) {
            ipv4 piece = header;
            piece.fragment_offset = static_cast<std::uint16_t>(header.fragment_offset + offset / 8);
            piece.more_fragments = header.more_fragments || offset + size < content.size();
            SCOPED_TRACE(offset);
            EXPECT_TRUE(receives(tun_.get(), (piece / raw{part(content, offset, size)}).bytes()));
        }
    }
};

TEST_F(Pieces, OfEverySizeAreThePacket) {
    set_mtu(1440);
    for (const std::size_t size :
         std::initializer_list<std::size_t>{1413, 1420, 1421, 1472, 2832, 2833, 5000, 8900}) {
        SCOPED_TRACE(size);
        const ipv4 header{.protocol = IPPROTO_UDP};
        const Packet packet = ipv4{} / udp{} / payload{size};
        send((kOut / packet).bytes());
        expect_pieces(header, packet.bytes(1), 1440);
    }
    EXPECT_EQ(counted(WGS_HOOK_NIC_OUT, WGS_REASON_in_pieces), 8U);
}

TEST_F(Pieces, OfASmallTunnelAreMany) {
    set_mtu(576);
    const Packet packet = ipv4{} / icmp{} / payload{8900};
    send((kOut / packet).bytes());
    expect_pieces({.protocol = IPPROTO_ICMP}, packet.bytes(1), 576);
}

TEST_F(Pieces, KeepOptionsAndWhatTheFragmentWas) {
    set_mtu(1440);
    const Bytes content = Packet(payload{2000}).bytes();
    const ipv4 header{.option_words = 10,
                      .fragment_offset = 100,
                      .more_fragments = true,
                      .tos = 0x28,
                      .protocol = IPPROTO_UDP};
    send((kOut / header / raw{content}).bytes());
    expect_pieces(header, content, 1440);
}

TEST_F(Pieces, OfTaggedFramesHaveNoTag) {
    set_mtu(1440);
    const Packet packet = ipv4{} / udp{} / payload{1472};
    send((kOut / vlan{.id = 5} / packet).bytes());
    expect_pieces({.protocol = IPPROTO_UDP}, packet.bytes(1), 1440);
}

TEST_F(Pieces, MayLieInPages) {
    set_mtu(1440);
    const Packet packet = ipv4{} / udp{} / payload{6000};
    send_in_pages((kOut / packet).bytes());
    expect_pieces({.protocol = IPPROTO_UDP}, packet.bytes(1), 1440);
}

// The kernel leaves the checksum of its own UDP packets to the device.
TEST_F(Pieces, HaveTheChecksumThatADeviceWouldHaveFilledIn) {
    set_mtu(1440);
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int never = IP_PMTUDISC_DONT;
    ASSERT_EQ(::setsockopt(socket.get(), IPPROTO_IP, IP_MTU_DISCOVER, &never, sizeof(never)), 0);
    sockaddr_in self{
        .sin_family = AF_INET, .sin_port = htons(1000), .sin_addr = {}, .sin_zero = {}};
    sockaddr_in peer{
        .sin_family = AF_INET, .sin_port = htons(2000), .sin_addr = {}, .sin_zero = {}};
    ASSERT_EQ(::inet_pton(AF_INET, "10.1.0.5", &self.sin_addr), 1);
    ASSERT_EQ(::inet_pton(AF_INET, "10.2.0.1", &peer.sin_addr), 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&self), sizeof(self)), 0);
    run_command(
        "ip neigh replace 10.2.0.1 lladdr 02:00:00:00:00:0b dev wgs-nic 2>/dev/null || true");
    const Bytes content = Packet(payload{4000}).bytes();
    ASSERT_EQ(::sendto(socket.get(), content.data(), content.size(), 0,
                       reinterpret_cast<sockaddr*>(&peer), sizeof(peer)),
              static_cast<ssize_t>(content.size()));

    // The identification is the kernel's choice: the UDP datagram is put together again.
    const Bytes expected =
        (ipv4{.src = "10.1.0.5", .dst = "10.2.0.1"} / udp{} / raw{content}).bytes(1);
    Bytes datagram;
    while (datagram.size() < expected.size()) {
        Bytes piece(kLargest);
        const ssize_t size = ::read(tun_.get(), piece.data(), piece.size());
        ASSERT_GT(size, 20);
        if (piece[0] != 0x45) continue;
        EXPECT_LE(size, 1440);
        datagram.insert(datagram.end(), piece.begin() + 20, piece.begin() + size);
    }
    EXPECT_TRUE(same_bytes(expected, datagram));
}

// ---- answers

class TooBig : public Live {
  protected:
    void SetUp() override {
        Live::SetUp();
        if (IsSkipped()) return;
        nic_ = open_packet_socket(index_of("wgs-nic"), false);
        set_mtu(1440);
    }

    // `packet` gets no farther than the NIC, and `answer` comes in by it.
    void expect_answer(const Packet& packet, const Bytes& answer) {
        send(packet.bytes());
        EXPECT_TRUE(receives(nic_.get(), answer));
        EXPECT_EQ(counted(WGS_HOOK_NIC_OUT, WGS_REASON_too_big), ++answered_);
    }

    static Bytes answer4(const Packet& quoted, const std::string& source,
                         const std::string& destination, std::uint32_t mtu) {
        return (ethernet{.src = kGateway, .dst = kNic} /
                ipv4{.src = destination,
                     .dst = source,
                     .dont_fragment = true,
                     .tos = 0xc0,
                     .identification = 0} /
                icmp{.type = 3, .code = 4, .rest = mtu} / raw{part(quoted.bytes(), 0, 548)})
            .bytes();
    }

    static Bytes answer6(const Packet& quoted, const ipv6& header, std::uint32_t mtu) {
        return (ethernet{.src = kGateway, .dst = kNic} /
                ipv6{.src = header.dst, .dst = header.src} /
                icmp6{.type = 2, .code = 0, .rest = mtu} / raw{part(quoted.bytes(), 0, 1232)})
            .bytes();
    }

    UniqueFd nic_;
    std::uint64_t answered_ = 0;
};

TEST_F(TooBig, Ipv4SendersAreToldTheMtu) {
    const Packet packet = ipv4{.src = "10.1.0.5", .dont_fragment = true} / udp{} / payload{1413};
    expect_answer(kOut / packet, answer4(packet, "10.1.0.5", "10.2.0.1", 1440));
}

TEST_F(TooBig, Ipv6SendersAreToldTheMtu) {
    const ipv6 header{};
    const Packet packet = header / tcp{.flags = 0x10} / payload{1400};
    expect_answer(kOut / packet, answer6(packet, header, 1440));
}

TEST_F(TooBig, Ipv6SendersAreNeverToldLessThanIpv6Promises) {
    set_mtu(1200);
    const ipv6 header{};
    const Packet packet = header / udp{} / payload{1300};
    expect_answer(kOut / packet, answer6(packet, header, 1280));
}

TEST_F(TooBig, OneByteDecides) {
    const Packet fits = ipv4{.src = "10.1.0.5", .dont_fragment = true} / udp{} / payload{1412};
    send((kOut / fits).bytes());
    EXPECT_TRUE(receives(tun_.get(), fits.bytes()));
    EXPECT_EQ(counted(WGS_HOOK_NIC_OUT, WGS_REASON_too_big), 0U);
}

TEST_F(TooBig, IsSaidAtMostOnceInAShortWhileToEachPair) {
    const auto packet = [](const std::string& source) {
        return kOut / ipv4{.src = source, .dont_fragment = true} / udp{} / payload{1413};
    };
    const auto begin = std::chrono::steady_clock::now();
    try_send(packet("10.1.0.5").bytes(), 500);
    try_send(packet("10.1.0.6").bytes());
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(counted(WGS_HOOK_NIC_OUT, WGS_REASON_too_big), 501U);
    const std::uint64_t told = counted(WGS_HOOK_NIC_IN, WGS_REASON_decrypted);
    EXPECT_GE(told, 2U);
    EXPECT_LE(told, 2U + static_cast<std::uint64_t>(took / std::chrono::milliseconds(10)));
}

TEST_F(TooBig, ErrorsAndLaterPiecesAreDroppedInSilence) {
    try_send(
        (kOut / ipv4{.dont_fragment = true} / icmp{.type = 3, .code = 1} / payload{2000}).bytes());
    try_send((kOut / ipv6{} / icmp6{.type = 1} / payload{2000}).bytes());
    try_send(
        (kOut / ipv6{} / fragment{.offset = 9, .protocol = IPPROTO_UDP} / payload{2000}).bytes());
    EXPECT_EQ(counted(WGS_HOOK_NIC_OUT, WGS_REASON_too_big), 3U);
    EXPECT_EQ(counted(WGS_HOOK_NIC_IN, WGS_REASON_decrypted), 0U);
}

// ---- maximum segment size

Bytes mss(std::uint16_t value) {
    return {2, 4, static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

Bytes joined(std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const Bytes& one : parts)
        all.insert(all.end(), one.begin(), one.end());
    return all;
}

class Mss : public testing::Test {
  protected:
    static void expect_out(const Packet& in, const Packet& out) {
        expect(WGS_HOOK_NIC_OUT, in.bytes(), out.bytes());
    }
    static void expect(wgs_hook hook, const Bytes& in, const Bytes& out) {
        const World& world = World::with({});
        const auto run = test_run(world.programs().at(hook).fd.get(), in, {});
        ASSERT_TRUE(run) << run.error().message;
        EXPECT_EQ(run->verdict, TC_ACT_REDIRECT);
        EXPECT_TRUE(same_bytes(out, run->packet));
    }
    static tcp syn(Bytes options, std::uint8_t flags = 0x02) {
        return {.flags = flags, .options = std::move(options)};
    }
};

TEST_F(Mss, OfSynAndSynAckIsLoweredInBothFamilies) {
    for (const std::uint8_t flags : std::initializer_list<std::uint8_t>{0x02, 0x12, 0xc2}) {
        expect_out(ethernet{} / ipv4{} / syn(mss(1460), flags),
                   ethernet{} / ipv4{} / syn(mss(1400), flags));
        expect_out(ethernet{} / ipv6{} / syn(mss(1440), flags),
                   ethernet{} / ipv6{} / syn(mss(1380), flags));
    }
}

TEST_F(Mss, ThatFitsIsLeftAlone) {
    for (const std::uint16_t value : std::initializer_list<std::uint16_t>{0, 536, 1399, 1400}) {
        const Packet packet = ethernet{} / ipv4{} / syn(mss(value));
        expect_out(packet, packet);
    }
}

TEST_F(Mss, IsFoundWhereverItIs) {
    const Bytes timestamps{8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
    const Bytes sack{4, 2};
    const Bytes no{1};
    const auto check = [](const Bytes& before, const Bytes& after) {
        expect_out(ethernet{} / ipv4{} / syn(joined({before, mss(9000), after})),
                   ethernet{} / ipv4{} / syn(joined({before, mss(1400), after})));
    };
    check({}, joined({sack, timestamps, no, Bytes{3, 3, 7}}));
    check(joined({sack, timestamps}), {});
    check(no, {1, 1, 1});           // at an odd offset
    check({1, 1, 1}, no);           // likewise
    check(joined({sack, no}), no);  // likewise
}

TEST_F(Mss, MalformedOptionsAreLeftAlone) {
    for (const Bytes& options :
         {Bytes{0, 0, 0, 0}, Bytes{9, 0, 2, 4}, Bytes{9, 1, 2, 4}, Bytes{2, 3, 35, 40},
          Bytes{9, 40, 0, 0}, joined({Bytes{0, 1, 1, 1}, mss(9000)}), Bytes{1, 1, 1, 2}}) {
        const Packet packet = ethernet{} / ipv4{} / syn(options);
        expect_out(packet, packet);
    }
}

TEST_F(Mss, OnlySynsAreTouched) {
    for (const std::uint8_t flags : std::initializer_list<std::uint8_t>{0x10, 0x18, 0x11, 0x04}) {
        const Packet packet = ethernet{} / ipv4{} / syn(mss(1460), flags);
        expect_out(packet, packet);
    }
    const Packet fragment = ethernet{} / ipv4{.fragment_offset = 9, .protocol = IPPROTO_TCP} /
                            raw{Packet(syn(mss(1460))).bytes()};
    expect_out(fragment, fragment);
}

// Between two nodes, as a CNI's overlay has it.
class InnerMss : public Mss {
  protected:
    static constexpr std::size_t kHeaders4 = 40;  // of IPv4 and TCP
    static constexpr std::size_t kHeaders6 = 60;

    // `wrap` makes the overlay's packet of the inner one, which it makes `overhead` bytes larger.
    template <class Wrap>
    static void expect_fit(const Wrap& wrap, std::size_t overhead) {
        const auto fitting = [&](std::size_t headers) {
            return static_cast<std::uint16_t>(kMtu - overhead - headers);
        };
        expect_lowered(wrap, ipv4{.src = "10.1.0.5", .dst = "10.2.0.5"}, fitting(kHeaders4));
        expect_lowered(wrap, ipv6{.src = "fd10:1::5", .dst = "fd10:2::5"}, fitting(kHeaders6));
    }

    template <class Wrap>
    static void expect_lowered(const Wrap& wrap, const Packet& ip, std::uint16_t wanted) {
        for (const std::uint8_t flags : std::initializer_list<std::uint8_t>{0x02, 0x12}) {
            const auto before = [&](std::uint16_t value) {
                return Packet(wrap(ip / syn(mss(value), flags))).bytes();
            };
            expect_steered(before(8900), before(wanted));
            expect_steered(before(wanted), before(wanted));
        }
        const Bytes data = Packet(wrap(ip / syn(mss(8900), 0x10))).bytes();
        expect_steered(data, data);
    }

    static void expect_steered(const Bytes& in, const Bytes& out) {
        const World& world = World::with({.overlay = true});
        const auto run = test_run(world.programs().at(WGS_HOOK_NIC_OUT).fd.get(), in, {});
        ASSERT_TRUE(run) << run.error().message;
        EXPECT_EQ(run->verdict, TC_ACT_REDIRECT);
        EXPECT_TRUE(same_bytes(out, run->packet));
    }

    static Packet framed(const Packet& inner) {
        const auto ethertype =
            static_cast<std::uint16_t>(inner.bytes()[0] >> 4 == 4 ? 0x0800 : 0x86dd);
        return ethernet{.ethertype = ethertype} / raw{inner.bytes()};
    }

    static constexpr const char* kSelf4 = "192.168.50.1";
    static constexpr const char* kPeer4 = "192.168.50.2";
};

TEST_F(InnerMss, OfVxlan) {
    for (const std::uint16_t port : {4789, 8472}) {
        const auto wrap = [&](const Packet& inner) {
            return ethernet{} / ipv4{.src = kSelf4, .dst = kPeer4} / udp{.dport = port} /
                   raw{joined({{8, 0, 0, 0, 0, 0, 7, 0}, framed(inner).bytes()})};
        };
        expect_fit(wrap, 20 + 8 + 8 + 14);
    }
}

TEST_F(InnerMss, OfVxlanOverIpv6) {
    const auto wrap = [](const Packet& inner) {
        return ethernet{} / ipv6{.src = "fd50::1", .dst = "fd50::2"} / udp{.dport = 4789} /
               raw{joined({{8, 0, 0, 0, 0, 0, 7, 0}, framed(inner).bytes()})};
    };
    expect_fit(wrap, 40 + 8 + 8 + 14);
}

TEST_F(InnerMss, OfGeneveWithOptions) {
    const auto wrap = [](const Packet& inner) {
        const Bytes header{2, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 1, 0, 0, 0, 0};
        return ethernet{} / ipv4{.src = kSelf4, .dst = kPeer4} / udp{.dport = 6081} /
               raw{joined({header, framed(inner).bytes()})};
    };
    expect_fit(wrap, 20 + 8 + 16 + 14);
}

TEST_F(InnerMss, OfIpInIp) {
    const auto wrap = [](const Packet& inner) {
        const auto protocol = static_cast<std::uint8_t>(inner.bytes()[0] >> 4 == 4 ? 4 : 41);
        return ethernet{} / ipv4{.src = kSelf4, .dst = kPeer4, .protocol = protocol} /
               raw{inner.bytes()};
    };
    expect_fit(wrap, 20);
}

TEST_F(InnerMss, WhatIsCutShortOrNotTcpIsLeftAlone) {
    const Packet outer = ethernet{} / ipv4{.src = kSelf4, .dst = kPeer4} / udp{.dport = 4789};
    const Bytes whole = joined({{8, 0, 0, 0, 0, 0, 7, 0}, framed(ipv4{} / syn(mss(8900))).bytes()});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto end = whole.begin() + static_cast<std::ptrdiff_t>(size);
        const Bytes packet = Packet(outer / raw{Bytes(whole.begin(), end)}).bytes();
        expect_steered(packet, packet);
    }
    const Bytes other =
        Packet(outer / raw{joined({{8, 0, 0, 0, 0, 0, 7, 0}, framed(ipv4{} / udp{}).bytes()})})
            .bytes();
    expect_steered(other, other);
}

TEST_F(Mss, OfArrivingSynsIsLoweredToo) {
    const ethernet reinjected{.src = WGS_REINJECT_SOURCE_MAC, .dst = kNic};
    const ipv4 from4{.src = "10.2.0.5", .dst = "10.1.0.5"};
    const ipv6 from6{.src = "fd10:2::5", .dst = "fd10:1::5"};
    expect(WGS_HOOK_WG_IN, (from4 / syn(mss(8960), 0x12)).bytes(),
           (reinjected / from4 / syn(mss(1400), 0x12)).bytes());
    expect(WGS_HOOK_WG_IN, (from6 / syn(mss(8940))).bytes(),
           (reinjected / from6 / syn(mss(1380))).bytes());
}

}  // namespace
}  // namespace wgs
