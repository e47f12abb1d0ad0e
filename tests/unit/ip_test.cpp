// SPDX-License-Identifier: Apache-2.0
#include "model/ip.h"

#include <gtest/gtest.h>

#include <random>

namespace wgs {
namespace {

IpAddress ip(std::string_view text) {
    return IpAddress::parse(text).value();
}
Prefix prefix(std::string_view text) {
    return Prefix::parse(text).value();
}
std::string prefix_error(std::string_view text) {
    return Prefix::parse(text).error().message;
}

TEST(IpAddress, ParsesAndFormatsBothFamilies) {
    EXPECT_EQ(ip("192.0.2.1").to_string(), "192.0.2.1");
    EXPECT_EQ(ip("2001:DB8:0:0::1").to_string(), "2001:db8::1");
    EXPECT_EQ(ip("192.0.2.1").bytes().size(), 4u);
    EXPECT_EQ(ip("2001:db8::1").bytes().size(), 16u);
    EXPECT_EQ(ip("2001:db8::1").family(), Family::v6);
    EXPECT_EQ(IpAddress().to_string(), "0.0.0.0");
}

TEST(IpAddress, RefusesWhatIsNotExactlyAnAddress) {
    for (const std::string_view bad :
         {std::string_view(""), std::string_view("10.0.0"), std::string_view("10.0.0.256"),
          std::string_view("010.0.0.1.2"), std::string_view("10.0.0.1/32"),
          std::string_view(" 10.0.0.1"), std::string_view("fe80::1%eth0"),
          std::string_view("[::1]"), std::string_view("::1::"),
          std::string_view("10.0.0.1\0x", 10)}) {
        EXPECT_FALSE(IpAddress::parse(bad)) << bad;
    }
    EXPECT_EQ(IpAddress::parse("x").error().message, "'x' is not an IP address");
}

TEST(IpAddress, KnowsTheSpecialRanges) {
    EXPECT_TRUE(ip("127.1.2.3").is_loopback());
    EXPECT_TRUE(ip("::1").is_loopback());
    EXPECT_TRUE(ip("169.254.1.1").is_link_local());
    EXPECT_TRUE(ip("febf::1").is_link_local());
    EXPECT_TRUE(ip("239.0.0.1").is_multicast());
    EXPECT_TRUE(ip("ff02::1").is_multicast());
    EXPECT_TRUE(ip("0.0.0.0").is_unspecified());
    EXPECT_TRUE(ip("::").is_unspecified());
    for (const char* plain :
         {"10.0.0.1", "128.0.0.1", "223.255.255.255", "2001:db8::1", "fec0::1", "::2"}) {
        const IpAddress address = ip(plain);
        EXPECT_FALSE(address.is_loopback() || address.is_link_local() || address.is_multicast() ||
                     address.is_unspecified())
            << plain;
    }
}

TEST(IpAddress, OrdersByFamilyThenBytes) {
    EXPECT_LT(ip("9.0.0.0"), ip("10.0.0.0"));
    EXPECT_LT(ip("255.255.255.255"), ip("::"));
    EXPECT_NE(ip("0.0.0.0"), ip("::"));
}

TEST(Prefix, ParsesAndFormats) {
    for (const char* text :
         {"0.0.0.0/0", "10.1.0.0/24", "10.1.2.3/32", "::/0", "fd10:1::/64", "::1/128"}) {
        EXPECT_EQ(prefix(text).to_string(), text);
    }
}

TEST(Prefix, SaysWhatIsWrongWithText) {
    EXPECT_EQ(prefix_error("10.1.0.0"), "'10.1.0.0' is not a prefix (ADDRESS/LENGTH)");
    EXPECT_EQ(prefix_error("x/8"), "'x/8' is not a prefix (ADDRESS/LENGTH)");
    EXPECT_EQ(prefix_error("10.1.0.5/24"),
              "'10.1.0.5/24' has host bits set; did you mean 10.1.0.0/24?");
    for (const char* bad : {"10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8x",
                            "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/99999999999"}) {
        EXPECT_EQ(prefix_error(bad), std::string("'") + bad + "' has no valid prefix length");
    }
}

TEST(Prefix, OfAnAddressIsThatAddressAlone) {
    EXPECT_EQ(Prefix(ip("10.0.0.1")).to_string(), "10.0.0.1/32");
    EXPECT_EQ(Prefix(ip("::1")).to_string(), "::1/128");
}

TEST(Prefix, ContainsOnlyItsOwnFamily) {
    EXPECT_TRUE(prefix("0.0.0.0/0").contains(ip("255.0.0.1")));
    EXPECT_FALSE(prefix("0.0.0.0/0").contains(ip("::")));
    EXPECT_FALSE(prefix("::/0").contains(prefix("0.0.0.0/0")));
    EXPECT_TRUE(prefix("10.0.0.0/8").contains(prefix("10.1.0.0/16")));
    EXPECT_TRUE(prefix("10.0.0.0/8").contains(prefix("10.0.0.0/8")));
    EXPECT_FALSE(prefix("10.1.0.0/16").contains(prefix("10.0.0.0/8")));
}

TEST(Endpoint, PutsIpv6InBrackets) {
    EXPECT_EQ((Endpoint{.address = ip("192.0.2.1"), .port = 51820}).to_string(), "192.0.2.1:51820");
    EXPECT_EQ((Endpoint{.address = ip("2001:db8::1"), .port = 1}).to_string(), "[2001:db8::1]:1");
}

bool bit(const IpAddress& address, int index) {
    const auto byte = address.bytes()[static_cast<std::size_t>(index / 8)];
    return ((byte >> (7 - index % 8)) & 1) != 0;
}

// Bit by bit, as the definition says.
bool shares_leading_bits(const IpAddress& a, const IpAddress& b, int length) {
    for (int i = 0; i < length; ++i) {
        if (bit(a, i) != bit(b, i)) return false;
    }
    return true;
}

IpAddress random_address(std::mt19937& random, bool v6) {
    std::array<std::uint8_t, 16> bytes{};
    // Few distinct values, so that long common prefixes are common.
    for (auto& byte : bytes)
        byte = random() % 4 == 0 ? static_cast<std::uint8_t>(random()) : 0xa5;
    return v6 ? IpAddress::v6(bytes) : IpAddress::v4(std::span(bytes).first<4>());
}

TEST(PrefixProperty, AgreesWithTheBitwiseDefinition) {
    std::mt19937 random(20240601);
    for (int round = 0; round < 200'000; ++round) {
        const bool v6 = random() % 2 == 0;
        const IpAddress base = random_address(random, v6);
        const IpAddress other = random_address(random, v6);
        const int length = static_cast<int>(random() % static_cast<unsigned>(base.bits() + 1));
        const Prefix subject(base, length);
        ASSERT_EQ(subject.contains(other), shares_leading_bits(base, other, length))
            << subject.to_string() << " " << other.to_string();
        ASSERT_TRUE(subject.contains(base));
        for (int i = length; i < base.bits(); ++i)
            ASSERT_FALSE(bit(subject.address(), i));
        ASSERT_EQ(Prefix::parse(subject.to_string()), subject);
        ASSERT_EQ(IpAddress::parse(base.to_string()), base);
    }
}

}  // namespace
}  // namespace wgs
