// SPDX-License-Identifier: Apache-2.0
// The laws of the plan, one test each, on the kernel in memory.
#include "plan/plan.h"

#include <algorithm>

#include "maps/layout.h"
#include "plan_fixture.h"

namespace wgs::test {
namespace {

using namespace std::chrono_literals;
using LawTest = PlanFixture;
using RequireLawTest = RequirePlanFixture;

// Position of the first call of this name in the log; the log's size if there is none.
std::ptrdiff_t position(const std::vector<std::string>& log, std::string_view call) {
    return std::ranges::find(log, call) - log.begin();
}

TEST_F(LawTest, APeerIsNotSteeredBeforeItsHandshake) {
    cache->upsert(node(2));
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), kClear);
    EXPECT_EQ(reconciler->states().at("node-b"), PeerState::waiting);

    kernel.handshake(key(2), now.wall);
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
    EXPECT_EQ(to("192.0.2.2"), encrypted_to(2));
    EXPECT_EQ(reconciler->states().at("node-b"), PeerState::ready);
}

TEST_F(RequireLawTest, APeerThatWaitsIsDroppedUnderRequire) {
    cache->upsert(node(2));
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), kDropped);
}

TEST_F(LawTest, AddingGoesWireguardThenPrefixesThenFlip) {
    ASSERT_TRUE(run());
    kernel.log.clear();
    join(2);
    EXPECT_LT(position(kernel.log, "update_peer"), position(kernel.log, "set_prefix"));
    const auto flip = std::find(kernel.log.rbegin(), kernel.log.rend(), "set_peer_state");
    ASSERT_NE(flip, kernel.log.rend());
    EXPECT_LT(flip, std::find(kernel.log.rbegin(), kernel.log.rend(), "set_prefix"));
}

TEST_F(LawTest, RemovingGoesPrefixesThenFlipThenWireguardThenId) {
    join(2);
    kernel.log.clear();
    cache->remove("node-b");
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.log,
              (std::vector<std::string>{"set_watch", "set_watch", "remove_prefix", "remove_prefix",
                                        "set_peer_state", "remove_peer", "release_peer",
                                        "remove_watch", "remove_watch"}));
    EXPECT_TRUE(kernel.tunnel->sessions.empty());
}

TEST_F(RequireLawTest, ADepartedNodesPrefixIsDroppedNotForgotten) {
    join(2);
    cache->remove("node-b");
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), kDropped);
    EXPECT_TRUE(kernel.steering.slots.empty());

    start_agent();  // a restart keeps it closed
    cache->mark_complete();
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), kDropped);
}

TEST_F(RequireLawTest, ADepartedNodesPrefixInsideAClusterPrefixNeedsNoRowOfItsOwn) {
    config.cluster_prefixes = {prefix("10.0.0.0/8")};
    join(2);
    cache->remove("node-b");
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), kDropped);
    EXPECT_FALSE(kernel.steering.prefixes.contains(prefix("10.2.0.0/24")));
}

TEST_F(RequireLawTest, GoingBackToPreferOpensWhatDepartedNodesLeft) {
    join(2);
    cache->remove("node-b");
    ASSERT_TRUE(run());
    config.policy = Policy::prefer;
    ASSERT_TRUE(run());
    EXPECT_FALSE(kernel.steering.prefixes.contains(prefix("10.2.0.0/24")));
}

TEST_F(LawTest, AMovingPrefixIsTakenByTheNewPeerWithoutAGap) {
    join(2);
    join(3);
    std::vector<Outcome> seen;
    kernel.on_change([&] { seen.push_back(to("10.2.0.1")); });
    kernel.log.clear();
    NodeInfo from = node(2);
    NodeInfo onto = node(3);
    std::swap(from.prefixes, onto.prefixes);
    onto.prefixes.push_back(from.prefixes.front());
    from.prefixes.clear();
    cache->upsert(from);
    cache->upsert(onto);
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(3));
    for (const Outcome& outcome : seen)
        EXPECT_EQ(outcome.kind, Outcome::Kind::encrypted);
    EXPECT_EQ(std::ranges::count(kernel.log, "remove_allowed_ips"), 0);  // it was moved
    EXPECT_LT(position(kernel.log, "update_peer"), position(kernel.log, "set_prefix"));
}

TEST_F(LawTest, AShorterPrefixThatChangesHandsDoesNotCatchWhatItsOldHolderKeeps) {
    join(2);
    std::vector<Outcome> seen;
    kernel.on_change([&] { seen.push_back(to("10.2.0.65")); });
    NodeInfo keeper = node(2);
    keeper.prefixes = {prefix("10.2.0.64/26")};
    NodeInfo taker = node(3);  // not proven yet
    taker.prefixes = node(2).prefixes;
    cache->upsert(keeper);
    cache->upsert(taker);
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), kClear);
    for (const Outcome& outcome : seen)
        EXPECT_EQ(outcome, encrypted_to(2));
}

TEST_F(LawTest, AMovingAllowedIpDoesNotCatchWhatItsOldHolderKeeps) {
    join(2);
    join(3);
    std::vector<Outcome> seen;
    kernel.on_change([&] { seen.push_back(to("10.3.0.65")); });
    NodeInfo keeper = node(3);
    keeper.prefixes = {prefix("10.3.0.64/26")};
    NodeInfo taker = node(2);
    taker.prefixes = node(3).prefixes;
    cache->upsert(keeper);
    cache->upsert(taker);
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.3.0.1"), encrypted_to(2));
    for (const Outcome& outcome : seen)
        EXPECT_EQ(outcome, encrypted_to(3));
}

TEST_F(LawTest, APrefixGivenUpIsTakenFromItsPeerAlone) {
    join(2);
    NodeInfo less = node(2);
    less.prefixes.clear();
    cache->upsert(less);
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.tunnel->sessions.at(key(2)).allowed_ips,
              PrefixSet{Prefix(less.addresses.front())});
    EXPECT_EQ(to("10.2.0.1"), kClear);
    EXPECT_EQ(to("192.0.2.2"), encrypted_to(2));
}

TEST_F(LawTest, AFreshLearnedEndpointIsKept) {
    join(2);
    const Endpoint learned{.address = ip("198.51.100.9"), .port = 4500};
    kernel.tunnel->sessions.at(key(2)).endpoint = learned;
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.tunnel->sessions.at(key(2)).endpoint, learned);

    start_agent();  // nor does a restart overwrite it
    cache->upsert(node(2));
    cache->mark_complete();
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.tunnel->sessions.at(key(2)).endpoint, learned);
}

TEST_F(LawTest, AnEndpointIsWrittenAgainWhenItsSessionHasExpired) {
    join(2);
    const auto configured = kernel.tunnel->sessions.at(key(2)).endpoint;
    kernel.tunnel->sessions.at(key(2)).endpoint = {{.address = ip("198.51.100.9"), .port = 4500}};
    now.wall += 181s;
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.tunnel->sessions.at(key(2)).endpoint, configured);
}

TEST_F(LawTest, AnAddressThatTheSourceChangedIsWrittenAtOnce) {
    join(2);
    NodeInfo moved = node(2);
    moved.addresses = {ip("192.0.2.77")};
    cache->upsert(moved);
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.tunnel->sessions.at(key(2)).endpoint,
              (Endpoint{.address = ip("192.0.2.77"), .port = 51820}));
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
}

TEST_F(LawTest, EndpointsAreWrittenAgainWhenAnOwnAddressLeaves) {
    join(2);
    const Endpoint learned{.address = ip("198.51.100.9"), .port = 4500};
    kernel.tunnel->sessions.at(key(2)).endpoint = learned;
    kernel.log.clear();
    NodeInfo self = node(kSelf);
    self.addresses = {ip("192.0.2.201")};
    cache->set_self(self);
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.log,
              (std::vector<std::string>{"set_watch", "set_watch", "update_peer", "set_prefix",
                                        "remove_prefix", "remove_watch", "set_watch"}));
    EXPECT_EQ(kernel.tunnel->sessions.at(key(2)).endpoint, learned);
}

TEST_F(LawTest, AChangeUndoneBeforeItIsAppliedWritesNothing) {
    join(2);
    kernel.log.clear();
    NodeInfo changed = node(2);
    changed.prefixes = {prefix("10.77.0.0/24")};
    cache->upsert(changed);
    cache->upsert(node(3));
    cache->remove("node-c");
    cache->upsert(node(2));
    ASSERT_TRUE(run());
    EXPECT_TRUE(kernel.log.empty()) << kernel.log.front();
}

TEST_F(LawTest, ARestartWritesNothingWhenNothingChanged) {
    join(2);
    join(3);
    kernel.log.clear();
    start_agent();
    ASSERT_TRUE(run());  // before the source has told anything
    EXPECT_TRUE(kernel.log.empty()) << kernel.log.front();
    cache->upsert(node(2));
    cache->upsert(node(3));
    cache->mark_complete();
    ASSERT_TRUE(run());
    EXPECT_TRUE(kernel.log.empty()) << kernel.log.front();
}

TEST_F(LawTest, APeerWithoutASignOfLifeIsKeptAndItsSessionShowsWhetherItLives) {
    join(2);
    cache->set_away("node-b");
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
    EXPECT_EQ(kernel.tunnel->sessions.at(key(2)).keepalive, 25s);
    cache->upsert(node(2));
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.tunnel->sessions.at(key(2)).keepalive, 0s);
}

TEST_F(LawTest, LeftoversGoOnlyWhenTheSourceIsComplete) {
    join(2);
    join(3);
    start_agent();
    cache->upsert(node(2));
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.3.0.1"), encrypted_to(3));
    cache->mark_complete();
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.3.0.1"), kClear);
    EXPECT_FALSE(kernel.tunnel->sessions.contains(key(3)));
}

TEST_F(LawTest, TwoNodesWithOneKeyAreNeitherProgrammedNorSteered) {
    join(2);
    NodeInfo thief = node(3);
    thief.public_key = key(2);
    cache->upsert(thief);
    ASSERT_TRUE(run());
    EXPECT_EQ(reconciler->states().at("node-b"), PeerState::conflict);
    EXPECT_EQ(reconciler->states().at("node-c"), PeerState::conflict);
    EXPECT_TRUE(kernel.tunnel->sessions.empty());
    EXPECT_EQ(to("10.2.0.1"), kClear);

    cache->upsert(node(3));
    ASSERT_TRUE(run());
    EXPECT_TRUE(kernel.tunnel->sessions.contains(key(2)));
    EXPECT_TRUE(kernel.tunnel->sessions.contains(key(3)));
}

TEST_F(LawTest, ANewKeyMustProveItself) {
    join(2);
    NodeInfo rekeyed = node(2);
    rekeyed.public_key = key(42);
    cache->upsert(rekeyed);
    // An agent that is killed in between must not find the new key vouched for.
    kernel.on_change([&] {
        const PeerSlot& slot = kernel.steering.slots.begin()->second;
        EXPECT_FALSE(slot.state == WGS_STATE_READY && slot.record.public_key == key(42));
    });
    ASSERT_TRUE(run());
    kernel.on_change({});
    EXPECT_EQ(to("10.2.0.1"), kClear);
    EXPECT_FALSE(kernel.tunnel->sessions.contains(key(2)));
    kernel.handshake(key(42), now.wall);
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(42));
}

TEST_F(LawTest, ADeletedDeviceIsMadeAgainWithoutGoingClear) {
    join(2);
    std::vector<Outcome> seen;
    kernel.on_change([&] { seen.push_back(to("10.2.0.1")); });
    kernel.tunnel.reset();
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
    for (const Outcome& outcome : seen)
        EXPECT_NE(outcome.kind, Outcome::Kind::clear);
}

TEST_F(LawTest, ADeletedDeviceWhosePeerStaysSilentIsNotTrustedForever) {
    join(2);
    kernel.tunnel.reset();
    ASSERT_TRUE(run());
    now.steady += HandshakeDriver::kTrust;
    ASSERT_TRUE(run());
    EXPECT_EQ(reconciler->states().at("node-b"), PeerState::waiting);
}

TEST_F(LawTest, WhatWasChangedByHandIsSetRight) {
    join(2);
    kernel.tunnel->up = false;
    kernel.tunnel->fwmark = 7;
    kernel.tunnel->sessions[key(66)].allowed_ips = {prefix("10.2.0.0/24")};
    kernel.tunnel->sessions.at(key(2)).allowed_ips.erase(prefix("10.2.0.0/24"));
    kernel.steering.hooks.erase({.ifindex = 2, .point = HookPoint::nic_out});
    ASSERT_TRUE(run());
    EXPECT_TRUE(kernel.tunnel->up);
    EXPECT_EQ(kernel.tunnel->fwmark, kDefaultFwmark);
    EXPECT_FALSE(kernel.tunnel->sessions.contains(key(66)));
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
}

TEST_F(LawTest, AReplacedNicGetsHooksAndTheWayOfItsPeers) {
    join(2);
    kernel.underlays.front().ifindex = 77;
    kernel.steering.hooks.erase({.ifindex = 2, .point = HookPoint::nic_in});
    kernel.steering.hooks.erase({.ifindex = 2, .point = HookPoint::nic_out});
    ASSERT_TRUE(run());
    EXPECT_TRUE(kernel.steering.hooks.contains({.ifindex = 77, .point = HookPoint::nic_out}));
    EXPECT_TRUE(kernel.steering.hooks.contains({.ifindex = 77, .point = HookPoint::nic_in}));
    const PeerWay& way = kernel.steering.slots.begin()->second.way;
    ASSERT_EQ(kernel.steering.underlays.size(), 1U);
    EXPECT_EQ(kernel.steering.underlays.at(way.underlay).ifindex, 77U);
}

TEST_F(LawTest, APeersWayFollowsItsRouteAndMtu) {
    kernel.underlays.push_back(
        {.name = "eth1", .ifindex = 3, .mac = {2, 0, 0, 0, 0, 3}, .mtu = 9000, .up = true});
    kernel.routes = {{ip("192.0.2.3"), 3}};
    join(2);
    join(3);
    const auto way = [&](const std::string& name) {
        for (const auto& [id, slot] : kernel.steering.slots) {
            if (slot.record.name == name) return slot.way;
        }
        return PeerWay{};
    };
    const auto device = [&](const std::string& name) {
        return kernel.steering.underlays.at(way(name).underlay).ifindex;
    };
    EXPECT_EQ(device("node-b"), 2U);
    EXPECT_EQ(device("node-c"), 3U);
    EXPECT_EQ(way("node-b").mtu, 1440);
    EXPECT_EQ(way("node-c").mtu, 8928);

    kernel.underlays.front().mtu = 1280;
    kernel.routes = {};
    ASSERT_TRUE(run());
    EXPECT_EQ(device("node-c"), 2U);
    EXPECT_EQ(way("node-c").mtu, 1216);
}

TEST_F(LawTest, APeerIsReachedOnTheLinkWhereThatIsPossible) {
    NodeInfo far = node(2);
    far.addresses.insert(far.addresses.begin(), ip("203.0.113.2"));
    cache->upsert(far);
    kernel.underlays.front().networks = {prefix("192.0.2.0/24")};
    ASSERT_TRUE(run());
    const auto endpoint = [&] { return kernel.tunnel->sessions.at(key(2)).endpoint->address; };
    EXPECT_EQ(endpoint(), ip("192.0.2.2"));
    kernel.handshake(key(2), now.wall);
    kernel.underlays.front().networks = {};  // for a moment, as while a NIC is replaced
    ASSERT_TRUE(run(Look::devices));
    EXPECT_EQ(endpoint(), ip("192.0.2.2"));
    kernel.underlays.front().networks = {prefix("203.0.113.0/24")};
    ASSERT_TRUE(run(Look::devices));
    EXPECT_EQ(endpoint(), ip("203.0.113.2"));
}

TEST_F(LawTest, TheBypassTableFollowsTheConfiguration) {
    config.bypass = {{.protocol = 6, .port = 6443}};
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.steering.bypass, config.bypass);
    config.bypass = {{.protocol = 1}};
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.steering.bypass, config.bypass);
}

TEST_F(LawTest, OthersWireguardIsBypassedWhileItIsThere) {
    const Service configured{.protocol = 17, .port = 53};
    config.bypass = {configured};
    kernel.foreign_tunnels = {51999};
    ASSERT_TRUE(run());
    const Service first{.protocol = 17, .port = 51999};
    EXPECT_EQ(kernel.steering.bypass, (std::set<Service>{configured, first}));
    kernel.foreign_tunnels = {52000};  // another one, at run time
    ASSERT_TRUE(run(Look::devices));
    const Service second{.protocol = 17, .port = 52000};
    EXPECT_EQ(kernel.steering.bypass, (std::set<Service>{configured, second}));
    kernel.foreign_tunnels = {};
    ASSERT_TRUE(run(Look::devices));
    EXPECT_EQ(kernel.steering.bypass, (std::set<Service>{configured}));
}

TEST_F(LawTest, ConfiguredServicesAreBypassedBeforeOthersWireguard) {
    std::uint16_t port = 1000;
    while (config.bypass.size() < kMaxBypassed - 1)
        config.bypass.insert({.protocol = 6, .port = port++});
    kernel.foreign_tunnels = {51999, 52000};
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.steering.bypass.size(), kMaxBypassed);
    for (const Service& service : config.bypass)
        EXPECT_TRUE(kernel.steering.bypass.contains(service));
}

TEST_F(RequireLawTest, AnUnderlayThatCannotBeFoundKeepsItsHooks) {
    join(2);
    kernel.underlays.clear();
    ASSERT_TRUE(run());
    EXPECT_TRUE(kernel.steering.hooks.contains({.ifindex = 2, .point = HookPoint::nic_out}));
    EXPECT_FALSE(reconciler->in_sync());
}

// A version with other tables: the programs of the one before serve until the new tables hold what
// the source tells, all of it.
TEST_F(RequireLawTest, ProgramsWithNewTablesWaitUntilTheseAreFilled) {
    join(2);
    kernel.steering.outdated = std::exchange(kernel.steering.hooks, {});
    kernel.steering.prefixes.clear();
    kernel.steering.new_tables = true;
    kernel.log.clear();
    start_agent();
    ASSERT_TRUE(run());
    EXPECT_EQ(std::ranges::count(kernel.log, "attach"), 0);
    EXPECT_FALSE(kernel.steering.outdated.empty());

    cache->upsert(node(2));
    cache->mark_complete();
    kernel.log.clear();
    ASSERT_TRUE(run());
    const auto attached = std::ranges::find(kernel.log, "attach");
    ASSERT_NE(attached, kernel.log.end());
    EXPECT_EQ(std::count(attached, kernel.log.end(), "set_prefix"), 0);
    EXPECT_TRUE(kernel.steering.outdated.empty());
    EXPECT_EQ(to("10.2.0.5"), encrypted_to(2));
}

TEST_F(LawTest, ADeviceWithAnotherKeyLosesItsSessionsBeforeItGetsOurs) {
    join(2);
    kernel.tunnel->public_key = key(99);
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.tunnel->public_key, key(kSelf));
    EXPECT_FALSE(kernel.tunnel->sessions.at(key(2)).last_handshake);
    EXPECT_EQ(to("10.2.0.1"), kClear);
}

TEST_F(LawTest, ALostInitiationRestartsTheSession) {
    cache->upsert(node(2));
    ASSERT_TRUE(run());
    now.steady += HandshakeDriver::kFirstRestart;
    kernel.log.clear();
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.log, (std::vector<std::string>{"remove_peer", "update_peer"}));
}

TEST_F(LawTest, NoFreeIdIsAProblemThatIsTold) {
    config.max_peers = 1;
    cache->upsert(node(2));
    cache->upsert(node(3));
    ASSERT_TRUE(run());
    EXPECT_EQ(reconciler->problems(), std::vector<std::string>{"no free peer id for node-c"});
    EXPECT_FALSE(reconciler->in_sync());
}

TEST(TunnelMtu, LeavesRoomForHeadersAndPadding) {
    EXPECT_EQ(tunnel_mtu(1500, Family::v4), 1440U);
    EXPECT_EQ(tunnel_mtu(1500, Family::v6), 1408U);
    EXPECT_EQ(tunnel_mtu(9000, Family::v4), 8928U);
    EXPECT_EQ(tunnel_mtu(1280, Family::v6), 1200U);
    EXPECT_EQ(tunnel_mtu(0, Family::v4), 576U);
}

}  // namespace
}  // namespace wgs::test
