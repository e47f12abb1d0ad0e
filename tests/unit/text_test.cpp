// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gtest/gtest.h>

namespace wgs {
namespace {

TEST(InQuotes, KeepsPlainText) {
    EXPECT_EQ(in_quotes("node-a"), "'node-a'");
}

TEST(InQuotes, EscapesWhatCouldForgeALogLine) {
    EXPECT_EQ(in_quotes("a\nb\x1b[31m\xc3\xa4"), R"('a\x0ab\x1b[31m\xc3\xa4')");
}

TEST(InQuotes, ClipsLongText) {
    EXPECT_EQ(in_quotes(std::string(64, 'x')), "'" + std::string(64, 'x') + "'");
    EXPECT_EQ(in_quotes(std::string(65, 'x')), "'" + std::string(64, 'x') + "...'");
}

TEST(FindNonText, AcceptsUtf8AndLineBreaks) {
    EXPECT_EQ(find_non_text(""), std::nullopt);
    EXPECT_EQ(find_non_text("a\tb\r\n"), std::nullopt);
    EXPECT_EQ(find_non_text("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7 \xef\xbf\xbd"), std::nullopt);
}

struct BadText {
    const char* what;
    std::string text;
};

TEST(FindNonText, PointsAtTheFirstBadByte) {
    const BadText cases[] = {
        {"zero byte", std::string("ab\0", 3)},
        {"escape", "ab\x1b"},
        {"C1 control", "ab\xc2\x85"},
        {"lone continuation", "ab\x80"},
        {"cut short", "ab\xe2\x82"},
        {"overlong slash", "ab\xc0\xaf"},
        {"overlong three bytes", "ab\xe0\x80\xaf"},
        {"surrogate", "ab\xed\xa0\x80"},
        {"beyond U+10FFFF", "ab\xf4\x90\x80\x80"},
        {"five-byte form", "ab\xf8\x88\x80\x80\x80"},
    };
    for (const BadText& bad : cases)
        EXPECT_EQ(find_non_text(bad.text), 2u) << bad.what;
}

}  // namespace
}  // namespace wgs
