// SPDX-License-Identifier: Apache-2.0
#include "plan/handshake.h"

#include "plan_fixture.h"

namespace wgs::test {
namespace {

using namespace std::chrono_literals;

class HandshakeDriverTest : public testing::Test {
  protected:
    void at(std::chrono::milliseconds time, const std::set<PublicKey>& wanted = {key(9)},
            const std::map<PublicKey, Session>& sessions = {}) {
        smaller_.update(HandshakeDriver::Time(time), wanted, sessions);
        larger_.update(HandshakeDriver::Time(time), wanted, sessions);
    }
    // Two drivers with a peer whose key sorts between theirs.
    HandshakeDriver smaller_{key(1), 25s};
    HandshakeDriver larger_{key(200), 25s};
};

TEST_F(HandshakeDriverTest, OnlyTheSmallerKeyInitiatesAtFirst) {
    at(0ms);
    EXPECT_EQ(smaller_.advice(key(9)).keepalive, HandshakeDriver::kProbeKeepalive);
    EXPECT_EQ(larger_.advice(key(9)).keepalive, 0s);
}

TEST_F(HandshakeDriverTest, TheLargerKeyJoinsInWhenNothingCame) {
    at(0ms);
    at(HandshakeDriver::kPassive);
    EXPECT_EQ(larger_.advice(key(9)).keepalive, HandshakeDriver::kAnswerKeepalive);
}

TEST_F(HandshakeDriverTest, TimersThatOnePacketStartsDoNotExpireAtOnce) {
    at(0ms);
    at(HandshakeDriver::kPassive);
    EXPECT_LT(smaller_.advice(key(9)).keepalive, larger_.advice(key(9)).keepalive)
        << "their initiations would cross";
}

TEST_F(HandshakeDriverTest, ALostInitiationIsRepeatedAtGrowingIntervals) {
    at(0ms);
    EXPECT_FALSE(smaller_.advice(key(9)).restart);
    at(400ms);
    EXPECT_TRUE(smaller_.advice(key(9)).restart);
    EXPECT_FALSE(larger_.advice(key(9)).restart);
    smaller_.restarted(HandshakeDriver::Time(400ms), key(9));
    at(1199ms);
    EXPECT_FALSE(smaller_.advice(key(9)).restart);
    at(1200ms);
    EXPECT_TRUE(smaller_.advice(key(9)).restart);
}

TEST_F(HandshakeDriverTest, TheConfiguredKeepaliveReturnsAfterTheHandshake) {
    at(0ms);
    at(100ms, {key(9)}, {{key(9), Session{.last_handshake = Clock::time_point(1h)}}});
    EXPECT_EQ(smaller_.advice(key(9)), (HandshakeAdvice{.keepalive = 25s}));
    EXPECT_EQ(larger_.advice(key(9)), (HandshakeAdvice{.keepalive = 25s}));
}

TEST_F(HandshakeDriverTest, TrustInAnEarlierProofEnds) {
    at(0ms);
    EXPECT_TRUE(smaller_.advice(key(9)).trust_previous);
    at(HandshakeDriver::kTrust);
    EXPECT_FALSE(smaller_.advice(key(9)).trust_previous);
}

TEST_F(HandshakeDriverTest, TheNewestOfThoseThatWaitIsKnown) {
    const auto newest = [&](std::chrono::milliseconds time) {
        return smaller_.newest_wait(HandshakeDriver::Time(time));
    };
    EXPECT_EQ(newest(0ms), std::nullopt);
    at(0ms);
    EXPECT_EQ(newest(2400ms), 2400ms);
    smaller_.add(HandshakeDriver::Time(1s), key(10), {});
    EXPECT_EQ(newest(2400ms), 1400ms);
    smaller_.add(HandshakeDriver::Time(2s), key(10), {});
    EXPECT_EQ(newest(2400ms), 1400ms) << "it waits already";
    at(3s);
    EXPECT_EQ(newest(3s), 3s) << "it is wanted no longer";
}

TEST_F(HandshakeDriverTest, OnePeerMoreChangesNothingForTheOthers) {
    at(0ms);
    smaller_.add(HandshakeDriver::Time(HandshakeDriver::kFirstRestart), key(10), {});
    EXPECT_FALSE(smaller_.advice(key(9)).restart) << "its handshake may have come since the look";
    EXPECT_EQ(smaller_.advice(key(10)).keepalive, HandshakeDriver::kProbeKeepalive);
    smaller_.remove(key(10));
    EXPECT_EQ(smaller_.advice(key(10)), (HandshakeAdvice{.keepalive = 25s}));
}

TEST_F(HandshakeDriverTest, APeerThatLeftIsForgotten) {
    at(0ms);
    at(10s, {});
    at(11s);
    EXPECT_FALSE(smaller_.advice(key(9)).restart);
}

}  // namespace
}  // namespace wgs::test
