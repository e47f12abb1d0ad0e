// SPDX-License-Identifier: Apache-2.0
// The pure decision functions, compiled natively: every combination of what they read.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "bpf/lib/decide.h"

namespace wgs {
namespace {

constexpr std::array<std::uint32_t, 7> kIds{
    WGS_PEER_NONE,  WGS_PEER_SELF,        WGS_PEER_CLUSTER, WGS_PEER_GONE, 4,
    WGS_PEER_FIRST, WGS_PEER_FIRST + 1000};
constexpr std::array<std::uint32_t, 2> kClasses{WGS_CLASS_POD, WGS_CLASS_NODE};
constexpr std::uint32_t kStates = WGS_STATE_STALLED + 2;  // one more than we know

wgs_packet udp_piece() {
    wgs_packet packet{};
    packet.kind = WGS_PACKET_IPV4;
    packet.protocol = WGS_PROTOCOL_UDP;
    packet.later_fragment = true;
    return packet;
}

wgs_packet tcp_packet() {
    wgs_packet packet{};
    packet.kind = WGS_PACKET_IPV4;
    packet.protocol = WGS_PROTOCOL_TCP;
    return packet;
}

const wgs_packet kPiece = udp_piece();
const wgs_packet kTcp = tcp_packet();

struct OutCase {
    std::uint32_t source_id, source_class, destination_id, destination_class, state;
    bool tunnel_up, outer_piece, hosts, bypassed;

    [[nodiscard]] wgs_reason reason() const {
        const wgs_owners owners{.source = WGS_OWNER(source_id, source_class),
                                .destination = WGS_OWNER(destination_id, destination_class),
                                .bypassed = bypassed};
        const wgs_way way{.peer_state = state, .ifindex = tunnel_up ? 7U : 0U, .mtu = 0};
        const wgs_scope scope{.hosts = hosts, .overlay = false};
        return wgs_out_by_owners(outer_piece ? &kPiece : &kTcp, true, &owners, &way, &scope);
    }
    [[nodiscard]] bool encrypted_scope() const { return !node_to_node() || (hosts && !bypassed); }
    [[nodiscard]] bool node_to_node() const {
        return source_class == WGS_CLASS_NODE && destination_class == WGS_CLASS_NODE;
    }
};

// Calls `check` with each combination.
template <class Check>
void for_every_out_case(const Check& check) {
    for (const auto source : kIds)
        for (const auto source_class : kClasses)
            for (const auto destination : kIds)
                for (const auto destination_class : kClasses)
                    for (std::uint32_t state = 0; state < kStates; ++state)
                        for (unsigned flags = 0; flags < 16; ++flags)
                            check(OutCase{.source_id = source,
                                          .source_class = source_class,
                                          .destination_id = destination,
                                          .destination_class = destination_class,
                                          .state = state,
                                          .tunnel_up = (flags & 1) != 0,
                                          .outer_piece = (flags & 2) != 0,
                                          .hosts = (flags & 4) != 0,
                                          .bypassed = (flags & 8) != 0});
}

TEST(DecideOut, SteersOnlyOwnPacketsToReadyPeersWithATunnel) {
    int steered = 0;
    for_every_out_case([&](const OutCase& c) {
        const bool may_steer = c.source_id == WGS_PEER_SELF && c.destination_id > WGS_PEER_GONE &&
                               c.state == WGS_STATE_READY && c.tunnel_up && c.encrypted_scope();
        const bool is_outer = c.outer_piece && c.node_to_node() && wgs_is_peer(c.destination_id);
        EXPECT_EQ(c.reason() == WGS_REASON_steered, may_steer && !is_outer);
        steered += may_steer && !is_outer;
    });
    EXPECT_GT(steered, 0);
}

TEST(DecideOut, AlwaysFindsAReason) {
    for_every_out_case([](const OutCase& c) { EXPECT_NE(c.reason(), WGS_REASON_none); });
}

// The promise of policy require: whatever the state, between protected prefixes nothing passes in
// clear.
TEST(DecideOut, RequireLetsNothingProtectedPass) {
    for_every_out_case([](const OutCase& c) {
        const bool is_protected = c.source_id != WGS_PEER_NONE &&
                                  c.destination_id != WGS_PEER_NONE &&
                                  c.destination_id != WGS_PEER_SELF && c.encrypted_scope();
        const bool is_outer = c.reason() == WGS_REASON_outer;
        if (!is_protected || is_outer) return;
        EXPECT_NE(wgs_out_verdict(c.reason(), WGS_POLICY_REQUIRE), WGS_VERDICT_PASS);
    });
}

TEST(DecideOut, PreferDropsOnlyWhatFitsNoTunnel) {
    for (int reason = 0; reason < WGS_REASON_COUNT; ++reason)
        EXPECT_EQ(
            wgs_out_verdict(static_cast<wgs_reason>(reason), WGS_POLICY_PREFER) == WGS_VERDICT_DROP,
            reason == WGS_REASON_too_big);
}

TEST(DecideOut, OuterPiecesGoFromSelfToAPeerBetweenNodes) {
    for_every_out_case([](const OutCase& c) {
        EXPECT_EQ(c.reason() == WGS_REASON_outer, c.outer_piece && c.node_to_node() &&
                                                      c.source_id == WGS_PEER_SELF &&
                                                      wgs_is_peer(c.destination_id));
    });
}

TEST(DecideOut, NamesEachStateOfAPeer) {
    const auto reason = [](std::uint32_t state) {
        const wgs_owners owners{.source = WGS_OWNER(WGS_PEER_SELF, WGS_CLASS_POD),
                                .destination = WGS_OWNER(WGS_PEER_FIRST, WGS_CLASS_POD)};
        const wgs_way way{.peer_state = state, .ifindex = 7, .mtu = 0};
        const wgs_scope scope{};
        return wgs_out_by_owners(&kTcp, false, &owners, &way, &scope);
    };
    EXPECT_EQ(reason(WGS_STATE_READY), WGS_REASON_steered);
    EXPECT_EQ(reason(WGS_STATE_NO_KEY), WGS_REASON_no_key);
    EXPECT_EQ(reason(WGS_STATE_CONFLICT), WGS_REASON_conflict);
    EXPECT_EQ(reason(WGS_STATE_WAITING), WGS_REASON_waiting);
    EXPECT_EQ(reason(WGS_STATE_STALLED), WGS_REASON_stalled);
    for (const std::uint32_t unproven : {WGS_STATE_UNUSED, WGS_STATE_SELF, WGS_STATE_CLUSTER})
        EXPECT_EQ(reason(unproven), WGS_REASON_waiting);
}

TEST(DecideOut, HeadersAloneSettle) {
    const wgs_packet arp{};
    wgs_packet cut{};
    cut.kind = WGS_PACKET_TRUNCATED;
    wgs_packet outer{};
    outer.kind = WGS_PACKET_IPV4;
    outer.protocol = WGS_PROTOCOL_UDP;
    EXPECT_EQ(wgs_out_by_headers(&arp, true, true), WGS_REASON_not_ip);
    EXPECT_EQ(wgs_out_by_headers(&cut, true, true), WGS_REASON_truncated);
    EXPECT_EQ(wgs_out_by_headers(&outer, true, true), WGS_REASON_outer);
    EXPECT_EQ(wgs_out_by_headers(&outer, false, true), WGS_REASON_none);
    EXPECT_EQ(wgs_out_by_headers(&outer, true, false), WGS_REASON_none);
}

TEST(DecideOut, AnotherProtocolsPortIsNoTunnels) {
    wgs_packet tcp{};
    tcp.kind = WGS_PACKET_IPV4;
    tcp.protocol = WGS_PROTOCOL_TCP;
    EXPECT_EQ(wgs_out_by_headers(&tcp, true, true), WGS_REASON_none);
    EXPECT_EQ(wgs_in_by_destination(&tcp, WGS_OWNER(WGS_PEER_SELF, WGS_CLASS_NODE), true),
              WGS_REASON_none);
}

TEST(DecideIn, ClearTextComesFromTheMeshToWhatIsNotAPeers) {
    for (const auto source : kIds)
        for (const auto destination : kIds)
            for (const bool hosts : {false, true}) {
                const wgs_scope scope{.hosts = hosts, .overlay = false};
                const auto reason = [&](std::uint32_t source_class) {
                    const wgs_owners owners{.source = WGS_OWNER(source, source_class),
                                            .destination = WGS_OWNER(destination, WGS_CLASS_NODE),
                                            .bypassed = false};
                    const wgs_reason early = wgs_in_by_destination(&kTcp, owners.destination, true);
                    return early != WGS_REASON_none ? early
                                                    : wgs_in_by_owners(&kTcp, &owners, &scope);
                };
                const bool clear = destination != WGS_PEER_NONE && !wgs_is_peer(destination) &&
                                   source > WGS_PEER_SELF;
                EXPECT_EQ(reason(WGS_CLASS_POD), clear ? WGS_REASON_clear_in : WGS_REASON_other_in);
                EXPECT_EQ(reason(WGS_CLASS_NODE),
                          clear && hosts ? WGS_REASON_clear_in : WGS_REASON_other_in);
            }
}

TEST(DecideIn, OnlyRequireDropsAndOnlyClearText) {
    for (int number = 0; number < WGS_REASON_COUNT; ++number) {
        const auto reason = static_cast<wgs_reason>(number);
        EXPECT_EQ(wgs_in_verdict(reason, WGS_POLICY_PREFER), WGS_VERDICT_PASS);
        EXPECT_EQ(wgs_in_verdict(reason, WGS_POLICY_REQUIRE) == WGS_VERDICT_DROP,
                  reason == WGS_REASON_clear_in);
    }
}

struct SizeCase {
    const char* name;
    wgs_packet_kind kind;
    bool dont_fragment;
    std::uint32_t bytes;
    bool segmented;
    std::uint32_t mtu;
    wgs_reason reason;
};

TEST(DecideOut, JudgesSizes) {
    const std::initializer_list<SizeCase> cases{
        {"fits", WGS_PACKET_IPV4, true, 1440, false, 1440, WGS_REASON_steered},
        {"not known", WGS_PACKET_IPV4, true, 9000, false, 0, WGS_REASON_steered},
        {"one byte more", WGS_PACKET_IPV4, true, 1441, false, 1440, WGS_REASON_too_big},
        {"may be cut", WGS_PACKET_IPV4, false, 1441, false, 1440, WGS_REASON_in_pieces},
        {"a segment", WGS_PACKET_IPV4, false, 1441, true, 1440, WGS_REASON_too_big},
        {"IPv6", WGS_PACKET_IPV6, true, 1441, false, 1440, WGS_REASON_too_big},
        {"what IPv6 promises", WGS_PACKET_IPV6, true, 1280, false, 1200, WGS_REASON_oversize},
        {"more than that", WGS_PACKET_IPV6, true, 1281, false, 1200, WGS_REASON_too_big},
    };
    const wgs_owners pods{.source = WGS_OWNER(WGS_PEER_SELF, WGS_CLASS_POD),
                          .destination = WGS_OWNER(WGS_PEER_FIRST, WGS_CLASS_POD),
                          .bypassed = false};
    for (const SizeCase& c : cases) {
        wgs_packet packet = kTcp;
        packet.kind = c.kind;
        packet.dont_fragment = c.dont_fragment;
        const wgs_size size{.bytes = c.bytes, .segmented = c.segmented};
        EXPECT_EQ(wgs_out_by_size(&packet, &pods, &size, c.mtu), c.reason) << c.name;
    }
}

TEST(DecideOut, AnOverlaysPacketsAreSteeredWhateverTheirSize) {
    const wgs_owners nodes{.source = WGS_OWNER(WGS_PEER_SELF, WGS_CLASS_NODE),
                           .destination = WGS_OWNER(WGS_PEER_FIRST, WGS_CLASS_NODE),
                           .bypassed = false};
    wgs_packet packet = kTcp;
    packet.protocol = WGS_PROTOCOL_IPIP;
    packet.dont_fragment = true;
    const wgs_size size{.bytes = 1500, .segmented = false};
    EXPECT_EQ(wgs_out_by_size(&packet, &nodes, &size, 1440), WGS_REASON_oversize);
}

TEST(DecideOut, ErrorsAreNotAnswered) {
    const auto answered = [](wgs_protocol protocol, std::uint8_t type) {
        wgs_packet packet{};
        packet.protocol = protocol;
        packet.icmp_type = type;
        return wgs_may_be_answered(&packet);
    };
    for (const std::uint8_t type : std::initializer_list<std::uint8_t>{3, 4, 5, 11, 12})
        EXPECT_FALSE(answered(WGS_PROTOCOL_ICMP, type));
    EXPECT_TRUE(answered(WGS_PROTOCOL_ICMP, 8));
    EXPECT_FALSE(answered(WGS_PROTOCOL_ICMPV6, 2));
    EXPECT_TRUE(answered(WGS_PROTOCOL_ICMPV6, 128));
    EXPECT_TRUE(answered(WGS_PROTOCOL_UDP, 0));
    EXPECT_FALSE(wgs_may_be_answered(&kPiece));
}

TEST(DecideIn, OnlyPeersComeOutOfATunnel) {
    for (const auto id : kIds)
        for (const bool up : {false, true}) {
            const wgs_reason known = up ? WGS_REASON_decrypted : WGS_REASON_no_tunnel;
            EXPECT_EQ(wgs_decrypted_by_owner(WGS_OWNER(id, WGS_CLASS_POD), up),
                      id >= WGS_PEER_FIRST ? known : WGS_REASON_unknown_inner);
        }
}

}  // namespace
}  // namespace wgs
