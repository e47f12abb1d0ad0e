// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/prefixes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace wgs::bench {
namespace {

class PrefixesTest : public testing::TestWithParam<Family> {};

IpAddress address_of(const wgs_destination6& destination, Family family) {
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(destination.address), 16);
    return family == Family::v4 ? IpAddress::v4(bytes.first<4>())
                                : IpAddress::v6(bytes.first<16>());
}

bool covered(const std::vector<OwnedPrefix>& prefixes, const IpAddress& address) {
    return std::ranges::any_of(prefixes,
                               [&](const auto& one) { return one.prefix.contains(address); });
}

TEST_P(PrefixesTest, AreDistinctAndAsManyAsAskedFor) {
    for (const std::size_t count : {10UL, 100UL, 1'000UL, 10'000UL}) {
        std::set<Prefix> distinct;
        for (const OwnedPrefix& one : make_prefixes(GetParam(), count, 5))
            distinct.insert(one.prefix);
        EXPECT_EQ(distinct.size(), count);
    }
}

TEST_P(PrefixesTest, HaveTheLengthsOfTheHashTables) {
    std::map<int, std::size_t> lengths;
    for (const OwnedPrefix& one : make_prefixes(GetParam(), 1'000, 5))
        ++lengths[one.prefix.length()];
    const std::map<int, std::size_t> v4{{24, 250}, {26, 600}, {32, 150}};
    const std::map<int, std::size_t> v6{{64, 250}, {122, 600}, {128, 150}};
    EXPECT_EQ(lengths, GetParam() == Family::v4 ? v4 : v6);
}

TEST_P(PrefixesTest, AreTheSameInEveryRun) {
    const auto first = make_prefixes(GetParam(), 100, 5);
    const auto second = make_prefixes(GetParam(), 100, 5);
    EXPECT_TRUE(std::ranges::equal(first, second, {}, &OwnedPrefix::prefix, &OwnedPrefix::prefix));
    EXPECT_TRUE(std::ranges::equal(first, second, {}, &OwnedPrefix::owner, &OwnedPrefix::owner));
}

TEST_P(PrefixesTest, CoverEveryDestinationButTheForeignOnes) {
    const auto prefixes = make_prefixes(GetParam(), 100, 5);
    for (const Choice choice : {Choice::hot, Choice::random}) {
        const auto destinations = make_destinations(prefixes, choice);
        ASSERT_EQ(destinations.size(), std::size_t{WGS_DESTINATIONS});
        for (std::size_t i = 0; i < 1'000; ++i)
            EXPECT_TRUE(covered(prefixes, address_of(destinations[i], GetParam())));
    }
    const auto foreign = make_foreign_destinations(GetParam());
    for (std::size_t i = 0; i < 1'000; ++i)
        ASSERT_FALSE(covered(prefixes, address_of(foreign[i], GetParam())));
}

TEST_P(PrefixesTest, AHotSetIsSmall) {
    std::set<IpAddress> distinct;
    for (const auto& one : make_destinations(make_prefixes(GetParam(), 1'000, 5), Choice::hot))
        distinct.insert(address_of(one, GetParam()));
    EXPECT_LE(distinct.size(), 64U);
    EXPECT_GT(distinct.size(), 50U);
}

INSTANTIATE_TEST_SUITE_P(Families, PrefixesTest, testing::Values(Family::v4, Family::v6),
                         [](const auto& chosen) {
                             return chosen.param == Family::v4 ? "v4" : "v6";
                         });

}  // namespace
}  // namespace wgs::bench
