// SPDX-License-Identifier: Apache-2.0
// Plans of what has changed, against the state as it is remembered.
#include <random>
#include <thread>
#include <tuple>

#include "plan_fixture.h"
#include "random_mesh.h"

namespace wgs::test {
namespace {

class ScopeTest : public PlanFixture {
  protected:
    using PlanFixture::PlanFixture;

    void expect_that_memory_is_true() {
        const ActualState& actual = reconciler->actual();
        EXPECT_EQ(actual.steering.prefixes, kernel.steering.prefixes);
        EXPECT_EQ(actual.steering.slots, kernel.steering.slots);
        EXPECT_EQ(actual.steering.watched, kernel.steering.watched);
        EXPECT_EQ(actual.steering.hooks, kernel.steering.hooks);
        EXPECT_EQ(actual.steering.underlays, kernel.steering.underlays);
        EXPECT_EQ(actual.steering.tunnels, kernel.steering.tunnels);
        ASSERT_EQ(actual.tunnels.size(), kernel.tunnels.size());
        for (const auto& [index, tunnel] : actual.tunnels)
            expect_that_memory_is_true(tunnel, *kernel.tunnels.at(index));
    }
    static void expect_that_memory_is_true(const TunnelState& actual, const TunnelState& there) {
        ASSERT_EQ(actual.sessions.size(), there.sessions.size());
        for (const auto& [peer, session] : there.sessions) {
            const Session& remembered = actual.sessions.at(peer);
            EXPECT_EQ(remembered.allowed_ips, session.allowed_ips);
            EXPECT_EQ(remembered.endpoint, session.endpoint);
            EXPECT_EQ(remembered.keepalive, session.keepalive);
        }
    }
    void expect_that_nothing_is_left() {
        kernel.log.clear();
        ASSERT_TRUE(run_at_once(Look::everywhere));
        EXPECT_TRUE(kernel.log.empty()) << kernel.log.front();
    }
};

class ScopeHistory : public ScopeTest,
                     public testing::WithParamInterface<std::tuple<Policy, bool>> {
  protected:
    ScopeHistory() : ScopeTest(std::get<Policy>(GetParam()), std::get<bool>(GetParam())) {}
};

TEST_P(ScopeHistory, ANarrowPlanLeavesNothingForAFullOne) {
    config.cluster_prefixes = {prefix("10.4.0.0/16")};
    kernel.underlays.push_back(
        {.name = "eth1", .ifindex = 3, .mac = {2, 0, 0, 0, 0, 3}, .mtu = 1500, .up = true});
    kernel.routes = {{ip("192.0.2.3"), 3}, {ip("192.0.2.52"), 3}, {ip("fd50::4"), 3}};
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    ASSERT_TRUE(run_at_once(Look::everywhere));
    for (int i = 0; i < 2000 && !HasFailure(); ++i) {
        SCOPED_TRACE("round " + std::to_string(i));
        if (random() % 4 == 0) {
            shake_hands(random, kernel, now.wall);
            ASSERT_TRUE(run_at_once(Look::everywhere));
        }
        for (auto events = 1 + random() % 3; events > 0; --events)
            random_event(random, *cache, make_node());
        ASSERT_TRUE(run_at_once(random() % 4 == 0 ? Look::devices : Look::nowhere));
        EXPECT_TRUE(reconciler->in_sync());
        expect_that_memory_is_true();
        expect_that_nothing_is_left();
    }
}

INSTANTIATE_TEST_SUITE_P(BothPolicies, ScopeHistory,
                         testing::Combine(testing::Values(Policy::prefer, Policy::require),
                                          testing::Bool()));

TEST_F(ScopeTest, AChangeIsFollowedWithoutLooking) {
    join(2);
    join(3);
    const int looks = kernel.looks;
    NodeInfo grown = node(2);
    grown.prefixes.push_back(prefix("10.77.0.0/24"));
    cache->upsert(grown);
    kernel.log.clear();
    ASSERT_TRUE(run(Look::nowhere));
    EXPECT_EQ(to("10.77.0.1"), encrypted_to(2));
    EXPECT_EQ(kernel.log,
              (std::vector<std::string>{"set_watch", "update_peer", "set_prefix", "set_watch"}));
    EXPECT_EQ(kernel.looks, looks);
    EXPECT_TRUE(reconciler->in_sync());
}

TEST_F(ScopeTest, APeerWhoseHandshakeMayHaveComeIsNotRestarted) {
    cache->upsert(node(2));
    ASSERT_TRUE(run());
    kernel.handshake(key(2), now.wall);
    now.steady += HandshakeDriver::kFirstRestart;
    NodeInfo grown = node(2);
    grown.prefixes.push_back(prefix("10.77.0.0/24"));
    cache->upsert(grown);
    ASSERT_TRUE(run(Look::nowhere));
    EXPECT_TRUE(kernel.tunnel->sessions.at(key(2)).last_handshake);
}

TEST_F(ScopeTest, DevicesAreFollowedWithoutReadingPeers) {
    join(2);
    kernel.tunnel->sessions.at(key(2)).allowed_ips.erase(prefix("10.2.0.0/24"));
    kernel.steering.hooks.erase({.ifindex = 2, .point = HookPoint::nic_out});
    ASSERT_TRUE(run(Look::devices));
    EXPECT_TRUE(kernel.steering.hooks.contains({.ifindex = 2, .point = HookPoint::nic_out}));
    EXPECT_EQ(to("10.2.0.1").kind, Outcome::Kind::lost);
    ASSERT_TRUE(run(Look::everywhere));
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
}

TEST_F(ScopeTest, ALostTunnelIsAReasonToLookEverywhere) {
    join(2);
    kernel.tunnel->up = false;
    ASSERT_TRUE(run(Look::devices));
    EXPECT_TRUE(kernel.tunnel->up);
    kernel.tunnel.reset();
    ASSERT_TRUE(run(Look::devices));
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
}

TEST_F(ScopeTest, WhatComesWhileTheSourceIsTellingIsPlannedTogether) {
    constexpr int kMany = 20'000;
    config.max_peers = 2 * kMany;
    start_agent();  // whose source is not complete
    for (int i = 0; i < kMany; ++i)
        cache->upsert({.name = "many-" + std::to_string(i)});
    ASSERT_TRUE(run());
    ASSERT_TRUE(reconciler->gathers_until()) << "that was dear";

    const auto is_planned = [&](const char* name) {
        return reconciler->states().contains(PeerName{name, 0});
    };
    cache->upsert(node(2));
    ASSERT_TRUE(run_at_once(Look::nowhere));
    EXPECT_FALSE(is_planned("node-b"));
    EXPECT_FALSE(reconciler->in_sync());
    now.steady = *reconciler->gathers_until();
    ASSERT_TRUE(run_at_once(Look::nowhere));
    EXPECT_TRUE(is_planned("node-b"));

    cache->upsert(node(3));
    ASSERT_TRUE(run_at_once(Look::nowhere));
    EXPECT_FALSE(is_planned("node-c"));
    cache->mark_complete();
    ASSERT_TRUE(run_at_once(Look::nowhere)) << "nothing more is to come";
    EXPECT_TRUE(is_planned("node-c"));
    EXPECT_TRUE(reconciler->in_sync());
    EXPECT_FALSE(reconciler->gathers_until());
}

TEST_F(ScopeTest, APeerWithoutAnIdGetsTheFirstThatIsFreed) {
    config.max_peers = 1;
    cache->upsert(node(2));
    cache->upsert(node(3));
    ASSERT_TRUE(run());
    EXPECT_FALSE(reconciler->in_sync());
    cache->remove("node-b");
    ASSERT_TRUE(run(Look::nowhere));
    ASSERT_TRUE(run(Look::everywhere));
    EXPECT_TRUE(reconciler->in_sync());
    kernel.handshake(key(3), now.wall);
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.3.0.1"), encrypted_to(3));
}

TEST_F(ScopeTest, ALongPlanGoesOnWhereItStopped) {
    join(2);
    kernel.on_change([] { std::this_thread::sleep_for(Reconciler::kSlice); });
    cache->upsert(node(3));
    ASSERT_TRUE(reconciler->run(now, Look::nowhere));
    EXPECT_TRUE(reconciler->busy());
    EXPECT_FALSE(reconciler->in_sync());
    cache->remove("node-b");
    cache->upsert(node(4));
    int slices = 1;
    for (; reconciler->busy(); ++slices)
        ASSERT_TRUE(reconciler->run(now, Look::nowhere));
    kernel.on_change({});
    EXPECT_GT(slices, 3);
    EXPECT_TRUE(reconciler->in_sync());
    EXPECT_EQ(kernel.tunnel->sessions.size(), 2U);
    expect_that_memory_is_true();
    expect_that_nothing_is_left();
}

TEST_F(ScopeTest, TransitionsAreToldOnce) {
    join(2);
    EXPECT_EQ(reconciler->take_transitions().size(), 2U);  // it came, and was ready
    cache->remove("node-b");
    ASSERT_TRUE(run(Look::nowhere));
    const auto transitions = reconciler->take_transitions();
    ASSERT_EQ(transitions.size(), 1U);
    EXPECT_EQ(transitions.front().name, "node-b");
    EXPECT_EQ(transitions.front().before, PeerState::ready);
    EXPECT_EQ(transitions.front().after, std::nullopt);
    EXPECT_TRUE(reconciler->take_transitions().empty());
}

}  // namespace
}  // namespace wgs::test
