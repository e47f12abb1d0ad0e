// SPDX-License-Identifier: Apache-2.0
#include "plan/meddling.h"

#include "plan_fixture.h"

namespace wgs::test {
namespace {

using Deeds = std::set<std::string_view>;

// One tunnel with a peer.
std::map<TunnelIndex, TunnelState> tunnels() {
    return {{0,
             {.ifindex = 4,
              .up = true,
              .mtu = 1440,
              .port = 51820,
              .fwmark = 0x1000,
              .public_key = key(1),
              .sessions = {{key(2), {.allowed_ips = PrefixSet({prefix("10.2.0.0/24")})}}}}}};
}

// What was done between the two.
Deeds deeds(const std::function<void(TunnelState&)>& change) {
    auto found = tunnels();
    change(found.at(0));
    const Meddling meddling = find_meddling(tunnels(), found);
    return meddling.empty() ? Deeds{} : meddling.at(0);
}

TEST(MeddlingTest, WhatWireguardDoesByItselfIsNone) {
    EXPECT_EQ(deeds([](TunnelState& tunnel) {
                  Session& session = tunnel.sessions.at(key(2));
                  session.endpoint = Endpoint{.address = ip("192.0.2.7"), .port = 1};
                  session.rx_bytes = 100;
                  session.last_handshake = Clock::now();
              }),
              Deeds{});
    EXPECT_EQ(deeds([](TunnelState& tunnel) {
                  tunnel = {.ifindex = 5};  // another device
              }),
              Deeds{});
    EXPECT_TRUE(find_meddling(tunnels(), {}).empty()) << "a lost device is told otherwise";
}

TEST(MeddlingTest, EachChangeIsNamed) {
    EXPECT_EQ(deeds([](TunnelState& tunnel) { tunnel.up = false; }), Deeds{"set it down"});
    EXPECT_EQ(deeds([](TunnelState& tunnel) { tunnel.mtu = 1; }), Deeds{"changed its MTU"});
    EXPECT_EQ(deeds([](TunnelState& tunnel) { tunnel.port = 1; }), Deeds{"changed its port"});
    EXPECT_EQ(deeds([](TunnelState& tunnel) { tunnel.fwmark = 1; }), Deeds{"changed its fwmark"});
    EXPECT_EQ(deeds([](TunnelState& tunnel) { tunnel.public_key = key(9); }),
              Deeds{"changed its key"});
    EXPECT_EQ(deeds([](TunnelState& tunnel) { tunnel.sessions.clear(); }),
              Deeds{"removed a peer from it"});
    for (const std::uint8_t number : {0, 9})
        EXPECT_EQ(deeds([&](TunnelState& tunnel) { tunnel.sessions[key(number)]; }),
                  Deeds{"added a peer to it"});
    EXPECT_EQ(deeds([](TunnelState& tunnel) { tunnel.sessions.at(key(2)).allowed_ips = {}; }),
              Deeds{"changed the allowed IPs of a peer"});
}

class MeddlingInPlanTest : public PlanFixture {
  protected:
    MeddlingInPlanTest() : PlanFixture(Policy::prefer) {}
};

TEST_F(MeddlingInPlanTest, IsToldOnceAndOurOwnChangesAreNone) {
    join(2);
    join(3);
    ASSERT_TRUE(run());
    EXPECT_TRUE(reconciler->take_meddling().empty());
    kernel.underlays[0].mtu = 1400;
    ASSERT_TRUE(run(Look::devices));
    ASSERT_TRUE(run());
    EXPECT_TRUE(reconciler->take_meddling().empty()) << "the tunnel's MTU follows";
    kernel.tunnel->sessions.erase(key(2));
    ASSERT_TRUE(run());
    const auto told = reconciler->take_meddling();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].at(0), Deeds{"removed a peer from it"});
    EXPECT_TRUE(kernel.tunnel->sessions.contains(key(2))) << "it is back";
    ASSERT_TRUE(run());
    EXPECT_TRUE(reconciler->take_meddling().empty());
}

}  // namespace
}  // namespace wgs::test
