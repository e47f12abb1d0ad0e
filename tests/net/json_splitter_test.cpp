// SPDX-License-Identifier: Apache-2.0
#include "net/json_splitter.h"

#include <gtest/gtest.h>

#include <vector>

namespace wgs {
namespace {

using Documents = std::vector<std::string>;

struct Splitting {
    Documents documents;
    Status status;
};

Splitting split(JsonSplitter& splitter, std::string_view text) {
    Splitting result;
    result.status = splitter.feed(text, [&](std::string_view document) {
        result.documents.emplace_back(document);
        return Status();
    });
    return result;
}

Splitting split(std::string_view text, std::size_t limit = 1000) {
    JsonSplitter splitter(limit);
    return split(splitter, text);
}

TEST(JsonSplitter, CutsLinesAndWhatIsNotSeparatedAtAll) {
    EXPECT_EQ(split("{\"a\":1}\n{\"b\":{}}\r\n{}{} \t{}").documents,
              (Documents{"{\"a\":1}", "{\"b\":{}}", "{}", "{}", "{}"}));
}

TEST(JsonSplitter, IsNotMisledByStrings) {
    const Documents documents{R"({"a":"}{","b":"\"}","c":"\\"})", R"({"\\\"{":0})"};
    EXPECT_EQ(split(documents[0] + documents[1]).documents, documents);
}

TEST(JsonSplitter, GivesTheSameWhereverTheStreamIsCut) {
    const std::string text = "{\"a\":\"\\\"}\\\\\"}\n\n {\"b\":[{},{}]}{\"c\":\"\xc3\xa9{\"} ";
    const Documents whole = split(text).documents;
    ASSERT_EQ(whole.size(), 3u);
    for (std::size_t i = 0; i <= text.size(); ++i) {
        for (std::size_t j = i; j <= text.size(); ++j) {
            JsonSplitter splitter(1000);
            Documents documents;
            for (const std::string& part :
                 {text.substr(0, i), text.substr(i, j - i), text.substr(j)}) {
                const Splitting result = split(splitter, part);
                ASSERT_TRUE(result.status);
                documents.insert(documents.end(), result.documents.begin(), result.documents.end());
            }
            ASSERT_EQ(documents, whole) << i << ' ' << j;
            ASSERT_TRUE(splitter.at_boundary());
        }
    }
}

TEST(JsonSplitter, KnowsWhetherADocumentIsBegun) {
    JsonSplitter splitter(1000);
    EXPECT_TRUE(splitter.at_boundary());
    EXPECT_TRUE(split(splitter, " {\"a\":").documents.empty());
    EXPECT_FALSE(splitter.at_boundary());
    EXPECT_EQ(split(splitter, "1}\n").documents, Documents{"{\"a\":1}"});
    EXPECT_TRUE(splitter.at_boundary());
}

TEST(JsonSplitter, TakesDocumentsUpToTheLimitAndNoLonger) {
    EXPECT_EQ(split("{\"a\":12}{}", 8).documents.size(), 2u);
    const Splitting over = split("{}{\"a\":123}{}", 8);
    EXPECT_EQ(over.documents, Documents{"{}"});
    EXPECT_EQ(over.status.error().message, "a JSON document of more than 8 bytes");

    JsonSplitter endless(8);
    EXPECT_TRUE(split(endless, "{\"aaaaa").status);
    EXPECT_TRUE(split(endless, "a").status);
    EXPECT_FALSE(split(endless, "a").status);
}

TEST(JsonSplitter, StopsForGoodAtWhatIsNoObject) {
    for (const std::string garbage : {"[]", "1", "\"{}\"", "<html>", "}", "null"}) {
        JsonSplitter splitter(1000);
        const Splitting result = split(splitter, "{} " + garbage + "{}");
        EXPECT_EQ(result.documents, Documents{"{}"}) << garbage;
        EXPECT_FALSE(result.status) << garbage;
        EXPECT_TRUE(split(splitter, "{}").documents.empty()) << garbage;
    }
}

TEST(JsonSplitter, PassesOnTheErrorOfWhoeverTakes) {
    JsonSplitter splitter(1000);
    int taken = 0;
    const Status status = splitter.feed("{}{}", [&](std::string_view) -> Status {
        ++taken;
        return invalid("no");
    });
    EXPECT_EQ(status.error().message, "no");
    EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace wgs
