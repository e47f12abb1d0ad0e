// SPDX-License-Identifier: Apache-2.0
// A tunnel for each family: what is of the two together, and of one alone.
#include "maps/layout.h"
#include "plan_fixture.h"

namespace wgs::test {
namespace {

class PerFamily : public PlanFixture {
  protected:
    PerFamily() : PlanFixture(Policy::prefer, true) {}

    void join_both(std::uint8_t number) {
        cache->upsert(dual_node(number));
        ASSERT_TRUE(run());
        shake(number);
        ASSERT_TRUE(run());
    }
    void shake(std::uint8_t number) {
        kernel.handshake(key(number), now.wall);
        kernel.handshake(key(static_cast<std::uint8_t>(200 + number)), now.wall);
    }
    [[nodiscard]] TunnelState& tunnel(TunnelIndex index) { return *kernel.tunnels.at(index); }
};

TEST_F(PerFamily, EachFamilyIsEncryptedInItsTunnel) {
    join_both(2);
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
    EXPECT_EQ(to("fd10:2::1"), encrypted_to(202));
    EXPECT_EQ(to("fd50::2"), encrypted_to(202));
    EXPECT_EQ(tunnel(0).sessions.at(key(2)).endpoint->to_string(), "192.0.2.2:51820");
    EXPECT_EQ(tunnel(1).sessions.at(key(202)).endpoint->to_string(), "[fd50::2]:51821");
    EXPECT_EQ(tunnel(0).sessions.size(), 1U);
    EXPECT_EQ(tunnel(1).sessions.size(), 1U);
    EXPECT_TRUE(reconciler->in_sync());
}

TEST_F(PerFamily, EachDeviceHasItsKeyItsPortAndItsMtu) {
    join_both(2);
    EXPECT_EQ(tunnel(0).public_key, key(1));
    EXPECT_EQ(tunnel(0).port, 51820);
    EXPECT_EQ(tunnel(0).mtu, 1440U);
    EXPECT_EQ(tunnel(1).public_key, key(201));
    EXPECT_EQ(tunnel(1).port, 51821);
    EXPECT_EQ(tunnel(1).mtu, 1408U);
    EXPECT_EQ(tunnel(0).fwmark, tunnel(1).fwmark);
    const auto& rows = kernel.steering.tunnels;
    EXPECT_EQ(rows.at(0), (TunnelEntry{.ifindex = tunnel(0).ifindex, .port = 51820}));
    EXPECT_EQ(rows.at(1), (TunnelEntry{.ifindex = tunnel(1).ifindex, .port = 51821}));
    for (const TunnelIndex index : {0, 1}) {
        EXPECT_TRUE(kernel.steering.hooks.contains(
            {.ifindex = tunnel(index).ifindex, .point = HookPoint::wg_in}));
    }
    for (const auto& [id, slot] : kernel.steering.slots)
        EXPECT_EQ(slot.way.mtu, slot.record.tunnel == 0 ? 1440 : 1408);
}

TEST_F(PerFamily, EachIsReadyWhenItsOwnHandshakeIsDone) {
    cache->upsert(dual_node(2));
    ASSERT_TRUE(run());
    kernel.handshake(key(202), now.wall);
    ASSERT_TRUE(run());
    EXPECT_EQ(reconciler->states().at({"node-b", 0}), PeerState::waiting);
    EXPECT_EQ(reconciler->states().at({"node-b", 1}), PeerState::ready);
    EXPECT_EQ(to("10.2.0.1"), kClear);
    EXPECT_EQ(to("fd10:2::1"), encrypted_to(202));
}

TEST_F(PerFamily, ANodeWithOneKeyIsEncryptedInOneFamily) {
    NodeInfo b = dual_node(2);
    b.public_key_v6.reset();
    cache->upsert(b);
    ASSERT_TRUE(run());
    shake(2);
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
    EXPECT_EQ(to("fd10:2::1"), kClear);
    EXPECT_EQ(reconciler->states().at({"node-b", 1}), PeerState::no_key);
    EXPECT_TRUE(tunnel(1).sessions.empty());
}

TEST_F(PerFamily, ARestartedAgentKeepsBothWithoutTouchingThem) {
    join_both(2);
    kernel.log.clear();
    start_agent();
    cache->upsert(dual_node(2));
    cache->mark_complete();
    ASSERT_TRUE(run());
    EXPECT_TRUE(kernel.log.empty()) << kernel.log.front();
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
    EXPECT_EQ(to("fd10:2::1"), encrypted_to(202));
}

TEST_F(PerFamily, ADeviceThatIsLostIsMadeAnewAndTheOtherIsLeftAlone) {
    join_both(2);
    const std::uint32_t kept = tunnel(0).ifindex;
    kernel.tunnels[1].reset();
    ASSERT_TRUE(run());
    EXPECT_EQ(tunnel(0).ifindex, kept);
    EXPECT_TRUE(tunnel(0).sessions.at(key(2)).last_handshake);
    EXPECT_TRUE(tunnel(1).sessions.contains(key(202)));
    EXPECT_EQ(kernel.steering.tunnels.at(1).ifindex, tunnel(1).ifindex);
    EXPECT_EQ(to("fd10:2::1"), encrypted_to(202));  // trusted for a while
}

TEST_F(PerFamily, ANodeThatLeavesFreesBothIds) {
    join_both(2);
    cache->remove("node-b");
    ASSERT_TRUE(run(Look::nowhere));
    EXPECT_TRUE(kernel.steering.slots.empty());
    EXPECT_TRUE(tunnel(0).sessions.empty());
    EXPECT_TRUE(tunnel(1).sessions.empty());
    EXPECT_TRUE(reconciler->states().empty());
}

// The configuration has changed between two runs of the agent.
TEST_F(PerFamily, OneTunnelTakesOverWhatTwoHad) {
    join_both(2);
    config.wireguard.per_family = false;
    start_agent();
    cache->upsert(dual_node(2));
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
    cache->mark_complete();
    ASSERT_TRUE(run());
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
    EXPECT_EQ(to("fd10:2::1"), encrypted_to(2));
    EXPECT_EQ(kernel.steering.slots.size(), 1U);
    EXPECT_FALSE(kernel.steering.tunnels.contains(1));
}

}  // namespace
}  // namespace wgs::test
