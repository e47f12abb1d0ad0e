// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.h"

#include <gtest/gtest.h>

namespace wgs {
namespace {

// The message of the parse error; the text "parsed" if there was none.
std::string error_of(std::string_view text) {
    const auto parsed = YamlValue::parse(text, "f.yaml");
    return parsed ? "parsed" : parsed.error().message;
}

YamlValue parse(std::string_view text) {
    return YamlValue::parse(text, "f.yaml").value();
}

template <class T>
std::string message(const Result<T>& result) {
    return result ? "no error" : result.error().message;
}

TEST(Yaml, BuildsMapsListsAndScalars) {
    const YamlValue root = parse("a: 1\nb:\n  - x\n  - {c: \"y z\"}\nd:\n");
    ASSERT_EQ(root.kind(), YamlValue::Kind::map);
    EXPECT_EQ(root.entries().size(), 3u);
    EXPECT_EQ(root.find("a")->as_string(), "1");
    EXPECT_EQ(root.find("b")->items()[0].as_string(), "x");
    EXPECT_EQ(root.find("b")->items()[1].find("c")->as_string(), "y z");
    EXPECT_EQ(root.find("b")->items()[1].line(), 4);
    EXPECT_EQ(root.find("d")->kind(), YamlValue::Kind::null);
    EXPECT_EQ(root.find("e"), nullptr);
}

TEST(Yaml, TakesNothingForAnEmptyMap) {
    for (const char* text : {"", "\n", "# only a comment\n", "---\n", "~\n", "---\n...\n"}) {
        const auto root = YamlValue::parse(text, "f.yaml");
        ASSERT_TRUE(root) << text;
        EXPECT_EQ(root->kind(), YamlValue::Kind::map) << text;
        EXPECT_TRUE(root->entries().empty()) << text;
    }
}

TEST(Yaml, KeepsTextThatLooksLikeSomethingElse) {
    EXPECT_EQ(parse("\"null\"").as_string(), "null");
    EXPECT_EQ(parse("a: 'true'").find("a")->as_string(), "true");
    EXPECT_EQ(parse("a: fd00::1").find("a")->as_string(), "fd00::1");
}

struct Refusal {
    const char* text;
    const char* message;
};

TEST(Yaml, RefusesWhatAConfigurationDoesNotNeed) {
    const Refusal cases[] = {
        {"a: 1\nb: 2\na: 3\n", "f.yaml:3: a: the key appears twice"},
        {"x:\n  y: 1\n  y: 2\n", "f.yaml:3: x.y: the key appears twice"},
        {"a: &b 1\n", "f.yaml:1: anchors are not allowed"},
        {"a: 1\nb: &c\n  d: 1\n", "f.yaml:2: anchors are not allowed"},
        {"a: &b 1\nc: *b\n", "f.yaml:1: anchors are not allowed"},
        {"a: !!str 1\n", "f.yaml:1: tags are not allowed"},
        {"a: !mine [1]\n", "f.yaml:1: tags are not allowed"},
        {"a: 1\n---\nb: 2\n", "f.yaml:3: more than one document"},
        {"? [a, b]\n: 1\n", "f.yaml:1: a key must be a word"},
        {"~: 1\n", "f.yaml:1: a key is missing"},
        {"a b: 1\n", "f.yaml:1: 'a b' is not a valid key"},
        {"a: 1\nb: \"\x01\"\n", "f.yaml:2: not valid UTF-8 text"},
        {"a: \xff\xfe\n", "f.yaml:1: not valid UTF-8 text"},
    };
    for (const Refusal& refusal : cases) {
        EXPECT_EQ(error_of(refusal.text), refusal.message) << refusal.text;
    }
}

TEST(Yaml, NamesTheLineOfASyntaxError) {
    EXPECT_EQ(error_of("a: 1\nb: [1,\n\n"), "f.yaml:2: end of sequence flow not found");
    EXPECT_EQ(error_of("a:\n  b: 1\n c: 2\n"), "f.yaml:3: end of map not found");
}

TEST(Yaml, NoticesAQuoteThatIsStillOpenAtTheEnd) {
    for (const char* text : {"a: \"open", "a: \"open\n", "a: 'open\n", "a: \"open\nb: 1\n"}) {
        EXPECT_NE(error_of(text).find("illegal EOF in scalar"), std::string::npos) << text;
    }
}

TEST(Yaml, AcceptsThirtyTwoLevelsAndNoMore) {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    EXPECT_EQ(error_of(nested(32)), "parsed");
    EXPECT_EQ(error_of(nested(33)), "f.yaml:1: nested too deeply");
    EXPECT_NE(error_of(std::string(100'000, '[')), "parsed");
}

TEST(YamlValue, NamesThePathOfABadValue) {
    const YamlValue root = parse("wireguard:\n  ports:\n    - 1\n    - {low: x}\n");
    const YamlValue& low = *root.find("wireguard")->find("ports")->items()[1].find("low");
    EXPECT_EQ(message(low.as_integer(0, 9)),
              "f.yaml:4: wireguard.ports[1].low: expected an integer from 0 to 9");
    EXPECT_EQ(message(root.as_string()), "f.yaml:1: expected a single value");
}

TEST(YamlValue, ReadsIntegersStrictly) {
    const auto integer = [](const char* text) { return parse(text).as_integer(-5, 4096); };
    EXPECT_EQ(integer("0"), 0);
    EXPECT_EQ(integer("-5"), -5);
    EXPECT_EQ(integer("4096"), 4096);
    EXPECT_EQ(integer("0x1000"), 4096);
    for (const char* bad : {"-6", "4097", "0x", "0x-1", "1.0", "1e2", "+1", "1 000", "''", "0X10",
                            "one", "99999999999999999999", "[1]"}) {
        EXPECT_FALSE(integer(bad)) << bad;
    }
}

TEST(YamlValue, ReadsBooleansStrictly) {
    EXPECT_EQ(parse("true").as_bool(), true);
    EXPECT_EQ(parse("false").as_bool(), false);
    for (const char* bad : {"yes", "True", "1", "on", "[true]", "''"})
        EXPECT_FALSE(parse(bad).as_bool()) << bad;
}

TEST(YamlValue, NamesTheFirstUnknownKeyByLine) {
    EXPECT_TRUE(parse("a: 1\nb: 2\n").only({"a", "b", "c"}));
    EXPECT_EQ(message(parse("b: 1\nz: 2\nd: 3\n").only({"b"})), "f.yaml:2: z: unknown key");
    EXPECT_EQ(message(parse("[1]").only({"a"})), "f.yaml:1: expected keys and values");
}

}  // namespace
}  // namespace wgs
