// SPDX-License-Identifier: Apache-2.0
// Failures at every call, crashes at every step, and random histories: the agent must converge, and
// no packet may go astray on the way.
#include <algorithm>
#include <iterator>
#include <random>
#include <tuple>

#include "maps/layout.h"
#include "plan_fixture.h"
#include "random_mesh.h"

namespace wgs::test {
namespace {

// Everything that should be the same however one got there: ids may differ, so names stand for
// them.
struct Summary {
    std::map<Prefix, std::string> owners;
    std::map<PublicKey, PrefixSet> allowed;
    std::set<std::string> ready;
    std::set<Hook> hooks;
    WatchTable watched;
    bool operator==(const Summary&) const = default;
};

std::string text(const PeerRecord& record) {
    return record.name + " in " + std::to_string(record.tunnel);
}

Summary summarize(const FakeKernel& kernel) {
    Summary summary{.hooks = kernel.steering.hooks, .watched = kernel.steering.watched};
    for (const auto& [prefix, owner] : kernel.steering.prefixes) {
        const auto slot = kernel.steering.slots.find(owner.peer);
        summary.owners[prefix] = slot == kernel.steering.slots.end() ? std::to_string(owner.peer)
                                                                     : text(slot->second.record);
    }
    for (const auto& [id, slot] : kernel.steering.slots) {
        if (slot.state == WGS_STATE_READY) summary.ready.insert(text(slot.record));
    }
    for (const auto& tunnel : kernel.tunnels) {
        if (!tunnel) continue;
        for (const auto& [key, session] : tunnel->sessions) {
            summary.allowed[key] = session.allowed_ips;
        }
    }
    return summary;
}

// A history with every kind of change, each followed by one attempt.
template <class MakeNode>
void live(PeerCache& cache, const MakeNode& make_node, const std::function<void()>& attempt) {
    attempt();
    cache.upsert(make_node(2));
    cache.upsert(make_node(3));
    attempt();
    NodeInfo taker = make_node(3);
    std::ranges::copy(make_node(2).prefixes, std::back_inserter(taker.prefixes));
    NodeInfo giver = make_node(2);
    giver.prefixes.clear();
    cache.upsert(giver);
    cache.upsert(taker);
    attempt();
    giver.public_key = key(52);
    cache.upsert(giver);
    attempt();
    cache.remove("node-c");
    attempt();
}

class EachLook : public PlanFixture, public testing::WithParamInterface<std::tuple<Look, bool>> {
  protected:
    EachLook() : PlanFixture(Policy::prefer, std::get<bool>(GetParam())) {}
    [[nodiscard]] static Look look() { return std::get<Look>(GetParam()); }
};

TEST_P(EachLook, AFailureOfAnyCallIsHealedByTheNextRun) {
    live(*cache, make_node(), [&] { ASSERT_TRUE(run()); });
    const Summary expected = summarize(kernel);

    int failures = 0;
    for (int nth = 1;; ++nth) {
        kernel.~FakeKernel();
        new (&kernel) FakeKernel(own_keys());
        start_agent();
        cache->mark_complete();
        kernel.fail_call(nth);
        live(*cache, make_node(), [&] { failures += run(look()) ? 0 : 1; });
        if (kernel.failure_pending()) break;  // fewer calls than nth: all were tried
        ASSERT_TRUE(run(look())) << "call " << nth;
        EXPECT_EQ(summarize(kernel), expected) << "call " << nth;
        EXPECT_TRUE(reconciler->in_sync());
    }
    EXPECT_GT(failures, 50);  // each of them was seen, once
}

INSTANTIATE_TEST_SUITE_P(Looks, EachLook,
                         testing::Combine(testing::Values(Look::nowhere, Look::devices,
                                                          Look::everywhere),
                                          testing::Bool()));

class ConvergeTest : public PlanFixture, public testing::WithParamInterface<bool> {
  protected:
    ConvergeTest() : PlanFixture(Policy::prefer, GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(PerFamily, ConvergeTest, testing::Bool());

TEST_P(ConvergeTest, AnAgentKilledAtAnyCallLeavesWhatTheNextOneFinishes) {
    live(*cache, make_node(), [&] { ASSERT_TRUE(run()); });
    const Summary expected = summarize(kernel);
    for (int nth = 1;; ++nth) {
        kernel.~FakeKernel();
        new (&kernel) FakeKernel(own_keys());
        start_agent();
        cache->mark_complete();
        kernel.fail_call(nth);
        bool dead = false;
        live(*cache, make_node(),
             [&] { dead = dead || !run(); });  // after the failure it never runs again
        if (kernel.failure_pending()) break;
        start_agent();
        cache->mark_complete();
        live(*cache, make_node(), [] {});
        ASSERT_TRUE(run()) << "call " << nth;
        EXPECT_EQ(summarize(kernel), expected) << "call " << nth;
    }
}

class RandomHistory : public PlanFixture,
                      public testing::WithParamInterface<std::tuple<Policy, bool>> {
  protected:
    RandomHistory() : PlanFixture(std::get<Policy>(GetParam()), std::get<bool>(GetParam())) {}

    [[nodiscard]] static IpAddress own_pod(const IpAddress& like) {
        return ip(like.family() == Family::v4 ? "10.1.0.9" : "fd10:1::9");
    }

    using Outcomes = std::map<std::string, Outcome>;
    [[nodiscard]] Outcomes outcomes() const {
        Outcomes all;
        for (const char* address : {"10.2.0.1", "10.3.0.1", "10.3.0.65", "10.4.0.1", "10.5.0.1",
                                    "10.6.0.1", "192.0.2.2", "192.0.2.52", "192.0.2.3", "fd10:2::1",
                                    "fd10:3::1", "fd10:4::1", "fd10:5::1", "fd50::2", "fd50::3"}) {
            all.emplace(address, to(address));
        }
        return all;
    }
    // Narrow plans and full ones take turns.
    Status run_somehow(std::mt19937& random) {
        return run(random() % 3 == 0 ? Look::everywhere : Look::nowhere);
    }
    void random_handshakes(std::mt19937& random) { shake_hands(random, kernel, now.wall); }
};

TEST_P(RandomHistory, NothingGoesClearOrAstrayBetweenTwoStates) {
    using Kind = Outcome::Kind;
    const unsigned seed =
        testing::UnitTest::GetInstance()->random_seed() != 0
            ? static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed())
            : std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    ASSERT_TRUE(run());
    for (int i = 0; i < 2000 && !HasFailure(); ++i) {
        random_event(random, *cache, make_node());
        random_handshakes(random);
        const Outcomes before = outcomes();
        std::vector<Outcomes> between;
        kernel.on_change([&] { between.push_back(outcomes()); });
        ASSERT_TRUE(run_somehow(random));
        EXPECT_TRUE(reconciler->take_meddling().empty()) << "in round " << i;
        kernel.on_change({});
        const Outcomes after = outcomes();
        for (const Outcomes& moment : between) {
            for (const auto& [address, outcome] : moment) {
                const Outcome& old = before.at(address);
                const Outcome& now_is = after.at(address);
                if (old.kind != Kind::clear && now_is.kind != Kind::clear) {
                    EXPECT_NE(outcome.kind, Kind::clear) << address << " in round " << i;
                }
                if (old.kind == Kind::encrypted && old == now_is) {
                    EXPECT_EQ(outcome, old) << address << " in round " << i;
                }
            }
        }
    }
}

TEST_P(RandomHistory, TheWatcherIsNeverWrong) {
    const unsigned seed =
        testing::UnitTest::GetInstance()->random_seed() != 0
            ? static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed())
            : std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    config.cluster_prefixes = {prefix("10.4.0.0/16")};
    for (int i = 0; i < 1000 && !HasFailure(); ++i) {
        kernel.on_change([&] {
            for (const auto& [address, outcome] : outcomes()) {
                const bool alarm = kernel.watches(own_pod(ip(address)), ip(address));
                EXPECT_FALSE(alarm && outcome == kClear) << address << " in round " << i;
            }
        });
        ASSERT_TRUE(run_somehow(random));
        kernel.on_change({});
        for (const auto& [address, outcome] : outcomes())
            EXPECT_EQ(kernel.watches(own_pod(ip(address)), ip(address)), outcome != kClear)
                << address << " after round " << i;
        random_event(random, *cache, make_node());
        random_handshakes(random);
    }
}

TEST_P(RandomHistory, TheStateDependsOnTheLastWordNotOnTheWay) {
    std::mt19937 random(7);
    ASSERT_TRUE(run());
    for (int i = 0; i < 300; ++i) {
        random_event(random, *cache, make_node());
        if (random() % 3 != 0) continue;
        ASSERT_TRUE(run_somehow(random));
    }
    ASSERT_TRUE(run());
    const Summary grown = summarize(kernel);

    FakeKernel fresh(own_keys());
    Reconciler direct(config, own_keys(), *cache,
                      {fresh.wireguard(), fresh.tables(), fresh.links()});
    ASSERT_TRUE(direct.run(now, Look::everywhere));
    Summary expected = summarize(fresh);
    if (std::get<Policy>(GetParam()) ==
        Policy::require) {  // what departed nodes left behind stays closed
        for (const auto& [prefix, owner] : grown.owners) {
            if (owner == std::to_string(WGS_PEER_GONE)) expected.owners.emplace(prefix, owner);
        }
    }
    EXPECT_EQ(grown.owners, expected.owners);
    EXPECT_EQ(grown.allowed, expected.allowed);
    EXPECT_EQ(grown.hooks, expected.hooks);
}

INSTANTIATE_TEST_SUITE_P(BothPolicies, RandomHistory,
                         testing::Combine(testing::Values(Policy::prefer, Policy::require),
                                          testing::Bool()));

}  // namespace
}  // namespace wgs::test
