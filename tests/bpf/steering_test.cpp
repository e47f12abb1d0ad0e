// SPDX-License-Identifier: Apache-2.0
// BpfSteering: what is written is observed, by the same agent and by the next one.
#include "service/bpf_steering.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "packet.h"
#include "sandbox.h"
#include "service/leak_test.h"

namespace wgs {
namespace {

constexpr PeerId kPeer = WGS_PEER_FIRST + 2;

Prefix prefix(const char* text) {
    return Prefix::parse(text).value();
}

PeerRecord record(const char* name) {
    std::array<std::uint8_t, PublicKey::kSize> key{};
    key.fill(0x5a);
    return {.name = name,
            .public_key = PublicKey(key),
            .endpoint = Endpoint{.address = IpAddress::parse("fd50::2").value(), .port = 51820}};
}

class SteeringTest : public testing::Test {
  protected:
    void SetUp() override {
        run_command("ip link add wgs-nic type veth peer name wgs-wire");
        steering_ = load();
        ASSERT_TRUE(steering_);
    }
    void TearDown() override {
        EXPECT_TRUE(BpfSteering::clean_up(settings_.bpffs));
        EXPECT_TRUE(BpfSteering::clean_up(settings_.bpffs)) << "cleaning up twice";
        EXPECT_FALSE(std::filesystem::exists(settings_.bpffs));
        run_command("ip link del wgs-nic");
    }

    [[nodiscard]] std::unique_ptr<BpfSteering> load() const {
        auto steering = BpfSteering::load(settings_);
        EXPECT_TRUE(steering) << steering.error().message;
        return steering ? std::move(*steering) : nullptr;
    }
    [[nodiscard]] Explanation explain(const Packet& packet) const {
        const auto explanation = steering_->explain(packet.bytes());
        EXPECT_TRUE(explanation) << explanation.error().message;
        return explanation.value_or(Explanation{});
    }
    // Self and one peer, as the agent would write them.
    void add_peer(std::uint32_t state) const {
        EXPECT_TRUE(steering_->set_tunnel({.ifindex = 77, .port = 51820}));
        EXPECT_TRUE(steering_->set_prefix(prefix("10.1.0.0/24"), {.peer = WGS_PEER_SELF}));
        EXPECT_TRUE(steering_->bind_peer(kPeer, record("node-b")));
        EXPECT_TRUE(steering_->set_prefix(prefix("10.2.0.0/24"), {.peer = kPeer}));
        EXPECT_TRUE(steering_->set_peer_way(kPeer, {.mtu = 1440, .underlay = 0}));
        EXPECT_TRUE(steering_->set_peer_state(kPeer, state));
    }

    BpfSteering::Settings settings_{.bpffs = new_bpffs_path(), .max_peers = 16};
    std::unique_ptr<BpfSteering> steering_;
};

TEST_F(SteeringTest, TheNextAgentFindsEverything) {
    SteeringState wanted;
    wanted.prefixes = {
        {prefix("10.1.0.0/24"), {.peer = WGS_PEER_SELF}},
        {prefix("192.168.50.2/32"), {.peer = kPeer, .prefix_class = PrefixClass::node}},
        {prefix("fd10:2::/64"), {.peer = kPeer}}};
    wanted.slots = {
        {kPeer,
         {.state = WGS_STATE_READY,
          .way = {.mtu = 1440, .underlay = 3},
          .record = record("node-b")}},
        {kPeer + 1, {.state = WGS_STATE_UNUSED, .way = {}, .record = {.name = "bound-only"}}}};
    wanted.tunnel = {.ifindex = 7, .port = 51820};
    wanted.underlays = {{std::uint8_t{3}, {.ifindex = 2, .mac = {2, 0, 0, 0, 0, 9}}}};
    wanted.bypass = {{.protocol = 6, .port = 6443}, {.protocol = 1}};
    wanted.watched = {{prefix("10.1.0.0/24"), WGS_WATCH_FROM | WGS_WATCH_POD},
                      {prefix("10.2.0.0/24"), 0},
                      {prefix("fd10:2::/64"), WGS_WATCH_TO | WGS_WATCH_POD}};
    for (const auto& [key, flags] : wanted.watched)
        ASSERT_TRUE(steering_->set_watch(key, flags));
    for (const auto& [key, owner] : wanted.prefixes)
        ASSERT_TRUE(steering_->set_prefix(key, owner));
    for (const auto& [id, slot] : wanted.slots) {
        ASSERT_TRUE(steering_->bind_peer(id, slot.record));
        ASSERT_TRUE(steering_->set_peer_way(id, slot.way));
        ASSERT_TRUE(steering_->set_peer_state(id, slot.state));
    }
    for (const auto& [index, entry] : wanted.underlays)
        ASSERT_TRUE(steering_->set_underlay(index, entry));
    for (const Service& service : wanted.bypass)
        ASSERT_TRUE(steering_->add_bypass(service));
    ASSERT_TRUE(steering_->set_tunnel(wanted.tunnel));

    const auto found = load()->observe();
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->prefixes, wanted.prefixes);
    EXPECT_EQ(found->slots, wanted.slots);
    EXPECT_EQ(found->tunnel, wanted.tunnel);
    EXPECT_EQ(found->underlays, wanted.underlays);
    EXPECT_EQ(found->bypass, wanted.bypass);
    EXPECT_EQ(found->watched, wanted.watched);
    ASSERT_TRUE(steering_->remove_watch(prefix("fd10:2::/64")));
    EXPECT_EQ(steering_->observe()->watched.size(), 2U);
    EXPECT_EQ(load()->observe()->watched, steering_->observe()->watched);
}

TEST_F(SteeringTest, FreedUnderlaysAndServicesAreGone) {
    ASSERT_TRUE(steering_->set_underlay(3, {.ifindex = 2}));
    ASSERT_TRUE(steering_->set_underlay(3, {}));
    ASSERT_TRUE(steering_->add_bypass({.protocol = 6, .port = 6443}));
    ASSERT_TRUE(steering_->remove_bypass({.protocol = 6, .port = 6443}));
    EXPECT_TRUE(steering_->observe()->underlays.empty());
    EXPECT_TRUE(steering_->observe()->bypass.empty());
}

TEST_F(SteeringTest, HooksOfAnEarlierAgentAreCurrent) {
    const Hook hook{.ifindex = index_of("wgs-nic"), .point = HookPoint::nic_out};
    ASSERT_TRUE(steering_->attach(hook));
    EXPECT_EQ(load()->observe()->hooks, std::set{hook});
}

TEST_F(SteeringTest, HooksOfAnAgentWithOtherSettingsAreShownButNotAsCurrent) {
    const Hook hook{.ifindex = index_of("wgs-nic"), .point = HookPoint::nic_out};
    ASSERT_TRUE(steering_->attach(hook));
    EXPECT_EQ(steering_->observe()->hooks, std::set{hook});

    settings_.policy = Policy::require;
    const auto next = load();
    EXPECT_TRUE(next->observe()->hooks.empty());
    ASSERT_EQ(next->hooks()->size(), 1U);
    EXPECT_FALSE(next->hooks()->front().current);
    ASSERT_TRUE(next->attach(hook));
    EXPECT_EQ(next->observe()->hooks, std::set{hook});
    EXPECT_EQ(next->hooks()->front().program, "wgs_nic_out");
}

TEST_F(SteeringTest, TheGuardRunsInTheModeAskedFor) {
    const Hook hook{.ifindex = index_of("wgs-nic"), .point = HookPoint::nic_guard};
    for (const auto& [mode, kind] :
         {std::pair(GuardMode::generic, "generic"), std::pair(GuardMode::native, "native")}) {
        settings_.guard = mode;
        steering_ = load();
        EXPECT_FALSE(steering_->observe()->hooks.contains(hook)) << "not in this mode";
        ASSERT_TRUE(steering_->attach(hook));
        EXPECT_EQ(steering_->observe()->hooks, std::set{hook});
        EXPECT_TRUE(steering_->observe()->outdated.empty());
        EXPECT_EQ(steering_->hooks()->front().kind, kind);
    }
    settings_.hosts = true;
    steering_ = load();
    EXPECT_EQ(steering_->observe()->outdated, std::set{hook});
    ASSERT_TRUE(steering_->detach(hook));
    EXPECT_TRUE(steering_->hooks()->empty());
}

TEST_F(SteeringTest, AGuardThatCannotBeAttachedStopsNothing) {
    const Hook hook{.ifindex = index_of("lo"), .point = HookPoint::nic_guard};
    settings_.guard = GuardMode::native;
    steering_ = load();
    ASSERT_TRUE(steering_->attach(hook));
    const auto state = steering_->observe();
    EXPECT_TRUE(state->hooks.empty());
    EXPECT_EQ(state->refused,
              (std::map<Hook, std::string>{{hook, "the driver has no native XDP"}}));
}

TEST_F(SteeringTest, RemovedPrefixesAndPeersAreGone) {
    add_peer(WGS_STATE_READY);
    ASSERT_TRUE(steering_->remove_prefix(prefix("10.2.0.0/24")));
    EXPECT_TRUE(steering_->remove_prefix(prefix("10.2.0.0/24"))) << "removing twice";
    ASSERT_TRUE(steering_->release_peer(kPeer));
    EXPECT_EQ(steering_->observe()->prefixes.size(), 1U);
    EXPECT_TRUE(steering_->observe()->slots.empty());
}

TEST_F(SteeringTest, ExplainsWithTheProgramItself) {
    add_peer(WGS_STATE_READY);
    const Packet packet = ethernet{} / ipv4{} / udp{};
    const Explanation ready = explain(packet);
    EXPECT_EQ(ready.verdict, Verdict::steer);
    EXPECT_EQ(ready.reason, WGS_REASON_steered);
    EXPECT_EQ(ready.peer, kPeer);

    ASSERT_TRUE(steering_->set_peer_state(kPeer, WGS_STATE_STALLED));
    EXPECT_EQ(explain(packet).verdict, Verdict::pass);
    EXPECT_EQ(explain(packet).reason, WGS_REASON_stalled);
    EXPECT_TRUE(steering_->verdict_totals()->empty()) << "an explanation was counted";
}

TEST_F(SteeringTest, TheSelfTestTellsWhetherTheWatcherSees) {
    const auto self_test = [&] {
        return test_leak_watch(*steering_, *steering_->observe(), kDefaultFwmark);
    };
    EXPECT_EQ(self_test().outcome, SelfTest::nothing_yet);
    add_peer(WGS_STATE_READY);
    ASSERT_TRUE(steering_->set_watch(prefix("10.1.0.0/24"), WGS_WATCH_FROM | WGS_WATCH_POD));
    ASSERT_TRUE(steering_->set_watch(prefix("10.2.0.0/24"), WGS_WATCH_TO | WGS_WATCH_POD));
    EXPECT_EQ(self_test().outcome, SelfTest::passed) << self_test().detail;
    EXPECT_EQ(steering_->leak_total()->packets, 0U) << "the test was counted";

    const auto other = load();
    ASSERT_TRUE(other->remove_watch(prefix("10.2.0.0/24")));  // behind the back of the first
    EXPECT_EQ(self_test().outcome, SelfTest::failed);
    EXPECT_EQ(self_test().detail, "does not see clear text 10.1.0.0 > 10.2.0.0");
    ASSERT_TRUE(other->set_watch(prefix("10.2.0.0/24"), WGS_WATCH_TO | WGS_WATCH_POD));

    const SteeringState before = *steering_->observe();
    ASSERT_TRUE(other->set_tunnel({.ifindex = 77, .port = 7}));
    EXPECT_EQ(test_leak_watch(*steering_, before, kDefaultFwmark).detail,
              "takes encrypted packets for clear text");
}

TEST_F(SteeringTest, WhatLeaksIsCountedAndSampled) {
    const Hook hook{.ifindex = index_of("wgs-nic"), .point = HookPoint::leak_watch};
    ASSERT_TRUE(steering_->attach(hook));
    EXPECT_TRUE(steering_->leak_flows()->empty());
    ASSERT_TRUE(steering_->set_watch(prefix("10.1.0.0/24"), WGS_WATCH_FROM | WGS_WATCH_POD));
    ASSERT_TRUE(steering_->set_watch(prefix("10.2.0.0/24"), WGS_WATCH_TO | WGS_WATCH_POD));
    run_command("ip link set wgs-wire up && ip link set wgs-nic up");
    run_command("ip addr add 10.1.0.1/24 dev wgs-nic && ip route add 10.2.0.0/24 dev wgs-nic");
    run_command("ip neigh add 10.2.0.9 lladdr 02:00:00:00:00:09 dev wgs-nic");
    run_command("ping -q -c 2 -i 0.01 -W 1 10.2.0.9 >/dev/null || true");
    EXPECT_EQ(steering_->leak_total()->packets, 2U);
    const auto flows = steering_->leak_flows();
    ASSERT_EQ(flows->size(), 1U);
    EXPECT_EQ(to_string(flows->front()), "10.1.0.1 > 10.2.0.9 icmp by wgs-nic: 2 packets");
    EXPECT_EQ(flows->front().bytes, 2 * 84U);
    EXPECT_LE(Clock::now() - flows->front().last, std::chrono::seconds(5));
    EXPECT_GE(Clock::now(), flows->front().last);
}

TEST_F(SteeringTest, PolicyRequireDropsInstead) {
    settings_.policy = Policy::require;
    steering_ = load();
    add_peer(WGS_STATE_WAITING);
    EXPECT_EQ(explain(ethernet{} / ipv4{} / udp{}).verdict, Verdict::drop);
}

TEST_F(SteeringTest, BindingAnIdClearsItsCounters) {
    add_peer(WGS_STATE_READY);
    const Hook hook{.ifindex = index_of("wgs-nic"), .point = HookPoint::nic_out};
    ASSERT_TRUE(steering_->attach(hook));
    run_command("ip link set wgs-wire up && ip link set wgs-nic up");
    run_command("ip addr add 10.1.0.1/24 dev wgs-nic && ip route add 10.2.0.0/24 dev wgs-nic");
    run_command("ip neigh add 10.2.0.9 lladdr 02:00:00:00:00:09 dev wgs-nic");
    run_command("ping -q -c 1 -W 1 10.2.0.9 >/dev/null || true");
    EXPECT_EQ(steering_->peer_stats(kPeer)->by_reason[WGS_REASON_steered].packets, 1U);
    ASSERT_TRUE(steering_->bind_peer(kPeer, record("node-c")));
    EXPECT_EQ(steering_->peer_stats(kPeer)->by_reason[WGS_REASON_steered].packets, 0U);
}

}  // namespace
}  // namespace wgs
