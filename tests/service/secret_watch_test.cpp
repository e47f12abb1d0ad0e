// SPDX-License-Identifier: Apache-2.0
#include "service/secret_watch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/temporary_directory.h"

namespace wgs {
namespace {

using Ids = std::vector<std::string>;

std::string id_of(char letter) {
    return ClusterSecret::from(std::string(40, letter)).value().id();
}

class SecretWatchTest : public testing::Test {
  protected:
    void write(const std::string& name, std::string_view text, mode_t mode = 0600) const {
        const auto path = directory_.path() / name;
        write_text(directory_.path() / "new", text);
        ASSERT_EQ(::chmod((directory_.path() / "new").c_str(), mode), 0);
        std::filesystem::rename(directory_.path() / "new", path);
    }
    void put(const std::string& name, char letter) const { write(name, std::string(40, letter)); }
    void erase(const std::string& name) const { std::filesystem::remove(directory_.path() / name); }

    const TemporaryDirectory directory_;
    const std::string path_ = (directory_.path() / "secret").string();
};

TEST_F(SecretWatchTest, FollowsAnExchangeOfSecrets) {
    put("secret", 'o');
    SecretWatch watch = SecretWatch::open(path_).value();
    EXPECT_EQ(watch.secrets().ids(), Ids{id_of('o')});
    EXPECT_FALSE(watch.check());

    put("secret.next", 'n');
    EXPECT_TRUE(watch.check());
    EXPECT_EQ(watch.secrets().ids(), (Ids{id_of('n'), id_of('o')}));

    std::filesystem::rename(path_ + ".next", path_);
    EXPECT_TRUE(watch.check());
    EXPECT_EQ(watch.secrets().ids(), Ids{id_of('n')});
    EXPECT_TRUE(watch.problems().empty());
    EXPECT_FALSE(watch.check());
}

TEST_F(SecretWatchTest, CountsASecretInBothFilesOnce) {
    put("secret", 'o');
    put("secret.next", 'o');
    EXPECT_EQ(SecretWatch::open(path_).value().secrets().ids(), Ids{id_of('o')});
}

TEST_F(SecretWatchTest, DoesNotStartWithoutASecretThatItCanTrust) {
    EXPECT_FALSE(SecretWatch::open(path_));
    write("secret", std::string(40, 'o'), 0644);
    EXPECT_FALSE(SecretWatch::open(path_));
    put("secret", 'o');
    write("secret.next", "short");
    EXPECT_FALSE(SecretWatch::open(path_));
}

TEST_F(SecretWatchTest, KeepsWhatItHasWhenAFileTurnsBad) {
    put("secret", 'o');
    SecretWatch watch = SecretWatch::open(path_).value();
    write("secret.next", "short");
    EXPECT_TRUE(watch.check());
    EXPECT_EQ(watch.secrets().ids(), Ids{id_of('o')});
    ASSERT_EQ(watch.problems().size(), 1U);
    EXPECT_EQ(watch.problems().front().message,
              path_ + ".next: a cluster secret has 32 to 4096 bytes; keeping what was read before");
    erase("secret");
    EXPECT_TRUE(watch.check());
    EXPECT_EQ(watch.secrets().ids(), Ids{id_of('o')});
    put("secret", 'n');
    erase("secret.next");
    EXPECT_TRUE(watch.check());
    EXPECT_EQ(watch.secrets().ids(), Ids{id_of('n')});
    EXPECT_TRUE(watch.problems().empty());
}

}  // namespace
}  // namespace wgs
