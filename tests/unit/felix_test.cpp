// SPDX-License-Identifier: Apache-2.0
// Felix's behaviour, as far as it is one without an ip rule and a routing table. Names start with
// the numbers under which docs/felix.md lists what Felix does; what is not tested here is there
// with the reason. Each test runs with the messages of every generation of the protocol.
#include <algorithm>
#include <array>
#include <random>

#include "felix_fixture.h"

namespace wgs::test {
namespace {

using Kind = Outcome::Kind;

class FelixTest : public FelixFixture, public testing::WithParamInterface<Generation> {
  protected:
    void start(Parameters parameters = {{"WireguardEnabled", "true"}}) {
        FelixFixture::start(GetParam(), std::move(parameters));
    }
    void start_formed() {
        start();
        form();
    }
    [[nodiscard]] std::string workload(const std::string& destination, std::uint8_t number) {
        return calico->route(
            destination, node(number).name,
            number == kSelf ? RouteType::local_workload : RouteType::remote_workload);
    }
    [[nodiscard]] std::string key_of(std::uint8_t number, std::uint8_t key_number) {
        return calico->endpoint(node(number).name, key(key_number).to_base64());
    }
    [[nodiscard]] std::string keyless(std::uint8_t number) {
        return calico->endpoint_remove(node(number).name);
    }
    [[nodiscard]] std::string host(std::uint8_t number) {
        return calico->host(node(number).name, node(number).addresses[0].to_string());
    }
};

TEST_P(FelixTest, M1_TheHostsAddressIsTheEndpoint) {
    start_formed();
    EXPECT_EQ(endpoint_of(2), "192.0.2.2:51820");
    apply(calico->host("node-b", "192.0.2.22"));
    EXPECT_EQ(endpoint_of(2), "192.0.2.22:51820");
}

TEST_P(FelixTest, M1_AnEmptyOrBadAddressLeavesTheOneThatIsKnown) {
    start_formed();
    apply(calico->host("node-b", ""));
    apply(calico->say(14, wire::text(1, "node-b") + wire::text(2, "fd00::2")));
    EXPECT_EQ(sink->reported.size(), 1U);
    apply(calico->say(14, wire::text(1, "node-b") + wire::text(2, "not an address/24")));
    EXPECT_EQ(sink->reported.size(), 2U);
    EXPECT_EQ(endpoint_of(2), "192.0.2.2:51820");
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
}

TEST_P(FelixTest, M1_ARemovedHostIsNoPeer) {
    start_formed();
    apply(calico->host_remove("node-b"));
    EXPECT_FALSE(is_peer(2));
}

TEST_P(FelixTest, M2_RoutesOfAFamilyThatIsOffAndBadOnesAreLeftOut) {
    start_formed();
    const auto writes = writes_of([&] {
        apply(calico->route("fd10:2::/64", "node-b", RouteType::remote_workload) +
              calico->route("10.2.0.0/33", "node-b", RouteType::remote_workload) +
              calico->route("nonsense", "node-b", RouteType::remote_workload) +
              calico->route("", "node-b", RouteType::remote_workload));
    });
    EXPECT_EQ(writes, std::vector<std::string>());
    EXPECT_EQ(sink->reported.size(), 3U);
    EXPECT_EQ(allowed_ips(2), "10.2.0.0/24 192.0.2.2/32");
}

TEST_P(FelixTest, M3_TheTypeSaysWhatBecomesOfARoute) {
    start_formed();
    const std::string before = allowed_ips(2);
    apply(calico->route("10.2.1.7/32", "node-b", RouteType::remote_tunnel));
    EXPECT_EQ(allowed_ips(2), "10.2.0.0/24 10.2.1.7/32 192.0.2.2/32");
    // Without host encryption it is as if it had not been said.
    apply(calico->route("10.2.1.7/32", "node-b", RouteType::remote_host));
    EXPECT_EQ(allowed_ips(2), "10.2.0.0/24 10.2.1.7/32 192.0.2.2/32");
    apply(calico->route("10.2.1.7/32", "node-b", RouteType::cidr_info));
    EXPECT_EQ(allowed_ips(2), before);
    apply(calico->route("10.2.1.8/32", "node-b", RouteType::remote_tunnel) +
          calico->route("10.2.1.8/32", "node-b", RouteType::local_host));
    EXPECT_EQ(allowed_ips(2), before);
    apply(calico->route("10.1.9.9/32", "node-a", RouteType::local_tunnel));
    EXPECT_TRUE(kernel.steering.prefixes.contains(prefix("10.1.9.9/32")));
}

TEST_P(FelixTest, M4_HostRoutesNeedNoOtherSettingThanHostEncryption) {
    start({{"WireguardEnabled", "true"},
           {"WireguardHostEncryptionEnabled", "true"},
           {"RouteSource", "CalicoIPAM"}});
    form();
    EXPECT_TRUE(config.hosts);
    apply(calico->route("198.51.100.2/32", "node-b", RouteType::remote_host));
    EXPECT_EQ(allowed_ips(2), "10.2.0.0/24 192.0.2.2/32 198.51.100.2/32");
    EXPECT_EQ(kernel.steering.prefixes.at(prefix("198.51.100.2/32")).prefix_class,
              PrefixClass::node);
}

TEST_P(FelixTest, M5_RemovingAnUnknownRouteChangesNothing) {
    start_formed();
    EXPECT_EQ(writes_of([&] { apply(calico->route_remove("10.77.0.0/24")); }),
              std::vector<std::string>());
    EXPECT_TRUE(sink->reported.empty());
}

TEST_P(FelixTest, M6_AKeyThatDoesNotParseIsNoKey) {
    start_formed();
    apply(calico->endpoint("node-b", "no key at all"));
    EXPECT_FALSE(is_peer(2));
    EXPECT_EQ(sink->reported.size(), 1U);
    apply(calico->endpoint("node-b", key(2).to_base64(), "no address"));
    EXPECT_TRUE(is_peer(2));  // the address is left out, the key is not
}

TEST_P(FelixTest, M6_TheOtherFamilysKeyIsOfNoConcern) {
    start_formed();
    const auto writes = writes_of([&] {
        apply(calico->endpoint_v6("node-b", key(9).to_base64()) +
              calico->endpoint_v6_remove("node-b"));
    });
    EXPECT_EQ(writes, std::vector<std::string>());
    EXPECT_TRUE(is_peer(2));
}

TEST_P(FelixTest, M7_NothingIsProgrammedBeforeEverythingIsSaid) {
    start();
    const std::string all = whole(2) + whole(3);
    apply(all);
    EXPECT_FALSE(is_peer(2));
    EXPECT_FALSE(kernel.steering.prefixes.contains(prefix("10.2.0.0/24")));
    apply(calico->in_sync());
    EXPECT_TRUE(is_peer(2));
    EXPECT_TRUE(is_peer(3));
}

TEST_P(FelixTest, M7_NothingIsRemovedBeforeEverythingIsSaid) {
    start_formed();
    TearDown();
    start();  // another driver on the same kernel
    apply(host(2));
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
    EXPECT_TRUE(kernel.steering.prefixes.contains(prefix("10.1.0.0/24")));
    apply(whole(3) + calico->in_sync());
    EXPECT_FALSE(is_peer(2));
    EXPECT_TRUE(is_peer(3));
}

TEST_P(FelixTest, R2_ABorrowedAddressBelongsToTheBorrower) {
    start_formed();
    apply(whole(3));
    shake_hands(3);
    apply(workload("10.2.0.7/32", 3) + workload("10.1.0.7/32", 3) + workload("10.2.0.8/32", 1));
    EXPECT_EQ(to("10.2.0.7"), encrypted_to(3));  // out of a peer's block
    EXPECT_EQ(to("10.1.0.7"), encrypted_to(3));  // out of ours
    EXPECT_EQ(kernel.steering.prefixes.at(prefix("10.2.0.8/32")).peer, WGS_PEER_SELF);
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
    EXPECT_EQ(to("10.1.0.9").kind, Kind::clear);
    apply(calico->route_remove("10.1.0.7/32"));
    EXPECT_EQ(to("10.1.0.7").kind, Kind::clear);
}

TEST_P(FelixTest, R2_OwnAddressesWithinOwnBlocksCostNothing) {
    start_formed();
    const int told = sink->self_told;
    apply(workload("10.1.0.20/32", 1) + workload("10.1.0.21/32", 1));
    EXPECT_FALSE(kernel.steering.prefixes.contains(prefix("10.1.0.20/32")));
    EXPECT_EQ(writes_of([&] { apply(calico->route_remove("10.1.0.21/32")); }),
              std::vector<std::string>());
    // The block goes, the address stays.
    apply(calico->route_remove("10.1.0.0/24"));
    EXPECT_GT(sink->self_told, told);
    EXPECT_TRUE(kernel.steering.prefixes.contains(prefix("10.1.0.20/32")));
    EXPECT_FALSE(kernel.steering.prefixes.contains(prefix("10.1.0.0/24")));
}

TEST_P(FelixTest, R3_EachWorkloadMayHaveARouteOfItsOwn) {
    start();
    std::string routes = calico->endpoint("node-b", key(2).to_base64()) + host(2);
    for (int i = 1; i <= 5; ++i)
        routes += workload("10.9.0." + std::to_string(i) + "/32", 2);
    apply(routes + workload("10.9.0.6", 2) + calico->in_sync());  // Felix takes bare addresses too
    shake_hands(2);
    for (int i = 1; i <= 6; ++i)
        EXPECT_EQ(to("10.9.0." + std::to_string(i)), encrypted_to(2));
    EXPECT_EQ(to("10.9.0.7").kind, Kind::clear);
}

TEST_P(FelixTest, R4_EveryAddressOfAHostIsEncryptedWithHostEncryption) {
    start({{"WireguardEnabled", "yes"}, {"WireguardHostEncryptionEnabled", "1"}});
    form();
    apply(calico->route("192.0.2.2/32", "node-b", RouteType::remote_host) +
          calico->route("203.0.113.2/32", "node-b", RouteType::remote_host));
    EXPECT_EQ(to("192.0.2.2"), encrypted_to(2));
    EXPECT_EQ(to("203.0.113.2"), encrypted_to(2));
    EXPECT_EQ(endpoint_of(2), "192.0.2.2:51820");
    apply(calico->route_remove("203.0.113.2/32"));
    EXPECT_EQ(to("203.0.113.2").kind, Kind::clear);
}

TEST_P(FelixTest, R6_TunnelAddressesBelongToTheirNode) {
    start_formed();
    apply(calico->route("10.2.0.1/32", "node-b", RouteType::remote_tunnel) +
          calico->route("10.5.0.0/32", "node-b", RouteType::remote_tunnel));
    EXPECT_EQ(allowed_ips(2), "10.2.0.0/24 10.2.0.1/32 10.5.0.0/32 192.0.2.2/32");
    EXPECT_EQ(to("10.5.0.0"), encrypted_to(2));
}

TEST_P(FelixTest, R8_AFlushInFelixsOrderIsOneChange) {
    start_formed();
    // Removed routes, added ones, removed keys, new keys, removed hosts, new hosts.
    apply(calico->route_remove("10.2.0.0/24") + workload("10.2.0.0/24", 3) + keyless(2) +
          key_of(3, 3) + calico->host_remove("node-b") + host(3));
    EXPECT_FALSE(is_peer(2));
    EXPECT_EQ(allowed_ips(3), "10.2.0.0/24 192.0.2.3/32");
    EXPECT_EQ(cache->peers().size(), 1U);
}

TEST_P(FelixTest, R8_PiecesMayComeInAnyOrder) {
    start_formed();
    std::vector<std::string> pieces = {workload("10.3.0.0/24", 3),
                                       workload("10.3.9.0/24", 3),
                                       key_of(3, 3),
                                       host(3),
                                       host(1),
                                       workload("10.4.0.0/24", 4),
                                       host(4)};
    std::mt19937 random(1);
    for (int round = 0; round < 20; ++round) {
        std::ranges::shuffle(pieces, random);
        for (const std::string& piece : pieces) {
            if (random() % 2 == 0) {
                apply(piece);
            } else {
                say(piece);
            }
        }
        apply();
        ASSERT_TRUE(is_peer(3)) << round;
        EXPECT_EQ(allowed_ips(3), "10.3.0.0/24 10.3.9.0/24 192.0.2.3/32");
        EXPECT_EQ(cache->peers().at("node-d").info.public_key, std::nullopt);
        apply(calico->host_remove("node-c") + keyless(3) + calico->route_remove("10.3.0.0/24") +
              calico->route_remove("10.3.9.0/24") + calico->host_remove("node-d") +
              calico->route_remove("10.4.0.0/24"));
        ASSERT_EQ(cache->peers().size(), 1U) << round;
        ASSERT_FALSE(is_peer(3));
    }
}

TEST_P(FelixTest, P1_APeerHasAnAddressAndAKeyOfItsOwn) {
    start_formed();
    apply(workload("10.3.0.0/24", 3));
    EXPECT_FALSE(is_peer(3));
    apply(key_of(3, 3));
    EXPECT_FALSE(is_peer(3));
    apply(host(3));
    EXPECT_TRUE(is_peer(3));
    apply(key_of(3, 2));
    EXPECT_FALSE(is_peer(3));
    EXPECT_FALSE(is_peer(2));
}

TEST_P(FelixTest, P2_TheEndpointHasTheirAddressAndOurPort) {
    start({{"WireguardEnabled", "true"}, {"WireguardListeningPort", "12345"}});
    form();
    EXPECT_EQ(endpoint_of(2), "192.0.2.2:12345");
    EXPECT_EQ(kernel.tunnel->port, 12345);
}

TEST_P(FelixTest, P3_AllowedIpsAreTheNodesRoutesAndAPeerNeedsNone) {
    start_formed();
    apply(key_of(3, 3) + host(3));
    ASSERT_TRUE(is_peer(3));
    EXPECT_EQ(allowed_ips(3), "192.0.2.3/32");  // its own address always is
    apply(workload("10.3.0.0/24", 3) + workload("10.3.1.0/24", 3));
    EXPECT_EQ(allowed_ips(3), "10.3.0.0/24 10.3.1.0/24 192.0.2.3/32");
}

TEST_P(FelixTest, P4_KeepaliveIsTheConfiguredOneOnceThePeerAnswers) {
    start({{"WireguardEnabled", "true"}, {"WireguardPersistentKeepAlive", "25"}});
    form();
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.tunnel->sessions.at(key(2)).keepalive, std::chrono::seconds(25));
}

TEST_P(FelixTest, P5_ANodeWithoutAKeyIsReachedInClear) {
    start_formed();
    apply(workload("10.3.0.0/24", 3) + host(3));
    EXPECT_FALSE(is_peer(3));
    EXPECT_EQ(to("10.3.0.9").kind, Kind::clear);
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
}

TEST_P(FelixTest, P6_AKeyForOneNodeChangesNothingForOthers) {
    start_formed();
    apply(workload("10.3.0.0/24", 3) + host(3));
    const auto others = kernel.tunnel->sessions;
    apply(key_of(3, 3));
    shake_hands(3);
    EXPECT_EQ(to("10.3.0.9"), encrypted_to(3));
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
    EXPECT_EQ(kernel.tunnel->sessions.at(key(2)).allowed_ips, others.at(key(2)).allowed_ips);
}

TEST_P(FelixTest, P7_ANewKeyIsAnotherPeerWithAllRoutes) {
    start_formed();
    apply(key_of(2, 22));
    EXPECT_FALSE(is_peer(2));
    EXPECT_EQ(allowed_ips(22), "10.2.0.0/24 192.0.2.2/32");
    shake_hands(22);
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(22));
}

TEST_P(FelixTest, P8_WhatIsTakenBackBeforeItIsAppliedWritesNothing) {
    start_formed();
    const auto writes = writes_of([&] {
        apply(calico->host("node-b", "192.0.2.77") + host(2) + key_of(2, 22) + key_of(2, 2));
        apply(calico->host_remove("node-b") + host(2) + keyless(2) + key_of(2, 2));
    });
    EXPECT_EQ(writes, std::vector<std::string>());
}

TEST_P(FelixTest, P9_APeerThatComesAndGoesBeforeItIsAppliedWritesNothing) {
    start_formed();
    const auto writes = writes_of([&] {
        apply(whole(3) + calico->host_remove("node-c") + keyless(3) +
              calico->route_remove("10.3.0.0/24"));
    });
    EXPECT_EQ(writes, std::vector<std::string>());
    EXPECT_EQ(cache->peers().size(), 1U);
}

TEST_P(FelixTest, P10_APeersPiecesMayGoInAnyOrder) {
    start_formed();
    std::array<int, 3> order{0, 1, 2};
    const auto remove_piece = [&](int piece) {
        return piece == 0   ? calico->host_remove("node-b")
               : piece == 1 ? keyless(2)
                            : calico->route_remove("10.2.0.0/24");
    };
    do {
        apply(whole(2));
        shake_hands(2);
        ASSERT_EQ(to("10.2.0.9"), encrypted_to(2));
        bool programmed = true;
        for (const int piece : order) {
            apply(remove_piece(piece));
            programmed = programmed && piece == 2;
            EXPECT_EQ(is_peer(2), programmed);
            EXPECT_EQ(cache->peers().contains("node-b"), piece != order.back());
            EXPECT_EQ(to("10.2.0.9").kind, Kind::clear);
        }
    } while (std::ranges::next_permutation(order).found);
}

TEST_P(FelixTest, P11_AnAddressMayGoAndComeBack) {
    start_formed();
    apply(calico->host_remove("node-b"));
    EXPECT_EQ(to("10.2.0.9").kind, Kind::clear);
    apply(host(2));
    shake_hands(2);
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
    // In one go with another address only the endpoint changes.
    const std::string allowed = allowed_ips(2);
    apply(calico->host_remove("node-b") + calico->host("node-b", "192.0.2.22"));
    EXPECT_EQ(endpoint_of(2), "192.0.2.22:51820");
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
}

TEST_P(FelixTest, P12_TwoNodesOfBothKindsMayLeaveTogether) {
    start_formed();
    apply(whole(3) + workload("10.4.0.0/24", 4) + host(4));
    apply(calico->route_remove("10.3.0.0/24") + calico->route_remove("10.4.0.0/24") + keyless(3) +
          calico->host_remove("node-c") + calico->host_remove("node-d"));
    EXPECT_EQ(kernel.tunnel->sessions.size(), 1U);
    EXPECT_FALSE(kernel.steering.prefixes.contains(prefix("10.3.0.0/24")));
    EXPECT_FALSE(kernel.steering.prefixes.contains(prefix("10.4.0.0/24")));
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
}

TEST_P(FelixTest, P13_AnUnknownNodesKeyMayGo) {
    start_formed();
    EXPECT_EQ(writes_of([&] { apply(keyless(9) + calico->host_remove("node-i")); }),
              std::vector<std::string>());
    EXPECT_EQ(cache->peers().size(), 1U);
}

TEST_P(FelixTest, P14_ThisNodeIsNoPeer) {
    start_formed();
    apply(key_of(1, 9) + host(1));
    EXPECT_FALSE(is_peer(9));
    EXPECT_EQ(cache->self().addresses, std::vector{ip("192.0.2.1")});
    apply(calico->host_remove("node-a"));
    EXPECT_EQ(cache->self().addresses, std::vector{ip("192.0.2.1")});
    EXPECT_EQ(cache->peers().size(), 1U);
}

TEST_P(FelixTest, P15_ASharedKeyIsNobodysUntilOneChangesIt) {
    start_formed();
    apply(whole(3) + key_of(3, 2));
    EXPECT_FALSE(is_peer(2));
    EXPECT_FALSE(is_peer(3));
    apply(key_of(3, 3));
    EXPECT_TRUE(is_peer(2));
    EXPECT_TRUE(is_peer(3));
}

TEST_P(FelixTest, P16_ASharedKeyThatSomebodyPutsBackGoesAgain) {
    start_formed();
    const Session session = kernel.tunnel->sessions.at(key(2));
    apply(whole(3) + key_of(3, 2));
    ASSERT_FALSE(is_peer(2));
    kernel.tunnel->sessions[key(2)] = session;
    ASSERT_TRUE(run());
    EXPECT_FALSE(is_peer(2));
}

TEST_P(FelixTest, P17_BothNodesOfASharedKeyAreTreatedAlike) {
    start_formed();
    apply(whole(3));
    shake_hands(3);
    ASSERT_EQ(to("10.3.0.9"), encrypted_to(3));
    apply(key_of(3, 2));
    EXPECT_EQ(to("10.2.0.9").kind, Kind::clear);
    EXPECT_EQ(to("10.3.0.9").kind, Kind::clear);
}

TEST_P(FelixTest, P18_ForeignPeersOnOurDeviceGo) {
    start_formed();
    kernel.tunnel->sessions[key(99)] = Session{};
    ASSERT_TRUE(run());
    EXPECT_FALSE(is_peer(99));
    EXPECT_TRUE(is_peer(2));
}

TEST_P(FelixTest, D1_TheSameRouteAgainWritesNothing) {
    start_formed();
    const int told = sink->told;
    EXPECT_EQ(writes_of([&] { apply(workload("10.2.0.0/24", 2)); }), std::vector<std::string>());
    EXPECT_EQ(sink->told, told);
}

TEST_P(FelixTest, D2_ARouteMovesWithAndWithoutBeingRemoved) {
    start_formed();
    apply(whole(3));
    shake_hands(3);
    const std::string route = "10.9.0.0/24";
    apply(workload(route, 2));
    EXPECT_EQ(to("10.9.0.1"), encrypted_to(2));
    apply(workload(route, 3));
    EXPECT_EQ(to("10.9.0.1"), encrypted_to(3));
    apply(calico->route_remove(route) + workload(route, 2));
    EXPECT_EQ(to("10.9.0.1"), encrypted_to(2));
    apply(workload(route, 3) + calico->route_remove(route) + workload(route, 3));
    EXPECT_EQ(to("10.9.0.1"), encrypted_to(3));
    EXPECT_EQ(allowed_ips(2), "10.2.0.0/24 192.0.2.2/32");
}

TEST_P(FelixTest, D3_ARouteMovesBetweenAPeerAndThisNode) {
    start_formed();
    apply(workload("10.9.0.0/24", 2));
    ASSERT_EQ(to("10.9.0.1"), encrypted_to(2));
    apply(workload("10.9.0.0/24", 1));
    EXPECT_EQ(kernel.steering.prefixes.at(prefix("10.9.0.0/24")).peer, WGS_PEER_SELF);
    EXPECT_EQ(allowed_ips(2), "10.2.0.0/24 192.0.2.2/32");
    apply(workload("10.9.0.0/24", 2));
    EXPECT_EQ(to("10.9.0.1"), encrypted_to(2));
}

TEST_P(FelixTest, D4_ARouteMovesToANodeWithoutAKey) {
    start_formed();
    apply(workload("10.4.0.0/24", 4) + host(4));
    apply(workload("10.9.0.0/24", 2));
    apply(workload("10.9.0.0/24", 4));
    EXPECT_EQ(to("10.9.0.1").kind, Kind::clear);
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
    EXPECT_EQ(allowed_ips(2), "10.2.0.0/24 192.0.2.2/32");
}

TEST_P(FelixTest, D5_ASwapTakenBackBeforeItIsAppliedWritesNothing) {
    start_formed();
    apply(whole(3));
    shake_hands(3);
    ASSERT_TRUE(run());
    const auto writes = writes_of([&] {
        apply(workload("10.2.0.0/24", 3) + workload("10.3.0.0/24", 2) + workload("10.2.0.0/24", 2) +
              workload("10.3.0.0/24", 3));
        apply(workload("10.9.0.0/24", 2) + calico->route_remove("10.9.0.0/24"));
    });
    EXPECT_EQ(writes, std::vector<std::string>());
}

// WireGuard is never told to replace them all, which would lose packets for a moment.
TEST_P(FelixTest, D6_ARouteThatGoesLeavesTheOthersInPlace) {
    start_formed();
    apply(workload("10.8.0.0/24", 2) + workload("10.9.0.0/24", 2));
    kernel.on_change([&] {
        EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
        EXPECT_EQ(to("10.9.0.9"), encrypted_to(2));
    });
    apply(calico->route_remove("10.8.0.0/24"));
    kernel.on_change({});
    EXPECT_EQ(allowed_ips(2), "10.2.0.0/24 10.9.0.0/24 192.0.2.2/32");
}

TEST_P(FelixTest, D7_ALossOfOneNodeDoesNotUndoTheGainOfAnother) {
    start_formed();
    apply(whole(3));
    shake_hands(3);
    // Names sort the other way round than the move goes, both ways.
    apply(workload("10.2.0.0/24", 3) + calico->route_remove("10.3.0.0/24"));
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(3));
    apply(workload("10.2.0.0/24", 2) + workload("10.3.0.0/24", 2));
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
    EXPECT_EQ(to("10.3.0.9"), encrypted_to(2));
}

TEST_P(FelixTest, D8_ARouteIsReusedAfterItsNodeIsGone) {
    start_formed();
    apply(calico->route_remove("10.2.0.0/24") + keyless(2) + calico->host_remove("node-b") +
          workload("10.2.0.0/24", 1));
    EXPECT_EQ(kernel.steering.prefixes.at(prefix("10.2.0.0/24")).peer, WGS_PEER_SELF);
    apply(calico->route_remove("10.2.0.0/24"));
    EXPECT_FALSE(kernel.steering.prefixes.contains(prefix("10.2.0.0/24")));
    apply(whole(3) + workload("10.2.0.0/24", 3));
    shake_hands(3);
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(3));
}

TEST_P(FelixTest, X1_WhenOffNothingOfTheClusterIsTakenAndNoKeyIsTold) {
    start({{"WireguardEnabled", "false"}});
    ASSERT_TRUE(source->withdraw());
    say(whole(2) + calico->in_sync());
    source->dispatch();
    EXPECT_EQ(sink->told, 0);
    DriverWords words = heard();
    EXPECT_EQ(words.keys[4], std::vector<std::string>{""});
    EXPECT_EQ(words.keys[6], std::vector<std::string>{""});
}

TEST_P(FelixTest, S1_TheKeyIsToldOnceAndTheFamilyThatIsOffHasNone) {
    start_formed();
    ASSERT_TRUE(source->publish(cache->self()));
    ASSERT_TRUE(source->publish(cache->self()));
    DriverWords words = heard();
    EXPECT_FALSE(words.garbled);
    EXPECT_EQ(words.keys[4], std::vector{key(kSelf).to_base64()});
    EXPECT_EQ(words.keys[6], std::vector<std::string>{""});
}

TEST_P(FelixTest, S2_WhileFelixDoesNotListenTheLastWordOfEachFamilyIsKept) {
    start_formed();
    const std::string filler(4096, 'x');
    felix::Outbox outbox;
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const UniqueFd out(ends[0]);
    const UniqueFd in(ends[1]);
    while (::write(in.get(), filler.data(), filler.size()) > 0) {
    }
    outbox.tell_key(Family::v6, "six");
    outbox.tell_key(Family::v4, "old");
    ASSERT_TRUE(outbox.flush(in.get()));
    EXPECT_FALSE(outbox.empty());
    outbox.tell_key(Family::v4, "four");
    ASSERT_TRUE(outbox.flush(in.get()));
    std::string drained(1 << 20, '\0');
    ASSERT_GT(::read(out.get(), drained.data(), drained.size()), 0);

    ASSERT_TRUE(outbox.flush(in.get()));
    EXPECT_TRUE(outbox.empty());
    const ssize_t count = ::read(out.get(), drained.data(), drained.size());
    ASSERT_GT(count, 0);
    DriverWords words = parse_driver({drained.data(), static_cast<std::size_t>(count)});
    EXPECT_EQ(words.keys[6], std::vector<std::string>{"six"});
    EXPECT_EQ(words.keys[4].back(), "four");
}

TEST_P(FelixTest, V9_AWrongKeyOfOursInTheDatastoreIsCorrected) {
    start_formed();
    ASSERT_TRUE(source->publish(cache->self()));
    static_cast<void>(heard());
    apply(key_of(1, 1));
    EXPECT_TRUE(heard().keys.empty());
    apply(key_of(1, 77));
    EXPECT_EQ(heard().keys[4], std::vector{key(kSelf).to_base64()});
    apply(keyless(1));
    EXPECT_EQ(heard().keys[4], std::vector{key(kSelf).to_base64()});
}

TEST_P(FelixTest, C24_ChangedSettingsEndTheDriverAndOthersDoNot) {
    start_formed();
    apply(calico->config({{"WireguardEnabled", "true"}, {"LogSeverityScreen", "Debug"}}));
    EXPECT_EQ(end, std::nullopt);
    apply(calico->config({{"WireguardEnabled", "true"}, {"WireguardMTU", "1400"}}));
    EXPECT_EQ(end, felix::End::restart);
}

TEST_P(FelixTest, WhenFelixGoesTheDriverEndsAndTheDataplaneStays) {
    start_formed();
    hang_up();
    EXPECT_EQ(writes_of([&] { source->dispatch(); }), std::vector<std::string>());
    EXPECT_EQ(end, felix::End::felix_gone);
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
}

TEST_P(FelixTest, TellsThatItLivesEveryTenSeconds) {
    start();
    apply();
    DriverWords first = heard();
    ASSERT_EQ(first.signs_of_life.size(), 1U);
    EXPECT_EQ(first.signs_of_life[0].size(), std::string("2026-01-01T00:00:00Z").size());
    EXPECT_EQ(source->next_timeout(), clock + std::chrono::seconds(10));
    clock += std::chrono::seconds(10);
    apply();
    EXPECT_EQ(heard().signs_of_life.size(), 1U);
    apply();
    EXPECT_TRUE(heard().signs_of_life.empty());
}

TEST_P(FelixTest, OtherMessagesAndFieldsAreOfNoConcern) {
    start_formed();
    const auto writes = writes_of([&] {
        for (const unsigned field : {2U, 7U, 11U, 16U, 25U, 29U, 30U, 31U, 99U})
            apply(calico->say(field, wire::text(1, "something") + wire::number(2, 7)));
        apply(wire::frame(""));
    });
    EXPECT_EQ(writes, std::vector<std::string>());
    EXPECT_TRUE(sink->reported.empty());
    EXPECT_EQ(end, std::nullopt);
}

TEST_P(FelixTest, GarbageInAFrameIsReportedAndTheNextOneIsRead) {
    start_formed();
    apply(wire::frame("\xff\xff\xff\xff garbage"));
    apply(calico->say(27, wire::text(1, "node-\xc3\x28") + wire::text(2, "x")));  // not UTF-8
    apply(calico->host("no/name", "192.0.2.9"));
    EXPECT_EQ(sink->reported.size(), 3U);
    apply(whole(3));
    EXPECT_TRUE(is_peer(3));
    EXPECT_EQ(end, std::nullopt);
}

TEST_P(FelixTest, AFrameThatWasNeverOneEndsTheDriver) {
    start_formed();
    say(std::string(8, '\xee'));
    source->dispatch();
    EXPECT_EQ(end, felix::End::broken);
    EXPECT_EQ(to("10.2.0.9"), encrypted_to(2));
}

TEST_P(FelixTest, AMessageMayComeByteByByte) {
    start_formed();
    for (const char byte : whole(3))
        apply(std::string(1, byte));
    EXPECT_TRUE(is_peer(3));
    EXPECT_TRUE(sink->reported.empty());
}

INSTANTIATE_TEST_SUITE_P(Generations, FelixTest,
                         testing::Values(Generation::v3_29, Generation::v3_32, Generation::v3_33),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace wgs::test
