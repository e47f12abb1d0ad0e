// SPDX-License-Identifier: Apache-2.0
// Where the plan puts the guard, and what it says where it does not.
#include "plan/plan.h"

#include "plan_fixture.h"

namespace wgs::test {
namespace {

constexpr Hook kGuard{.ifindex = 2, .point = HookPoint::nic_guard};
constexpr Hook kNicIn{.ifindex = 2, .point = HookPoint::nic_in};

class GuardPlan : public PlanFixture {
  protected:
    void plan_with(GuardMode mode, const std::string& kind = "") {
        config.guard = mode;
        kernel.underlays.front().kind = kind;
        ASSERT_TRUE(run());
    }
    [[nodiscard]] bool guarded() const { return kernel.steering.hooks.contains(kGuard); }
    [[nodiscard]] const Reconciler& last() const { return *reconciler; }
};

using Lines = std::vector<std::string>;

TEST_F(GuardPlan, IsOffUnlessAskedFor) {
    ASSERT_TRUE(run());
    EXPECT_FALSE(guarded());
    EXPECT_EQ(last().notes(), Lines());
}

TEST_F(GuardPlan, IsOnWhateverDeviceWhenTheModeIsNamed) {
    for (const GuardMode mode : {GuardMode::native, GuardMode::generic}) {
        plan_with(mode, "veth");
        EXPECT_TRUE(guarded());
        EXPECT_TRUE(reconciler->in_sync());
        plan_with(GuardMode::off);
        EXPECT_FALSE(guarded());
    }
}

TEST_F(GuardPlan, AutomaticallyIsOnNicsAndBondsOnly) {
    for (const char* kind : {"", "bond"}) {
        plan_with(GuardMode::automatic, kind);
        EXPECT_TRUE(guarded()) << kind;
        EXPECT_EQ(last().notes(), Lines());
    }
    for (const std::string kind : {"veth", "bridge", "vlan", "macvlan"}) {
        plan_with(GuardMode::automatic, kind);
        EXPECT_FALSE(guarded()) << kind;
        EXPECT_EQ(last().notes(),
                  Lines{"the guard is off on eth0: 'auto' spares " + kind + " devices"});
        EXPECT_TRUE(reconciler->in_sync()) << "nobody asked for it there";
    }
}

TEST_F(GuardPlan, ARefusalIsAProblemOnlyWhereTheModeWasNamed) {
    kernel.steering.refused = {{kGuard, "no room"}};
    const Lines complaint{"the guard is off on eth0: no room"};
    plan_with(GuardMode::native);
    EXPECT_FALSE(guarded());
    EXPECT_EQ(last().problems(), complaint);
    EXPECT_FALSE(reconciler->in_sync());
    plan_with(GuardMode::automatic);
    EXPECT_FALSE(guarded());
    EXPECT_EQ(last().problems(), Lines());
    EXPECT_EQ(last().notes(), complaint);
    EXPECT_TRUE(reconciler->in_sync());
    EXPECT_TRUE(kernel.steering.hooks.contains(kNicIn)) << "everything else goes on";

    kernel.steering.refused.clear();
    ASSERT_TRUE(run());
    EXPECT_TRUE(guarded()) << "the refusal was not for ever";
    EXPECT_EQ(last().notes(), Lines());
}

TEST_F(GuardPlan, AnOlderGuardIsReplacedOrRemoved) {
    kernel.steering.outdated = {kGuard};
    plan_with(GuardMode::native);
    EXPECT_TRUE(guarded());
    kernel.steering.hooks.erase(kGuard);
    kernel.steering.outdated = {kGuard};
    plan_with(GuardMode::off);
    EXPECT_FALSE(guarded());
    EXPECT_TRUE(kernel.steering.outdated.empty());
}

TEST_F(GuardPlan, FollowsTheUnderlay) {
    plan_with(GuardMode::native);
    kernel.underlays.front().ifindex = 77;
    ASSERT_TRUE(run());
    EXPECT_FALSE(guarded());
    EXPECT_TRUE(kernel.steering.hooks.contains({.ifindex = 77, .point = HookPoint::nic_guard}));
    kernel.underlays.clear();
    ASSERT_TRUE(run());
    EXPECT_TRUE(kernel.steering.hooks.contains({.ifindex = 77, .point = HookPoint::nic_guard}));
}

}  // namespace
}  // namespace wgs::test
