// SPDX-License-Identifier: Apache-2.0
#include "plan/health.h"

#include "maps/layout.h"
#include "plan_fixture.h"

namespace wgs::test {
namespace {

using namespace std::chrono_literals;

// A proven session that is looked at twice a second.
class HealthDriverTest : public testing::Test {
  protected:
    HealthDriverTest() { look(); }

    void look() { driver_.update(now_, sessions_); }
    void shake_hands() { session().last_handshake = Clock::time_point(now_.time_since_epoch()); }
    Session& session() { return sessions_[key(2)]; }
    // For so long, what is sent and received every half second.
    void pass(std::chrono::seconds time, std::uint64_t sent, std::uint64_t received) {
        for (int i = 0; i < 2 * time.count(); ++i) {
            now_ += 500ms;
            session().tx_bytes += sent;
            session().rx_bytes += received;
            look();
        }
    }
    [[nodiscard]] std::optional<Ailment> ailment() const {
        const auto found = driver_.ailments().find(key(2));
        if (found == driver_.ailments().end()) return std::nullopt;
        return found->second;
    }
    [[nodiscard]] bool stalled() const { return driver_.advice(key(2)).stalled; }
    // Removes the session and adds it again.
    void restart() {
        driver_.restarted(now_, key(2));
        session() = {};
        look();
    }

    HealthDriver driver_;
    HealthDriver::Time now_{1h};
    std::map<PublicKey, Session> sessions_{{key(2), {.last_handshake = Clock::time_point(1h)}}};
};

TEST_F(HealthDriverTest, TrafficBothWaysAndNoneAreHealthy) {
    pass(60s, 1500, 96);
    EXPECT_EQ(ailment(), std::nullopt);
    pass(600s, 0, 0);
    EXPECT_EQ(ailment(), std::nullopt);
    pass(60s, 0, 1500);
    EXPECT_EQ(ailment(), std::nullopt);
}

TEST_F(HealthDriverTest, SilenceIsNamedWithinTenSeconds) {
    pass(30s, 128, 128);
    const auto last_answer = now_;
    pass(7s, 128, 0);
    ASSERT_TRUE(ailment());
    EXPECT_EQ(ailment()->since, last_answer + 500ms);
    EXPECT_FALSE(ailment()->stalled) << "a one-way flow looks the same";
    EXPECT_FALSE(stalled());
}

TEST_F(HealthDriverTest, AOneWayFlowWithItsKeepalivesIsSuspectedOnceAndNeverStalled) {
    int suspicions = 0;
    for (int i = 0; i < 60; ++i) {
        pass(10s, 1500, 0);
        suspicions += ailment() ? 1 : 0;
        session().rx_bytes += 32;
        pass(1s, 1500, 0);
        EXPECT_EQ(ailment(), std::nullopt);
    }
    EXPECT_EQ(suspicions, 1);
    EXPECT_FALSE(stalled());
}

TEST_F(HealthDriverTest, AFaultThatFollowsAnotherIsNamedAsSoon) {
    pass(8s, 128, 0);
    ASSERT_TRUE(ailment());
    pass(5s, 128, 128);
    ASSERT_FALSE(ailment());
    pass(8s, 128, 0);
    EXPECT_TRUE(ailment()) << "the first one was no flow in one direction";
}

TEST_F(HealthDriverTest, KeepalivesOfOursWantNoAnswer) {
    for (int i = 0; i < 40; ++i) {
        pass(4s, 0, 0);
        session().tx_bytes += 32;
        pass(1s, 0, 0);
        EXPECT_EQ(ailment(), std::nullopt);
    }
}

TEST_F(HealthDriverTest, RekeyingOfAnIdleSessionIsNoSilence) {
    for (int i = 0; i < 20; ++i) {
        session().tx_bytes += 148;
        pass(1s, 0, 0);
        session().rx_bytes += 92;
        session().tx_bytes += 32;
        shake_hands();
        pass(14s, 0, 0);
        EXPECT_EQ(ailment(), std::nullopt);
    }
}

TEST_F(HealthDriverTest, APeerThatAnswersNeitherDataNorHandshakesStalls) {
    pass(15s, 128, 0);
    EXPECT_FALSE(stalled());
    pass(8s, 128, 0);
    EXPECT_TRUE(stalled());
    EXPECT_EQ(ailment()->handshakes, false);
    EXPECT_EQ(driver_.advice(key(2)), (HealthAdvice{.stalled = true, .restart = true}));
}

TEST_F(HealthDriverTest, OneLostPacketStallsADeadPeerAsWireguardKeepsTrying) {
    session().tx_bytes += 96;
    pass(15s, 0, 0);
    for (int i = 0; i < 8; ++i) {
        session().tx_bytes += 148;
        pass(5s, 0, 0);
    }
    EXPECT_TRUE(stalled());
}

TEST_F(HealthDriverTest, OneLostPacketToALivingPeerIsNothing) {
    session().tx_bytes += 96;
    pass(15s, 0, 0);
    session().tx_bytes += 148;
    session().rx_bytes += 92;
    shake_hands();
    pass(600s, 0, 0);
    EXPECT_EQ(ailment(), std::nullopt);
    pass(2s, 96, 96);
    EXPECT_EQ(ailment(), std::nullopt);
}

TEST_F(HealthDriverTest, HandshakesWithoutDataStall) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(stalled()) << i;
        pass(15s, 1500, 0);
        session().rx_bytes += 92;
        shake_hands();
        pass(1s, 1500, 0);
    }
    EXPECT_TRUE(stalled());
    EXPECT_TRUE(ailment()->handshakes);
}

TEST_F(HealthDriverTest, DataEndsIt) {
    pass(30s, 128, 0);
    ASSERT_TRUE(stalled());
    pass(1s, 128, 96);
    EXPECT_FALSE(stalled());
    EXPECT_EQ(ailment(), std::nullopt);
}

TEST_F(HealthDriverTest, ANewSessionStaysStalledUntilItIsProven) {
    pass(30s, 128, 0);
    restart();
    EXPECT_EQ(driver_.advice(key(2)), (HealthAdvice{.stalled = true, .restart = false}));
    pass(120s, 148, 0);
    EXPECT_TRUE(stalled());
    EXPECT_EQ(ailment()->restarts, 1U);
    shake_hands();
    pass(1s, 0, 0);
    EXPECT_FALSE(stalled());
}

TEST_F(HealthDriverTest, APeerThatStallsAgainAndAgainIsRestartedMoreAndMoreSeldom) {
    int restarts = 0;
    for (int i = 0; i < 2 * 3600; ++i) {
        pass(1s, 128, 0);
        if (!driver_.advice(key(2)).restart) continue;
        restart();
        ++restarts;
        shake_hands();
        pass(1s, 0, 0);
    }
    EXPECT_GE(restarts, 4);
    EXPECT_LE(restarts, 12);
    EXPECT_FALSE(driver_.wants_new_device()) << "handshakes do not complete by themselves";
}

TEST_F(HealthDriverTest, TheDeviceIsMadeAnewWhenNewSessionsDoNotHelp) {
    int devices = 0;
    for (int i = 0; i < 3 * 240; ++i) {
        pass(14s, 1500, 0);
        session().rx_bytes += 92;
        shake_hands();
        pass(1s, 1500, 0);
        if (driver_.wants_new_device()) {
            driver_.device_restarted(now_);
            ++devices;
        }
        if (driver_.advice(key(2)).restart) {
            restart();
            shake_hands();
            pass(1s, 0, 0);
        }
    }
    EXPECT_GE(devices, 1);
    EXPECT_LE(devices, 3);
}

// The same through the plan.
class StalledPeer : public PlanFixture, public testing::WithParamInterface<Policy> {
  protected:
    StalledPeer() : PlanFixture(GetParam()) {}

    void SetUp() override {
        PlanFixture::SetUp();
        join(2);
        join(3);
    }
    // Sends to node-b every second, which does not answer; node-c does.
    void stay_silent(std::chrono::seconds time) {
        for (int i = 0; i < time.count(); ++i) {
            now.steady += 900ms;
            now.wall += 900ms;
            kernel.tunnel->sessions.at(key(2)).tx_bytes += 148;
            kernel.tunnel->sessions.at(key(3)).tx_bytes += 128;
            kernel.tunnel->sessions.at(key(3)).rx_bytes += 128;
            ASSERT_TRUE(run());
        }
    }
    [[nodiscard]] PeerState state() const { return reconciler->states().at("node-b"); }
    [[nodiscard]] Outcome unsteered() const {
        return GetParam() == Policy::require ? kDropped : kClear;
    }
    [[nodiscard]] std::ptrdiff_t restarts() const {
        return std::ranges::count(kernel.log, "remove_peer");
    }
};

TEST_P(StalledPeer, IsNoLongerSteeredAndItsSessionIsMadeAnew) {
    stay_silent(20s);
    EXPECT_EQ(state(), PeerState::ready);
    kernel.on_change([&] {
        const Outcome outcome = to("10.2.0.1");
        if (GetParam() == Policy::require) {
            EXPECT_NE(outcome, kClear);
        }
        EXPECT_EQ(to("10.3.0.1"), encrypted_to(3));
    });
    stay_silent(5s);
    EXPECT_EQ(state(), PeerState::stalled);
    EXPECT_EQ(to("10.2.0.1"), unsteered());
    EXPECT_GE(restarts(), 1);
    const Session& session = kernel.tunnel->sessions.at(key(2));
    EXPECT_TRUE(session.allowed_ips.contains(prefix("10.2.0.0/24")));
    EXPECT_EQ(session.endpoint, (Endpoint{.address = ip("192.0.2.2"), .port = 51820}));
    EXPECT_EQ(session.keepalive, HandshakeDriver::kProbeKeepalive) << "it is called for";
    EXPECT_TRUE(reconciler->in_sync());
}

TEST_P(StalledPeer, IsSteeredAgainAfterAHandshake) {
    stay_silent(60s);
    ASSERT_EQ(state(), PeerState::stalled);
    kernel.handshake(key(2), now.wall);
    ASSERT_TRUE(run());
    EXPECT_EQ(state(), PeerState::ready);
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
}

TEST_P(StalledPeer, IsNotRestartedForEverQuickly) {
    stay_silent(120s);
    const auto at_first = restarts();
    EXPECT_LE(at_first, 12);
    stay_silent(1800s);
    EXPECT_LE(restarts() - at_first, 31) << "once a minute";
    EXPECT_EQ(state(), PeerState::stalled);
}

TEST_P(StalledPeer, ADeviceThatNothingHelpsIsMadeAnew) {
    kernel.on_change([&] {
        if (GetParam() == Policy::require) {
            EXPECT_NE(to("10.2.0.1"), kClear);
            EXPECT_NE(to("10.3.0.1"), kClear);
        }
    });
    const auto made = [&] { return std::ranges::count(kernel.log, "destroy"); };
    for (int i = 0; i < 60 && made() == 0; ++i) {
        for (int second = 0; second < 15; ++second) {
            now.steady += 900ms;
            now.wall += 900ms;
            kernel.tunnel->sessions.at(key(2)).tx_bytes += 1504;
            ASSERT_TRUE(run());
        }
        kernel.tunnel->sessions.at(key(2)).rx_bytes += 92;
        kernel.handshake(key(2), now.wall);
        ASSERT_TRUE(run());
    }
    EXPECT_EQ(made(), 1);
    EXPECT_TRUE(reconciler->in_sync());
    EXPECT_EQ(to("10.3.0.1"), encrypted_to(3)) << "trusted, as its key is known";
}

INSTANTIATE_TEST_SUITE_P(Policies, StalledPeer, testing::Values(Policy::prefer, Policy::require),
                         [](const auto& policy) {
                             return policy.param == Policy::require ? "require" : "prefer";
                         });

}  // namespace
}  // namespace wgs::test
