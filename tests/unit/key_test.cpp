// SPDX-License-Identifier: Apache-2.0
#include "model/key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "temporary_directory.h"

namespace wgs {
namespace {

using std::filesystem::perms;

// RFC 7748 section 6.1, Alice's pair.
constexpr const char* kPrivate = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
constexpr const char* kPublic = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

TEST(PublicKey, RoundTripsThroughBase64) {
    EXPECT_EQ(PublicKey::parse(kPublic).value().to_base64(), kPublic);
}

TEST(PublicKey, RefusesWhatIsNot32BytesOfBase64) {
    const std::string good = kPublic;
    for (const std::string& bad :
         {std::string(), good.substr(1), good + "=", good + "\n", " " + good.substr(1),
          good.substr(0, 42) + "p=", "!" + good.substr(1), good.substr(0, 40)}) {
        EXPECT_FALSE(PublicKey::parse(bad)) << bad;
    }
    EXPECT_EQ(PublicKey::parse("x").error().message, "not a public key (32 bytes in base64)");
}

TEST(PublicKey, RefusesTheZeroKey) {
    EXPECT_EQ(PublicKey::parse(std::string(43, 'A') + "=").error().message,
              "the all-zero public key is not a key");
    EXPECT_TRUE(PublicKey().is_zero());
}

TEST(PrivateKey, DerivesThePublicKeyOfRfc7748) {
    const PrivateKey key = PrivateKey::parse(kPrivate).value();
    EXPECT_EQ(key.public_key().to_base64(), kPublic);
    EXPECT_EQ(key.to_hex(), "70076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c6a");
}

TEST(PrivateKey, IsClampedAndNeverTwiceTheSame) {
    const PrivateKey first = PrivateKey::generate();
    const PrivateKey second = PrivateKey::generate();
    EXPECT_NE(first.to_base64(), second.to_base64());
    EXPECT_EQ(first.bytes()[0] & 0x07, 0);
    EXPECT_EQ(first.bytes()[31] & 0xc0, 0x40);
    EXPECT_EQ(PrivateKey::parse(first.to_base64()).value().public_key(), first.public_key());
}

TEST(Secret, IsWipedWhenMovedFrom) {
    const std::array<std::uint8_t, 4> bytes = {1, 2, 3, 4};
    Secret<4> from{std::span(bytes)};
    const Secret<4> to = std::move(from);
    EXPECT_EQ(to.bytes()[3], 4);
    // NOLINTNEXTLINE(bugprone-use-after-move): the wiped remains are the subject.
    for (const std::uint8_t byte : from.bytes())
        EXPECT_EQ(byte, 0);
}

class KeyFile : public testing::Test {
  protected:
    void write(std::string_view text, perms mode = perms(0600)) const {
        write_text(path_, text);
        std::filesystem::permissions(path_, mode);
    }

    // Loads, expects a refusal that leaves the file as it is, and returns the message without the
    // path.
    [[nodiscard]] std::string refusal() const {
        const std::string before = read_text(path_);
        const auto mode = mode_of(path_);
        const auto key = load_or_create_private_key(path_);
        EXPECT_FALSE(key);
        EXPECT_EQ(read_text(path_), before);
        EXPECT_EQ(mode_of(path_), mode);
        return key ? "" : key.error().message.substr(path_.size());
    }

    const TemporaryDirectory directory_;
    const std::string path_ = (directory_.path() / "private.key").string();
};

TEST_F(KeyFile, IsCreatedForTheOwnerOnlyAndReadBack) {
    const auto created = load_or_create_private_key(path_);
    ASSERT_TRUE(created);
    EXPECT_EQ(mode_of(path_), perms(0600));
    EXPECT_EQ(read_text(path_), created->to_base64() + "\n");
    EXPECT_EQ(load_or_create_private_key(path_).value().public_key(), created->public_key());
}

TEST_F(KeyFile, MayLackTheLastNewline) {
    write(kPrivate, perms(0400));
    EXPECT_EQ(load_or_create_private_key(path_).value().public_key().to_base64(), kPublic);
}

TEST_F(KeyFile, IsRefusedWhenOthersMayReadIt) {
    for (const unsigned mode : {0640u, 0604u, 0660u, 0611u}) {
        write(kPrivate, perms(mode));
        EXPECT_EQ(refusal(), ": the private key is open to other users; run: chmod 600 " + path_);
    }
}

TEST_F(KeyFile, IsRefusedWithAnyOtherLengthOrContent) {
    const std::string key = kPrivate;
    for (const std::string& bad : {std::string(), std::string("\n"), key.substr(1), key + "\n\n",
                                   key + key, std::string(44, '!'), std::string(100, 'A')}) {
        write(bad);
        EXPECT_EQ(refusal(), ": not a private key (32 bytes in base64)") << bad;
    }
}

TEST_F(KeyFile, IsRefusedWhenItIsNoRegularFile) {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    EXPECT_EQ(load_or_create_private_key(path_).error().message,
              path_ + ": the private key must be a regular file");
    std::filesystem::remove(path_);
    std::filesystem::create_symlink("elsewhere", path_);
    EXPECT_FALSE(load_or_create_private_key(path_));
    EXPECT_FALSE(std::filesystem::exists(directory_.path() / "elsewhere"));
}

TEST_F(KeyFile, IsRefusedWhenAnotherUserOwnsIt) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to change the owner of a file";
    write(kPrivate);
    ASSERT_EQ(::chown(path_.c_str(), 12345, 12345), 0);
    EXPECT_EQ(refusal(), ": the private key belongs to another user");
}

TEST_F(KeyFile, CannotBeCreatedWithoutItsDirectory) {
    const std::string path = (directory_.path() / "missing" / "private.key").string();
    EXPECT_TRUE(load_or_create_private_key(path).error().is(std::errc::no_such_file_or_directory));
}

}  // namespace
}  // namespace wgs
