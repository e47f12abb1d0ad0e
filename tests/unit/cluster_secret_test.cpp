// SPDX-License-Identifier: Apache-2.0
#include "model/cluster_secret.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "node_builder.h"
#include "secret_builder.h"
#include "temporary_directory.h"

namespace wgs {
namespace {

using Ids = std::vector<std::string>;

TEST(ClusterSecret, GivesBothSidesOfAPairTheSameKey) {
    EXPECT_EQ(secret('x').derive(key(1), key(2)), secret('x').derive(key(2), key(1)));
}

TEST(ClusterSecret, GivesEachPairAndEachSecretAnotherKey) {
    const PresharedKey pair = secret('x').derive(key(1), key(2));
    EXPECT_NE(pair, secret('x').derive(key(1), key(3)));
    EXPECT_NE(pair, secret('x').derive(key(3), key(2)));
    EXPECT_NE(pair, secret('y').derive(key(1), key(2)));
    EXPECT_NE(pair, PresharedKey());
    EXPECT_EQ(PresharedKey().print(), KeyPrint{});
}

// Nodes of different versions must agree: neither of these may ever change.
TEST(ClusterSecret, DerivesWhatEarlierVersionsDid) {
    const std::array<std::uint8_t, 32> bytes{};
    const ClusterSecret zero = ClusterSecret::from(std::string(32, '\0')).value();
    Secret<32> again;
    {
        const std::string context = "wgsteer cluster secret v1" + std::string(32, '\0');
        std::array<std::uint8_t, 32> root{};
        crypto_generichash(root.data(), root.size(),
                           reinterpret_cast<const std::uint8_t*>(context.data()), context.size(),
                           nullptr, 0);
        std::string message = "wgsteer pair key v1";
        message.append(reinterpret_cast<const char*>(key(1).bytes().data()), 32);
        message.append(reinterpret_cast<const char*>(key(2).bytes().data()), 32);
        crypto_generichash(again.mutable_bytes().data(), 32,
                           reinterpret_cast<const std::uint8_t*>(message.data()), message.size(),
                           root.data(), root.size());
    }
    EXPECT_EQ(zero.derive(key(2), key(1)), PresharedKey(std::move(again)));
    EXPECT_NE(zero.derive(key(2), key(1)).print(), print_of(bytes));
    EXPECT_TRUE(is_secret_id(zero.id())) << zero.id();
}

TEST(ClusterSecret, HasAnIdThatTellsSecretsApart) {
    EXPECT_EQ(secret('x').id(), secret('x').id());
    EXPECT_NE(secret('x').id(), secret('y').id());
    EXPECT_FALSE(is_secret_id("0123456789ABCDEF"));
    EXPECT_FALSE(is_secret_id("0123456789abcde"));
}

TEST(ClusterSecret, IsRefusedWhenItIsTooShortOrTooLong) {
    EXPECT_FALSE(ClusterSecret::from(std::string(31, 'x')));
    EXPECT_FALSE(ClusterSecret::from(std::string(4097, 'x')));
    EXPECT_TRUE(ClusterSecret::from(std::string(4096, 'x')));
}

TEST(ClusterSecrets, UseTheNewestThatBothSidesKnow) {
    const ClusterSecrets both = secrets("no");  // new, old
    const Ids ids = both.ids();
    const std::string newer = ids[0];
    const std::string older = ids[1];
    EXPECT_EQ(both.common(key(1), key(2), {newer, older})->id(), newer);
    EXPECT_EQ(both.common(key(1), key(2), {older})->id(), older);
    EXPECT_EQ(both.common(key(1), key(2), {newer})->id(), newer);
    EXPECT_EQ(both.common(key(1), key(2), {}), nullptr);
    EXPECT_EQ(both.common(key(1), key(2), {secret('z').id()}), nullptr);
}

TEST(ClusterSecrets, AgreeEvenWhereTheOrdersDiffer) {
    const ClusterSecrets left = secrets("no");
    const ClusterSecrets right = secrets("on");
    for (const auto& [a, b] : {std::pair(key(1), key(2)), std::pair(key(2), key(1))}) {
        EXPECT_EQ(left.common(a, b, right.ids())->id(), right.common(b, a, left.ids())->id());
        EXPECT_EQ(left.key_for(a, b, right.ids()), right.key_for(b, a, left.ids()));
    }
}

TEST(ClusterSecrets, GiveAStrangerAKeyThatItCannotHave) {
    const PresharedKey none;
    EXPECT_NE(secrets("o").key_for(key(1), key(2), {}), none);
    EXPECT_NE(secrets("o").key_for(key(1), key(2), {secret('z').id()}), none);
    EXPECT_EQ(ClusterSecrets().key_for(key(1), key(2), {secret('z').id()}), none);
}

TEST(ClusterSecrets, FollowAPeerThatLearnsTheNewOne) {
    const ClusterSecrets both = secrets("no");
    const PresharedKey before = both.key_for(key(1), key(2), {secret('o').id()});
    EXPECT_EQ(before, secret('o').derive(key(1), key(2)));
    EXPECT_EQ(both.key_for(key(1), key(2), {secret('n').id(), secret('o').id()}),
              secret('n').derive(key(1), key(2)));
    EXPECT_EQ(both.key_for(key(3), key(2), {secret('n').id()}), secret('n').derive(key(3), key(2)));
}

class SecretFile : public testing::Test {
  protected:
    void write(std::string_view text, mode_t mode = 0600) const {
        write_text(path_, text);
        ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    }
    const TemporaryDirectory directory_;
    const std::string path_ = (directory_.path() / "secret").string();
};

TEST_F(SecretFile, MayEndInANewline) {
    write(std::string(32, 'x') + "\n");
    EXPECT_EQ(load_cluster_secret(path_).value().id(), secret('x').id());
    write(std::string(31, 'x') + "\n");  // as random bytes may
    EXPECT_TRUE(load_cluster_secret(path_));
}

TEST_F(SecretFile, IsRefusedWhenOthersMayReadItOrItIsShort) {
    write(std::string(32, 'x'), 0640);
    EXPECT_EQ(load_cluster_secret(path_).error().message,
              path_ + ": the cluster secret is open to other users; run: chmod 600 " + path_);
    write(std::string(20, 'x'));
    EXPECT_EQ(load_cluster_secret(path_).error().message,
              path_ + ": a cluster secret has 32 to 4096 bytes");
    write(std::string(5000, 'x'));
    EXPECT_EQ(load_cluster_secret(path_).error().message,
              path_ + ": a cluster secret has 32 to 4096 bytes");
}

TEST_F(SecretFile, MayBeASymbolicLinkAsMountedSecretsAre) {
    write(std::string(32, 'x'));
    const std::string link = path_ + ".link";
    std::filesystem::create_symlink("secret", link);
    EXPECT_EQ(load_cluster_secret(link).value().id(), secret('x').id());
}

}  // namespace
}  // namespace wgs
