// SPDX-License-Identifier: Apache-2.0
#include "model/node.h"

#include <gtest/gtest.h>

namespace wgs {
namespace {

TEST(NodeName, IsADnsSubdomain) {
    for (const std::string& good :
         {std::string("a"), std::string("node-1"), std::string("n1.rack-2.example"),
          std::string("1"), std::string(63, 'x')}) {
        EXPECT_TRUE(is_valid_node_name(good)) << good;
    }
}

TEST(NodeName, RefusesWhatCannotBeAFileNameOrALabel) {
    for (const std::string& bad :
         {std::string(), std::string("."), std::string(".."), std::string("a..b"),
          std::string(".a"), std::string("a."), std::string("-a"), std::string("a-"),
          std::string("Node"), std::string("a_b"), std::string("a/b"), std::string("a b"),
          std::string("a\0", 2), std::string(64, 'x')}) {
        EXPECT_FALSE(is_valid_node_name(bad)) << bad;
    }
}

TEST(NodeName, HasAtMost253Characters) {
    std::string name(63, 'x');
    while (name.size() < 253)
        name += "." + std::string(std::min<std::size_t>(63, 252 - name.size()), 'y');
    ASSERT_EQ(name.size(), 253u);
    EXPECT_TRUE(is_valid_node_name(name));
    name.back() = '.';
    EXPECT_FALSE(is_valid_node_name(name + "z"));
}

}  // namespace
}  // namespace wgs
