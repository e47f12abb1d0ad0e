// SPDX-License-Identifier: Apache-2.0
#include "source/node_file.h"

#include <gtest/gtest.h>

#include "node_builder.h"

namespace wgs {
namespace {

constexpr const char* kKey = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

Result<NodeInfo> parse(std::string_view text) {
    return parse_node_file(text, "node-a", "node-a.yaml");
}

std::string error_of(std::string_view text) {
    const auto parsed = parse(text);
    return parsed ? "parsed" : parsed.error().message;
}

TEST(NodeFile, ReadsTheFormOfTheContract) {
    const auto parsed = parse(std::string("name: node-a\n"
                                          "addresses: [192.168.50.1, \"fd50::1\"]\n"
                                          "prefixes: [10.1.0.0/24, \"fd10:1::/64\"]\n"
                                          "public_key: \"") +
                              kKey + "\"\nport: 51821\n");
    NodeInfo expected = node({.name = "node-a",
                              .addresses = {"192.168.50.1", "fd50::1"},
                              .prefixes = {"10.1.0.0/24", "fd10:1::/64"}});
    expected.public_key = PublicKey::parse(kKey).value();
    expected.port = 51821;
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(*parsed, expected);
}

TEST(NodeFile, HasASecondKeyWhereEachFamilyHasATunnel) {
    NodeInfo info = node({.name = "node-a", .addresses = {"fd50::1"}, .prefixes = {}});
    info.public_key_v6 = PublicKey::parse(kKey).value();
    info.port_v6 = 7;
    const std::string text = format_node_file(info);
    EXPECT_NE(text.find("public_key_v6: \"" + std::string(kKey) + "\"\nport_v6: 7\n"),
              std::string::npos);
    const auto parsed = parse(text);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(*parsed, info);
}

TEST(NodeFile, NeedsNothingButTheName) {
    EXPECT_EQ(parse("name: node-a"), node({.name = "node-a", .addresses = {}, .prefixes = {}}));
}

struct Refusal {
    const char* text;
    const char* message;
};

TEST(NodeFile, RefusesBadContentByFileLineAndKey) {
    const Refusal cases[] = {
        {"", "node-a.yaml:1: name is missing"},
        {"[node-a]", "node-a.yaml:1: expected keys and values"},
        {"port: 1\n", "node-a.yaml:1: name is missing"},
        {"name: node-b\n", "node-a.yaml:1: name: 'node-b' does not match the file's name"},
        {"name: Node\n",
         "node-a.yaml:1: name: 'Node' is not a node name (a DNS name in lower case)"},
        {"name: [node-a]\n", "node-a.yaml:1: name: expected a single value"},
        {"name: node-a\nadresses: []\n", "node-a.yaml:2: adresses: unknown key"},
        {"name: node-a\naddresses: 10.0.0.1\n", "node-a.yaml:2: addresses: expected a list"},
        {"name: node-a\naddresses:\n", "node-a.yaml:2: addresses: expected a list"},
        {"name: node-a\naddresses: [10.0.0.1/32]\n",
         "node-a.yaml:2: addresses[0]: '10.0.0.1/32' is not an IP address"},
        {"name: node-a\naddresses:\n  - 10.0.0.1\n  - 10.0.0.1\n",
         "node-a.yaml:4: addresses[1]: appears twice"},
        {"name: node-a\nprefixes: [10.0.0.0/8, 10.0.0.1/8]\n",
         "node-a.yaml:2: prefixes[1]: '10.0.0.1/8' has host bits set; did you mean 10.0.0.0/8?"},
        {"name: node-a\nprefixes: [\"fd00::/64\", \"fd00:0::/64\"]\n",
         "node-a.yaml:2: prefixes[1]: appears twice"},
        {"name: node-a\npublic_key: abc\n",
         "node-a.yaml:2: public_key: not a public key (32 bytes in base64)"},
        {"name: node-a\npublic_key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
         "node-a.yaml:2: public_key: the all-zero public key is not a key"},
        {"name: node-a\nport: 0\n", "node-a.yaml:2: port: expected an integer from 1 to 65535"},
        {"name: node-a\nport: 65536\n", "node-a.yaml:2: port: expected an integer from 1 to 65535"},
        {"name: node-a\npublic_key_v6: abc\n",
         "node-a.yaml:2: public_key_v6: not a public key (32 bytes in base64)"},
        {"name: node-a\nport_v6: 0\n",
         "node-a.yaml:2: port_v6: expected an integer from 1 to 65535"},
        {"name: node-a\nname: node-a\n", "node-a.yaml:2: name: the key appears twice"},
    };
    for (const Refusal& refusal : cases)
        EXPECT_EQ(error_of(refusal.text), refusal.message);
}

TEST(NodeFile, BoundsWhatItAccepts) {
    std::string many = "name: node-a\naddresses:\n";
    for (int i = 0; i < 65; ++i)
        many += "  - 10.0.0." + std::to_string(i) + "\n";
    EXPECT_EQ(error_of(many), "node-a.yaml:3: addresses: more than 64 entries");
    EXPECT_EQ(error_of("name: node-a\n#" + std::string(1 << 20, 'x')),
              "node-a.yaml: larger than 1 MiB");
}

TEST(NodeFile, FormatsWhatItReadsBack) {
    for (const NodeInfo& info :
         {node({.name = "node-a", .addresses = {}, .prefixes = {}}),
          node({.name = "null", .addresses = {"::1"}, .prefixes = {"::/0"}, .key = 3}),
          node({.name = "1.0",
          .addresses = {"10.0.0.1", "fd50::1"},
          .prefixes = {"10.1.0.0/24"},
          .key = 4})}) {
        const auto parsed = parse_node_file(format_node_file(info), info.name, "f");
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(*parsed, info);
    }
}

TEST(NodeFile, IsFormattedForPeople) {
    NodeInfo info = node(
        {.name = "node-a", .addresses = {"192.168.50.1", "fd50::1"}, .prefixes = {"10.1.0.0/24"}});
    info.public_key = PublicKey::parse(kKey).value();
    EXPECT_EQ(format_node_file(info), std::string("name: \"node-a\"\n"
                                                  "addresses: [\"192.168.50.1\", \"fd50::1\"]\n"
                                                  "prefixes: [\"10.1.0.0/24\"]\n"
                                                  "public_key: \"") +
                                          kKey + "\"\nport: 51820\n");
}

TEST(NodeFile, CarriesTheIdsOfClusterSecrets) {
    NodeInfo info = node({.name = "a", .addresses = {"192.168.0.2"}, .prefixes = {}, .key = 2});
    info.secrets = {"0123456789abcdef", "fedcba9876543210"};
    EXPECT_EQ(parse_node_file(format_node_file(info), "a", "f").value(), info);
    for (const char* bad : {"[0123]", "[0123456789ABCDEF]", "[zzzzzzzzzzzzzzzz]", "x"})
        EXPECT_FALSE(parse_node_file(std::string("name: a\nsecrets: ") + bad, "a", "f")) << bad;
}

}  // namespace
}  // namespace wgs
