// SPDX-License-Identifier: Apache-2.0
#include "table/prefixes4.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "maps/trie4.h"

namespace wgs {
namespace {

TEST(Prefixes4Test, FindsNothingWhenEmpty) {
    Prefixes4 prefixes;
    EXPECT_EQ(prefixes.find({.address = 0x0a000000, .length = 8}), 0U);
    EXPECT_EQ(prefixes.erase({.address = 0x0a000000, .length = 8}), 0U);
    EXPECT_EQ(prefixes.cover({.address = 0x0a000000, .length = 8}), 0U);
}

TEST(Prefixes4Test, TellsApartLengthsOfOneAddress) {
    Prefixes4 prefixes;
    EXPECT_EQ(prefixes.set({.address = 0x0a000000, .length = 8}, 11), 0U);
    EXPECT_EQ(prefixes.set({.address = 0x0a000000, .length = 16}, 12), 0U);
    EXPECT_EQ(prefixes.set({.address = 0x0a000000, .length = 16}, 13), 12U);
    EXPECT_EQ(prefixes.find({.address = 0x0a000000, .length = 8}), 11U);
    EXPECT_EQ(prefixes.find({.address = 0x0a000000, .length = 16}), 13U);
    EXPECT_EQ(prefixes.size(), 2U);
}

TEST(Prefixes4Test, CoverIsTheNextShorterPrefix) {
    Prefixes4 prefixes;
    prefixes.set({.address = 0, .length = 0}, 10);
    prefixes.set({.address = 0x0a000000, .length = 8}, 11);
    prefixes.set({.address = 0x0a010000, .length = 16}, 12);
    EXPECT_EQ(prefixes.cover({.address = 0x0a010200, .length = 24}), wgs_trie4_leaf(12, 16));
    EXPECT_EQ(prefixes.cover({.address = 0x0a010000, .length = 16}), wgs_trie4_leaf(11, 8));
    EXPECT_EQ(prefixes.cover({.address = 0x0b000000, .length = 8}), wgs_trie4_leaf(10, 0));
    EXPECT_EQ(prefixes.cover({.address = 0, .length = 0}), 0U);
}

TEST(Prefixes4Test, KeepsUpWithAMapThroughInsertsAndErasures) {
    std::mt19937 random(1);
    Prefixes4 prefixes;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> expected;
    for (std::uint32_t i = 1; i <= 200'000; ++i) {
        const auto length = static_cast<std::uint32_t>(random() % 33);
        const Prefix4 prefix =
            Prefix4::around(static_cast<std::uint32_t>(random() % 4096) << 20, length);
        std::uint32_t& owner = expected[{prefix.address, length}];
        if (random() % 2 == 0) {
            ASSERT_EQ(prefixes.set(prefix, i % WGS_OWNER_MASK + 1), owner);
            owner = i % WGS_OWNER_MASK + 1;
        } else {
            ASSERT_EQ(prefixes.erase(prefix), owner);
            owner = 0;
        }
    }
    std::erase_if(expected, [](const auto& row) { return row.second == 0; });
    EXPECT_EQ(prefixes.size(), expected.size());
    prefixes.for_each([&](const Prefix4& prefix, std::uint32_t owner) {
        EXPECT_EQ(expected.at({prefix.address, prefix.length}), owner);
    });
}

}  // namespace
}  // namespace wgs
