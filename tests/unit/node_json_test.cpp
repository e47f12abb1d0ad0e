// SPDX-License-Identifier: Apache-2.0
#include "source/node_json.h"

#include <gtest/gtest.h>

#include "node_builder.h"
#include "source/node_file.h"

namespace wgs {
namespace {

std::string error_of(std::string_view text) {
    const auto entry = parse_node_json(text, "a");
    return entry ? "accepted" : entry.error().message;
}

TEST(NodeJson, IsReadBackAsItWasWritten) {
    NodeInfo info = node({"a", {"192.168.50.1", "fd50::1"}, {"10.1.0.0/24", "fd10::/64"}, 7});
    info.port = 51999;
    NodeInfo per_family = info;
    per_family.public_key_v6 = key(8);
    per_family.port_v6 = 52000;
    NodeInfo secret = info;
    secret.secrets = {"0123456789abcdef", "fedcba9876543210"};
    for (const NodeInfo& one : {info, per_family, secret, NodeInfo{.name = "a"}}) {
        const auto entry = parse_node_json(format_node_json(one), "a");
        ASSERT_TRUE(entry) << entry.error().message;
        EXPECT_EQ(entry->node, one);
        EXPECT_FALSE(entry->left);
    }
}

TEST(NodeJson, KnowsTheMarkOfANodeThatLeft) {
    const auto entry = parse_node_json(format_left_json("a"), "a");
    ASSERT_TRUE(entry);
    EXPECT_TRUE(entry->left);
    EXPECT_FALSE(parse_node_json(R"({"name":"a","left":false})", "a")->left);
}

TEST(NodeJson, LeavesFieldsOfOtherVersionsAlone) {
    EXPECT_EQ(error_of(R"({"name":"a","lanes":4,"future":{"x":[1]}})"), "accepted");
}

TEST(NodeJson, RefusesWhatItCannotTrust) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"{\"name\":\"a\"", "not a JSON object"},
        {"{\"name\":\"a\"} x", "not a JSON object"},
        {"{\"name\":\"\xff\"}", "not a JSON object"},
        {"{}", "name is missing"},
        {R"({"name":1})", "name: expected a string"},
        {R"({"name":"b"})", "name: 'b' does not match the key"},
        {R"({"name":"a","left":1})", "left: expected true or false"},
        {R"({"name":"a","port":0})", "port: expected a number from 1 to 65535"},
        {R"({"name":"a","port":65536})", "port: expected a number from 1 to 65535"},
        {R"({"name":"a","port":-1})", "port: expected a number from 1 to 65535"},
        {R"({"name":"a","port":1.5})", "port: expected a number from 1 to 65535"},
        {R"({"name":"a","port":"1"})", "port: expected a number from 1 to 65535"},
        {R"({"name":"a","secrets":"0123456789abcdef"})", "secrets: expected a list"},
        {R"({"name":"a","secrets":[1]})", "secrets: expected a string"},
        {R"({"name":"a","secrets":["0123"]})", "secrets: '0123' is no id of one"},
        {R"({"name":"a","secrets":["","","","",""]})", "secrets: more than 4 entries"},
        {R"({"name":"a","addresses":"1.2.3.4"})", "addresses: expected a list"},
        {R"({"name":"a","addresses":[1]})", "addresses: expected a string"},
        {R"({"name":"a","prefixes":["10.0.0.0/8","10.0.0.0/8"]})", "prefixes: 10.0.0.0/8 twice"},
    };
    for (const auto& [text, message] : cases)
        EXPECT_EQ(error_of(text), message) << text;
    EXPECT_NE(error_of(R"({"name":"a","public_key":"AAAA"})"), "accepted");
    EXPECT_NE(error_of(R"({"name":"a","addresses":["1.2.3"]})"), "accepted");
}

TEST(NodeJson, IsBounded) {
    EXPECT_EQ(error_of("{\"name\":\"a\"" + std::string(kMaxNodeFileSize, ' ') + "}"),
              "larger than 1 MiB");
    NodeInfo info = node({"a", {}, {}});
    for (std::uint8_t i = 0; i <= kMaxNodeAddresses; ++i)
        info.addresses.push_back(ip("10.0.0." + std::to_string(i)));
    EXPECT_EQ(error_of(format_node_json(info)), "addresses: more than 64 entries");
    EXPECT_EQ(error_of(std::string(1u << 19, '[')), "not a JSON object");
}

}  // namespace
}  // namespace wgs
