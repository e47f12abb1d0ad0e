// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace wgs {
namespace {

Prefix prefix(const char* text) {
    return Prefix::parse(text).value();
}

IpAddress address(const char* text) {
    return IpAddress::parse(text).value();
}

using Names = std::set<std::string>;

IpamBlock block(const char* cidr, const std::string& host,
                std::vector<IpamBlock::Borrowed> borrowed = {}) {
    return {.name = cidr, .prefix = prefix(cidr), .host = host, .borrowed = std::move(borrowed)};
}

TEST(Without, IsTheRestOfThePrefix) {
    EXPECT_EQ(without(prefix("10.0.0.0/30"), address("10.0.0.1")),
              (std::vector{prefix("10.0.0.2/31"), prefix("10.0.0.0/32")}));
    EXPECT_TRUE(without(prefix("10.0.0.1/32"), address("10.0.0.1")).empty());
}

TEST(Without, HasEveryAddressButTheOne) {
    const Prefix whole = prefix("fd00::ff00/120");
    for (int hidden = 0; hidden < 256; ++hidden) {
        const auto name = [](int low) {
            std::array<char, 32> buffer{};
            std::snprintf(buffer.data(), buffer.size(), "fd00::ff%02x", low);
            return address(buffer.data());
        };
        const auto rest = without(whole, name(hidden));
        EXPECT_EQ(rest.size(), 8U);
        for (int i = 0; i < 256; ++i) {
            const auto holders = std::ranges::count_if(
                rest, [&](const Prefix& part) { return part.contains(name(i)); });
            ASSERT_EQ(holders, i == hidden ? 0 : 1) << hidden << " " << i;
        }
    }
}

TEST(Blocks, NameWhoIsConcernedByAChange) {
    KubernetesBlocks blocks;
    const IpamBlock first =
        block("10.0.0.0/30", "a", {{.address = prefix("10.0.0.1/32"), .node = "b"}});
    EXPECT_EQ(blocks.put(first), (Names{"a", "b"}));
    EXPECT_EQ(blocks.put(first), Names{});
    EXPECT_EQ(blocks.put(block("10.0.0.0/30", "c")), (Names{"a", "b", "c"}));
    EXPECT_EQ(blocks.erase("10.0.0.0/30"), Names{"c"});
    EXPECT_EQ(blocks.erase("10.0.0.0/30"), Names{});
    EXPECT_TRUE(blocks.of("a").empty());
}

TEST(Blocks, OwnOnesLackWhatOthersHaveBorrowed) {
    KubernetesBlocks blocks;
    blocks.put(block("10.0.0.0/30", "a",
                     {{.address = prefix("10.0.0.1/32"), .node = "b"},
                      {.address = prefix("10.0.0.2/32"), .node = "c"}}));
    EXPECT_EQ(blocks.of_only("a"), (std::vector{prefix("10.0.0.0/32"), prefix("10.0.0.3/32")}));
    EXPECT_EQ(blocks.of("a"), std::vector{prefix("10.0.0.0/30")});
    EXPECT_EQ(blocks.of_only("b"), std::vector{prefix("10.0.0.1/32")});
}

TEST(Blocks, KeepAnAddressWhileOneOfTwoBlocksNamesIt) {
    KubernetesBlocks blocks;
    IpamBlock copy = block("10.0.0.0/30", "a");
    blocks.put(copy);
    copy.name = "other";
    blocks.put(copy);
    blocks.erase("other");
    EXPECT_EQ(blocks.of("a"), std::vector{prefix("10.0.0.0/30")});
}

}  // namespace
}  // namespace wgs
