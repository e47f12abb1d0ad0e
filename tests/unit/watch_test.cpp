// SPDX-License-Identifier: Apache-2.0
// What the watcher of leaving packets is told, and when: never of something that may leave in
// clear.
#include <algorithm>

#include "maps/layout.h"
#include "plan_fixture.h"

namespace wgs::test {
namespace {

constexpr const char* kOwnPod = "10.1.0.9";
constexpr const char* kOwnNode = "192.0.2.1";
const Hook kWatcher{.ifindex = 2, .point = HookPoint::leak_watch};

// After every change checks that what is watched does not leave in clear.
template <class Fixture>
class Watching : public Fixture {
  protected:
    void SetUp() override {
        Fixture::SetUp();
        this->kernel.on_change([this] {
            for (const char* address : {"10.2.0.1", "10.2.0.65", "10.3.0.1"}) {
                EXPECT_FALSE(watches(address) && this->to(address) == Fixture::kClear) << address;
            }
        });
    }
    [[nodiscard]] bool watches(const char* destination, const char* source = kOwnPod) const {
        return this->kernel.watches(ip(source), ip(destination));
    }
    void restart() {
        this->start_agent();
        this->cache->mark_complete();
    }
};

using WatchTest = Watching<PlanFixture>;
using RequireWatchTest = Watching<RequirePlanFixture>;

TEST_F(WatchTest, APeerIsWatchedWhileItIsSteered) {
    cache->upsert(node(2));
    ASSERT_TRUE(run());
    EXPECT_FALSE(watches("10.2.0.1"));
    kernel.handshake(key(2), now.wall);
    ASSERT_TRUE(run());
    EXPECT_TRUE(watches("10.2.0.1"));
    EXPECT_TRUE(watches("192.0.2.2"));

    NodeInfo rekeyed = node(2);
    rekeyed.public_key = key(42);
    cache->upsert(rekeyed);
    ASSERT_TRUE(run());
    EXPECT_FALSE(watches("10.2.0.1"));
    cache->remove("node-b");
    ASSERT_TRUE(run());
    EXPECT_FALSE(kernel.steering.watched.contains(prefix("10.2.0.0/24")));
}

TEST_F(WatchTest, OnlyWhatIsOursIsWatchedOnItsWayOut) {
    join(2);
    join(3);
    EXPECT_TRUE(watches("10.3.0.1"));
    EXPECT_FALSE(watches("10.3.0.1", "10.2.0.1"));
    EXPECT_FALSE(watches("10.1.0.2"));
}

TEST_F(WatchTest, AMovingPrefixIsWatchedIfItsNewPeerIsSteered) {
    join(2);
    join(3);
    NodeInfo from = node(2);
    NodeInfo onto = node(3);
    onto.prefixes.push_back(from.prefixes.front());
    from.prefixes.clear();
    cache->upsert(from);
    cache->upsert(onto);
    ASSERT_TRUE(run());
    EXPECT_TRUE(watches("10.2.0.1"));

    NodeInfo taker = node(4);
    taker.prefixes = node(2).prefixes;
    cache->upsert(node(3));
    cache->upsert(taker);
    ASSERT_TRUE(run());
    EXPECT_FALSE(watches("10.2.0.1"));
}

TEST_F(WatchTest, AShorterPrefixDoesNotSpeakForALongerOne) {
    join(2);
    NodeInfo inside = node(3);
    inside.prefixes = {prefix("10.2.0.64/26")};
    cache->upsert(inside);
    ASSERT_TRUE(run());
    EXPECT_TRUE(watches("10.2.0.1"));
    EXPECT_FALSE(watches("10.2.0.65"));
    cache->remove("node-c");
    ASSERT_TRUE(run());
    EXPECT_TRUE(watches("10.2.0.65"));
}

TEST_F(WatchTest, NodesAreWatchedAmongThemselvesWithHosts) {
    join(2);
    EXPECT_FALSE(watches("192.0.2.2", kOwnNode));
    EXPECT_TRUE(watches("10.2.0.1", kOwnNode));
    config.hosts = true;
    restart();
    join(2);
    EXPECT_TRUE(watches("192.0.2.2", kOwnNode));
}

TEST_F(WatchTest, OverlaysAreWatchedUnlessOff) {
    const auto row = [&] { return kernel.steering.watched.at(prefix("192.0.2.2/32")); };
    join(2);
    EXPECT_EQ(row(), static_cast<std::uint32_t>(WGS_WATCH_TO | WGS_WATCH_OVERLAY));
    config.overlay = false;
    restart();
    join(2);
    EXPECT_EQ(row(), static_cast<std::uint32_t>(WGS_WATCH_TO));
}

TEST_F(WatchTest, UnclaimedClusterPrefixesMayLeaveInClearUnderPrefer) {
    config.cluster_prefixes = {prefix("10.0.0.0/8")};
    join(2);
    EXPECT_FALSE(watches("10.3.0.1"));
}

TEST_F(RequireWatchTest, EverythingIsWatchedFromTheMomentItIsKnown) {
    config.cluster_prefixes = {prefix("10.3.0.0/16")};
    cache->upsert(node(2));
    ASSERT_TRUE(run());
    EXPECT_TRUE(watches("10.2.0.1"));
    EXPECT_TRUE(watches("10.3.0.1"));
    EXPECT_TRUE(watches("10.3.0.1", "10.2.0.1"));
    cache->remove("node-b");
    ASSERT_TRUE(run());
    EXPECT_TRUE(watches("10.2.0.1"));
    restart();
    ASSERT_TRUE(run());
    EXPECT_TRUE(watches("10.2.0.1"));
}

TEST_F(RequireWatchTest, GoingBackToPreferIsNoAlarm) {
    join(2);
    cache->upsert(node(3));
    ASSERT_TRUE(run());
    EXPECT_TRUE(watches("10.3.0.1"));
    config.policy = Policy::prefer;
    const Hook steering{.ifindex = 2, .point = HookPoint::nic_out};
    kernel.steering.hooks.erase(steering);  // that of other settings is not current, but drops
    kernel.on_change(
        [&] { EXPECT_FALSE(kernel.steering.hooks.contains(steering) && watches("10.3.0.1")); });
    start_agent();
    ASSERT_TRUE(run());  // the source has not told anything yet
    EXPECT_FALSE(watches("10.3.0.1"));
    EXPECT_TRUE(watches("10.2.0.1"));
    cache->upsert(node(2));
    cache->upsert(node(3));
    cache->mark_complete();
    ASSERT_TRUE(run());
    EXPECT_FALSE(watches("10.3.0.1"));
    EXPECT_TRUE(watches("10.2.0.1"));
}

TEST_F(WatchTest, TheWatcherIsAttachedAfterTheProgramItChecks) {
    std::vector<HookPoint> order;
    kernel.on_change([&] {
        for (const Hook& hook : kernel.steering.hooks) {
            if (std::ranges::find(order, hook.point) == order.end()) order.push_back(hook.point);
        }
    });
    ASSERT_TRUE(run());
    std::erase_if(order, [](HookPoint point) {
        return point != HookPoint::nic_out && point != HookPoint::leak_watch;
    });
    EXPECT_EQ(order, (std::vector{HookPoint::nic_out, HookPoint::leak_watch}));
}

TEST_F(WatchTest, OffLeavesNeitherProgramNorTables) {
    join(2);
    EXPECT_TRUE(kernel.steering.hooks.contains(kWatcher));
    config.leak_watch = false;
    restart();
    ASSERT_TRUE(run());
    EXPECT_FALSE(kernel.steering.hooks.contains(kWatcher));
    EXPECT_TRUE(kernel.steering.watched.empty());
    join(2);
    EXPECT_TRUE(kernel.steering.watched.empty());
}

}  // namespace
}  // namespace wgs::test
