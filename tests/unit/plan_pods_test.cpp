// SPDX-License-Identifier: Apache-2.0
// Pods past the host's stack, on the kernel in memory.
#include "maps/layout.h"
#include "plan_fixture.h"

namespace wgs::test {
namespace {

constexpr std::uint32_t kVeth = 21;
constexpr std::uint32_t kOtherVeth = 22;

LocalPod pod(std::uint32_t ifindex) {
    return {.ifindex = ifindex, .mac = {2, 0, 0, 0, 0, 9}, .gateway_mac = {2, 0, 0, 0, 0, 8}};
}

Hook hook(std::uint32_t ifindex) {
    return {.ifindex = ifindex, .point = HookPoint::pod_out};
}

class PodsTest : public PlanFixture {
  protected:
    void SetUp() override {
        config.path = Path::fast;
        PlanFixture::SetUp();
        ASSERT_TRUE(run());
        kernel.log.clear();
    }
    [[nodiscard]] bool hooked(std::uint32_t ifindex) const {
        return kernel.steering.hooks.contains(hook(ifindex));
    }
};

using Log = std::vector<std::string>;

TEST_F(PodsTest, APodIsDeliveredToBeforeItIsSteered) {
    kernel.pods = {{ip("10.1.0.5"), pod(kVeth)}, {ip("fd10:1::5"), pod(kVeth)}};
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.log, (Log{"set_pod", "set_pod", "attach"}));
    EXPECT_EQ(kernel.steering.pods, kernel.pods);
    EXPECT_TRUE(hooked(kVeth));
    EXPECT_TRUE(reconciler->in_sync());
}

TEST_F(PodsTest, APodThatGoesIsNoLongerSteeredFirst) {
    kernel.pods = {{ip("10.1.0.5"), pod(kVeth)}};
    ASSERT_TRUE(run());
    kernel.log.clear();
    kernel.pods.clear();
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.log, (Log{"detach", "remove_pod"}));
    EXPECT_TRUE(kernel.steering.pods.empty());
    EXPECT_FALSE(hooked(kVeth));
}

TEST_F(PodsTest, APodThatMovesIsUpdatedInOneStore) {
    kernel.pods = {{ip("10.1.0.5"), pod(kVeth)}};
    ASSERT_TRUE(run());
    kernel.log.clear();
    kernel.pods = {{ip("10.1.0.5"), pod(kOtherVeth)}};
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.log, (Log{"detach", "set_pod", "attach"}));
    EXPECT_TRUE(hooked(kOtherVeth));
}

TEST_F(PodsTest, AVethServesUntilItsLastAddressIsGone) {
    kernel.pods = {{ip("10.1.0.5"), pod(kVeth)}, {ip("fd10:1::5"), pod(kVeth)}};
    ASSERT_TRUE(run());
    kernel.log.clear();
    kernel.pods.erase(ip("10.1.0.5"));
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.log, Log{"remove_pod"});
}

TEST_F(PodsTest, SwitchingBackTakesTheOldProgramsAwayFirst) {
    kernel.pods = {{ip("10.1.0.5"), pod(kVeth)}};
    ASSERT_TRUE(run());
    // The next agent has loaded programs of its own; those attached are outdated by then.
    kernel.steering.outdated = std::move(kernel.steering.hooks);
    kernel.steering.hooks.clear();
    kernel.log.clear();
    config.path = Path::transparent;
    start_agent();
    cache->mark_complete();
    ASSERT_TRUE(run());
    ASSERT_GE(kernel.log.size(), 3U);
    EXPECT_EQ((Log{kernel.log.begin(), kernel.log.begin() + 3}),
              (Log{"detach", "remove_pod", "attach"}));
    EXPECT_TRUE(kernel.steering.outdated.empty());
}

TEST_F(PodsTest, ATransparentNodeKnowsNoPods) {
    config.path = Path::transparent;
    start_agent();
    kernel.pods = {{ip("10.1.0.5"), pod(kVeth)}};
    ASSERT_TRUE(run());
    EXPECT_TRUE(kernel.steering.pods.empty());
}

TEST_F(PodsTest, WhatTheTableCannotHoldGoesThroughTheStack) {
    for (std::uint32_t i = 0; i < WGS_MAX_PODS + 10; ++i) {
        const std::array<std::uint8_t, 4> bytes{10, 1, static_cast<std::uint8_t>(i >> 8U),
                                                static_cast<std::uint8_t>(i)};
        kernel.pods.emplace(IpAddress::v4(bytes), pod(kVeth));
    }
    ASSERT_TRUE(run());
    EXPECT_EQ(kernel.steering.pods.size(), WGS_MAX_PODS);
    EXPECT_TRUE(reconciler->in_sync());
}

TEST_F(PodsTest, AFailureOfAnyCallIsHealedByTheNextRun) {
    for (int nth = 1; nth <= 6; ++nth) {
        kernel.pods = {{ip("10.1.0.5"), pod(kVeth)}, {ip("10.1.0.6"), pod(kOtherVeth)}};
        kernel.fail_call(nth);
        static_cast<void>(run());
        kernel.fail_call(0);
        ASSERT_TRUE(run());
        EXPECT_EQ(kernel.steering.pods, kernel.pods);
        EXPECT_TRUE(hooked(kVeth) && hooked(kOtherVeth));
        kernel.pods.clear();
        ASSERT_TRUE(run());
    }
}

}  // namespace
}  // namespace wgs::test
