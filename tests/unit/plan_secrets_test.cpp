// SPDX-License-Identifier: Apache-2.0
// Pre-shared keys on the kernel in memory.
#include <algorithm>

#include "plan_fixture.h"
#include "secret_builder.h"

namespace wgs::test {
namespace {

class SecretsPlanTest : public PlanFixture {
  protected:
    NodeInfo knowing(std::uint8_t number, std::string_view letters) {
        NodeInfo info = node(number);
        info.secrets = secrets(letters).ids();
        return info;
    }
    [[nodiscard]] KeyPrint there(std::uint8_t number) const {
        return kernel.tunnel->sessions.at(key(number)).preshared_key;
    }
    static KeyPrint print(char letter, std::uint8_t number) {
        return secret(letter).derive(key(kSelf), key(number)).print();
    }
};

TEST_F(SecretsPlanTest, ANewSessionHasItsPresharedKeyFromTheStart) {
    const ClusterSecrets own = secrets("o");
    reconciler->use_secrets(own);
    cache->upsert(knowing(2, "o"));
    cache->upsert(node(3));
    ASSERT_TRUE(run());
    EXPECT_EQ(there(2), print('o', 2));
    EXPECT_EQ(there(3), print('o', 3));
    EXPECT_EQ(std::ranges::count(kernel.log, "update_peer"), 2);
}

TEST_F(SecretsPlanTest, WithoutSecretsThereIsNone) {
    join(2);
    EXPECT_EQ(there(2), KeyPrint{});
}

TEST_F(SecretsPlanTest, AnExchangeChangesLiveSessionsWithoutRestartingThem) {
    const ClusterSecrets old = secrets("o");
    const ClusterSecrets both = secrets("no");
    reconciler->use_secrets(old);
    cache->upsert(knowing(2, "o"));
    ASSERT_TRUE(run());
    kernel.handshake(key(2), now.wall);
    ASSERT_TRUE(run());
    kernel.log.clear();

    reconciler->use_secrets(both);
    ASSERT_TRUE(run());
    EXPECT_EQ(there(2), print('o', 2)) << "the peer does not know the new one yet";
    cache->upsert(knowing(2, "no"));
    ASSERT_TRUE(run(Look::nowhere));
    EXPECT_EQ(there(2), print('n', 2));
    EXPECT_EQ(kernel.tunnel->sessions.at(key(2)).last_handshake.has_value(), true);
    EXPECT_EQ(std::ranges::count(kernel.log, "remove_peer"), 0);
    EXPECT_EQ(std::ranges::count(kernel.log, "set_peer_state"), 0);
    EXPECT_EQ(to("10.2.0.1"), encrypted_to(2));
}

TEST_F(SecretsPlanTest, AKeyChangedByHandIsHealedAndNothingElseIsWritten) {
    const ClusterSecrets own = secrets("o");
    reconciler->use_secrets(own);
    cache->upsert(knowing(2, "o"));
    ASSERT_TRUE(run());
    kernel.handshake(key(2), now.wall);
    ASSERT_TRUE(run());
    kernel.log.clear();
    ASSERT_TRUE(run());
    EXPECT_EQ(std::ranges::count(kernel.log, "update_peer"), 0);
    kernel.tunnel->sessions.at(key(2)).preshared_key = {1};
    ASSERT_TRUE(run());
    EXPECT_EQ(there(2), print('o', 2));
    EXPECT_EQ(std::ranges::count(kernel.log, "update_peer"), 1);
}

TEST_F(SecretsPlanTest, ARestartedSessionGetsItsKeyAgain) {
    const ClusterSecrets own = secrets("o");
    reconciler->use_secrets(own);
    cache->upsert(knowing(2, "o"));
    ASSERT_TRUE(run());
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(run());  // 10 s without an answer
    EXPECT_GT(std::ranges::count(kernel.log, "remove_peer"), 0);
    EXPECT_EQ(there(2), print('o', 2));
}

class PerFamilySecretsPlanTest : public PlanFixture {
  protected:
    PerFamilySecretsPlanTest() : PlanFixture(Policy::require, true) {}
};

TEST_F(PerFamilySecretsPlanTest, EachTunnelHasAKeyOfItsOwn) {
    const ClusterSecrets own = secrets("o");
    reconciler->use_secrets(own);
    NodeInfo peer = dual_node(2);
    peer.secrets = own.ids();
    cache->upsert(peer);
    ASSERT_TRUE(run());
    const NodeInfo self = dual_node(kSelf);
    const auto there = [&](TunnelIndex tunnel, const PublicKey& key) {
        return kernel.tunnels.at(tunnel)->sessions.at(key).preshared_key;
    };
    EXPECT_EQ(there(0, *peer.public_key),
              secret('o').derive(*self.public_key, *peer.public_key).print());
    EXPECT_EQ(there(1, *peer.public_key_v6),
              secret('o').derive(*self.public_key_v6, *peer.public_key_v6).print());
    EXPECT_NE(there(0, *peer.public_key), there(1, *peer.public_key_v6));
}

}  // namespace
}  // namespace wgs::test
