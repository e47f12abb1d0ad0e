// SPDX-License-Identifier: Apache-2.0
#include "source/cautious_sink.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>

#include "node_builder.h"
#include "source/directory.h"
#include "source/node_file.h"
#include "temporary_directory.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;
using Names = std::set<std::string, std::less<>>;

// What the agent would know.
class Mesh : public SourceSink {
  public:
    void upsert(const NodeInfo& node) override {
        nodes.insert(node.name);
        infos.insert_or_assign(node.name, node);
    }
    void remove(const std::string& name) override {
        EXPECT_EQ(nodes.erase(name), 1U) << name;
        infos.erase(name);
    }
    void describe_self(const NodeInfo& self) override { infos.insert_or_assign(self.name, self); }
    void only(const Names& /*names*/) override { ADD_FAILURE() << "not taken apart"; }
    void resumed() override { ADD_FAILURE() << "not taken apart"; }
    void complete() override {
        EXPECT_FALSE(is_complete);
        is_complete = true;
    }
    void report(const Problem& problem) override { reports.push_back(problem.message); }

    Names nodes;
    std::map<std::string, NodeInfo> infos;  // self as well
    std::vector<std::string> reports;
    bool is_complete = false;
};

class CautiousSinkTest : public testing::Test {
  protected:
    CautiousSinkTest() { make({}); }

    void make(Caution caution) {
        caution.confirmation = 60s;
        caution.now = [this] { return now_; };
        sink_ = std::make_unique<CautiousSink>(caution, mesh_);
    }
    void tell(const std::string& names) {
        for (const char name : names)
            sink_->upsert(node({.name = {name}, .addresses = {"192.168.0.2"}, .prefixes = {}}));
        sink_->settle();
    }
    void remove(const std::string& names) {
        for (const char name : names)
            sink_->remove({name});
        sink_->settle();
    }
    // As an event loop does.
    void let_pass(std::chrono::seconds time) {
        const SteadyTime end = now_ + time;
        while (const auto next = sink_->next_timeout()) {
            if (*next > end) break;
            now_ = std::max(now_, *next);
            sink_->settle();
        }
        now_ = end;
    }
    [[nodiscard]] std::string nodes() const {
        std::string text;
        for (const std::string& name : mesh_.nodes)
            text += name;
        return text;
    }

    SteadyTime now_{100h};
    Mesh mesh_;
    std::unique_ptr<CautiousSink> sink_;
};

TEST_F(CautiousSinkTest, LetsASingleNodeLeaveAtOnce) {
    tell("abcdefgh");
    remove("c");
    EXPECT_EQ(nodes(), "abdefgh");
    EXPECT_TRUE(mesh_.reports.empty());
    EXPECT_EQ(sink_->next_timeout(), std::nullopt);
}

TEST_F(CautiousSinkTest, LetsHalfOfTheNodesLeaveAtOnce) {
    tell("abcd");
    remove("cd");
    EXPECT_EQ(nodes(), "ab");
}

TEST_F(CautiousSinkTest, KeepsMostNodesUntilTimeConfirmsThatTheyAreGone) {
    tell("abcdefgh");
    remove("abcde");
    EXPECT_EQ(nodes(), "abcdefgh");
    EXPECT_EQ(sink_->held(), 5U);
    EXPECT_EQ(mesh_.reports.size(), 1U);
    ASSERT_EQ(sink_->problems().size(), 1U);
    EXPECT_EQ(sink_->problems().front().message,
              "5 of 8 are gone at once, which is suspicious; kept unless they are away for 60 s: "
              "a, b, c, d, e");
    let_pass(59s);
    EXPECT_EQ(nodes(), "abcdefgh");
    let_pass(1s);
    EXPECT_EQ(nodes(), "fgh");
    EXPECT_TRUE(sink_->problems().empty());
    EXPECT_EQ(mesh_.reports.size(), 1U);
}

TEST_F(CautiousSinkTest, ForgetsTheRemovalOfWhoReturns) {
    tell("abcd");
    remove("abcd");
    let_pass(30s);
    tell("ab");
    let_pass(40s);
    EXPECT_EQ(nodes(), "ab");
    EXPECT_EQ(sink_->held(), 0U);
}

TEST_F(CautiousSinkTest, CountsWhoLeavesOneByOneWithinAShortTime) {
    tell("abcdef");
    remove("a");
    remove("b");
    let_pass(2s);
    remove("c");
    EXPECT_EQ(nodes(), "def");
    remove("d");
    remove("e");
    EXPECT_EQ(nodes(), "def");
    let_pass(60s);
    EXPECT_EQ(nodes(), "f");
}

TEST_F(CautiousSinkTest, LetsAClusterShrinkOneByOneOverTime) {
    tell("abcdef");
    for (const char name : std::string("abcdef")) {
        remove({name});
        EXPECT_FALSE(mesh_.nodes.contains({name}));
        let_pass(10s);
    }
    EXPECT_EQ(nodes(), "");
}

TEST_F(CautiousSinkTest, DoesNotBelieveAnEmptyAnswerAfterAFullOne) {
    tell("ab");
    sink_->only({});
    sink_->settle();
    EXPECT_EQ(nodes(), "ab");
    let_pass(30s);
    sink_->only({"b"});
    sink_->settle();
    let_pass(30s);
    EXPECT_EQ(nodes(), "b");
}

TEST_F(CautiousSinkTest, TakesAFullListApart) {
    tell("abcd");
    sink_->only({"a", "b", "d"});
    sink_->settle();
    EXPECT_EQ(nodes(), "abd");
    sink_->only({"a", "b", "d", "unknown"});
    sink_->settle();
    EXPECT_EQ(nodes(), "abd");
}

TEST_F(CautiousSinkTest, BelievesNoRemovalSoonAfterAnOutage) {
    tell("abcdefgh");
    sink_->resumed();
    remove("a");
    EXPECT_EQ(nodes(), "abcdefgh");
    let_pass(60s);
    EXPECT_EQ(nodes(), "bcdefgh");
    remove("b");
    EXPECT_EQ(nodes(), "cdefgh");
}

TEST_F(CautiousSinkTest, CompletesAtOnceWhenThoseServedAreThere) {
    for (const char* name : {"a", "b", "c", "d"})
        sink_->expect(name);
    tell("abx");
    sink_->complete();
    EXPECT_TRUE(mesh_.is_complete);
}

TEST_F(CautiousSinkTest, CompletesLaterWhenMostOfThoseServedAreMissing) {
    for (const char* name : {"a", "b", "c", "d"})
        sink_->expect(name);
    tell("ax");
    sink_->complete();
    EXPECT_FALSE(mesh_.is_complete);
    ASSERT_EQ(sink_->problems().size(), 1U);
    EXPECT_EQ(sink_->problems().front().message,
              "the source lacks 3 of 4 nodes that are served already; nothing is removed unless "
              "that lasts for 60 s");
    tell("bc");
    EXPECT_FALSE(mesh_.is_complete) << "the last one may return as well";
    tell("d");
    EXPECT_TRUE(mesh_.is_complete);
    EXPECT_TRUE(sink_->problems().empty());
}

TEST_F(CautiousSinkTest, CompletesInTheEndWithoutThoseWhoStayMissing) {
    for (const char* name : {"a", "b"})
        sink_->expect(name);
    sink_->complete();
    let_pass(59s);
    EXPECT_FALSE(mesh_.is_complete);
    let_pass(1s);
    EXPECT_TRUE(mesh_.is_complete);
}

TEST_F(CautiousSinkTest, IgnoresNodesBeyondTheLimits) {
    make({.max_nodes = 2, .max_claims = 5, .max_claims_of_node = 4});
    const auto told = [&](const std::string& name, int prefixes) {
        NodeInfo info{.name = name, .addresses = {}, .prefixes = {}, .public_key = {}};
        for (int third = 0; third < prefixes; ++third)
            info.prefixes.push_back(prefix("10.1." + std::to_string(third) + ".0/24"));
        sink_->upsert(info);
    };
    told("a", 5);
    EXPECT_EQ(nodes(), "");
    told("a", 3);
    told("b", 3);
    EXPECT_EQ(nodes(), "a");
    told("b", 2);
    told("c", 0);
    EXPECT_EQ(nodes(), "ab");
    EXPECT_EQ(sink_->ignored(), 3U);
    ASSERT_EQ(sink_->problems().size(), 1U);
    EXPECT_EQ(sink_->problems().front().message,
              "ignored for their number or size, 3 times so far, first a (it claims too many "
              "addresses and prefixes)");
    EXPECT_EQ(mesh_.reports.size(), 1U);
    remove("a");
    told("c", 3);
    EXPECT_EQ(nodes(), "bc");
}

TEST_F(CautiousSinkTest, StandsAHundredThousandNodes) {
    for (int i = 0; i < 150'000; ++i) {
        sink_->upsert(
            {.name = "n" + std::to_string(i), .addresses = {}, .prefixes = {}, .public_key = {}});
    }
    EXPECT_EQ(mesh_.nodes.size(), 100'000U);
    EXPECT_EQ(sink_->ignored(), 50'000U);
    sink_->only({});
    sink_->settle();
    EXPECT_EQ(mesh_.nodes.size(), 100'000U);
    EXPECT_LT(sink_->problems().front().message.size(), 300U);
}

// With prefixes: "10.1" stands for 10.1.0.0/16, "10.1.2" for 10.1.2.0/24.
class ShrinkingTest : public CautiousSinkTest {
  protected:
    static Prefix network(const std::string& text) {
        const bool wide = std::ranges::count(text, '.') == 1;
        return prefix(text + (wide ? ".0.0/16" : ".0/24"));
    }
    // One after the other, as of one answer of the source.
    void give(const std::map<std::string, std::vector<std::string>>& nodes) {
        for (const auto& [name, networks] : nodes) {
            NodeInfo info = node({.name = name, .addresses = {"192.168.0.2"}, .prefixes = {}});
            for (const std::string& text : networks)
                info.prefixes.push_back(text.find('/') == text.npos ? network(text) : prefix(text));
            sink_->upsert(info);
        }
        sink_->settle();
    }
    [[nodiscard]] std::string prefixes_of(const std::string& name) const {
        std::string text;
        std::vector<Prefix> sorted = mesh_.infos.at(name).prefixes;
        std::ranges::sort(sorted);
        for (const Prefix& one : sorted)
            text += (text.empty() ? "" : " ") + one.to_string();
        return text;
    }
};

TEST_F(ShrinkingTest, ASingleNodeMayShrinkAtOnce) {
    give({{"a", {"10.1"}}, {"b", {"10.2"}}, {"c", {"10.3"}}, {"d", {"10.4"}}});
    give({{"a", {}}});
    EXPECT_EQ(prefixes_of("a"), "");
    EXPECT_EQ(sink_->withheld(), 0U);
    EXPECT_EQ(sink_->next_timeout(), std::nullopt);
}

TEST_F(ShrinkingTest, MostNodesKeepWhatTheyHaveLostUntilTimeConfirmsIt) {
    give({{"a", {"10.1", "10.9.1"}}, {"b", {"10.2"}}, {"c", {"10.3"}}, {"d", {"10.4"}}});
    give({{"a", {"10.9.1"}}, {"b", {}}, {"c", {}}});
    EXPECT_EQ(prefixes_of("a"), "10.1.0.0/16 10.9.1.0/24");
    EXPECT_EQ(prefixes_of("b"), "10.2.0.0/16");
    EXPECT_EQ(sink_->withheld(), 3U);
    ASSERT_EQ(sink_->problems().size(), 1U);
    EXPECT_EQ(sink_->problems().front().message,
              "3 of 4 nodes have lost prefixes at once, which is suspicious; these are kept unless "
              "nobody has them for 60 s: a, b, c");
    EXPECT_EQ(mesh_.reports.size(), 1U);
    let_pass(59s);
    EXPECT_EQ(prefixes_of("b"), "10.2.0.0/16");
    let_pass(1s);
    EXPECT_EQ(prefixes_of("a"), "10.9.1.0/24");
    EXPECT_EQ(prefixes_of("b"), "");
    EXPECT_TRUE(sink_->problems().empty());
}

TEST_F(ShrinkingTest, WhatReturnsWasNeverLost) {
    give({{"a", {"10.1"}}, {"b", {"10.2"}}});
    give({{"a", {}}, {"b", {}}});
    let_pass(30s);
    give({{"a", {"10.1"}}});
    EXPECT_EQ(sink_->withheld(), 1U);
    let_pass(40s);
    EXPECT_EQ(prefixes_of("a"), "10.1.0.0/16");
    EXPECT_EQ(prefixes_of("b"), "");
}

// What else changes about such a node is not held up.
TEST_F(ShrinkingTest, ANodeThatKeepsWhatItHasLostGoesOnChanging) {
    give({{"a", {"10.1"}}, {"b", {"10.2"}}});
    give({{"a", {}}, {"b", {}}});
    let_pass(30s);
    give({{"a", {"10.7"}}});
    EXPECT_EQ(prefixes_of("a"), "10.1.0.0/16 10.7.0.0/16");
    let_pass(30s);
    EXPECT_EQ(prefixes_of("a"), "10.7.0.0/16") << "the time goes on";
}

TEST_F(ShrinkingTest, WhatAnotherNodeClaimsIsGivenUpAtOnce) {
    give({{"a", {"10.1.1", "10.1.2"}}, {"b", {"10.2"}}, {"c", {"10.3"}}, {"d", {}}});
    give({{"a", {}}, {"b", {}}, {"c", {}}});
    give({{"d", {"10.1.2"}}});
    EXPECT_EQ(prefixes_of("a"), "10.1.1.0/24");
    EXPECT_EQ(prefixes_of("d"), "10.1.2.0/24");
    give({{"d", {"10.1.2", "10.1"}}});
    EXPECT_EQ(prefixes_of("a"), "") << "what lies within has moved as well";
    EXPECT_EQ(sink_->withheld(), 2U);
}

TEST_F(ShrinkingTest, WhatHasMovedInTheSameAnswerIsNotKept) {
    give({{"a", {"10.1"}}, {"b", {"10.2"}}, {"c", {}}});
    give({{"a", {}}, {"b", {}}, {"c", {"10.1", "10.2"}}});
    EXPECT_EQ(prefixes_of("a"), "");
    EXPECT_EQ(prefixes_of("b"), "");
    EXPECT_EQ(sink_->withheld(), 0U);
}

TEST_F(ShrinkingTest, SingleAddressesComeAndGo) {
    give({{"a", {"10.1", "10.9.0.1/32"}}, {"b", {"10.2", "10.9.0.2/32"}}});
    give({{"a", {"10.1"}}, {"b", {"10.2"}}});
    EXPECT_EQ(prefixes_of("a"), "10.1.0.0/16");
    EXPECT_EQ(sink_->withheld(), 0U);
}

TEST_F(ShrinkingTest, SoonAfterAnOutageNothingIsBelievedToBeLost) {
    give({{"a", {"10.1"}}, {"b", {"10.2"}}, {"c", {"10.3"}}, {"d", {"10.4", "10.9.0.2/32"}}});
    sink_->resumed();
    give({{"a", {}}, {"d", {"10.4"}}});
    EXPECT_EQ(prefixes_of("a"), "10.1.0.0/16");
    EXPECT_EQ(prefixes_of("d"), "10.4.0.0/16 10.9.0.2/32");
    let_pass(60s);
    EXPECT_EQ(prefixes_of("a"), "");
    EXPECT_EQ(prefixes_of("d"), "10.4.0.0/16");
}

TEST_F(ShrinkingTest, ThisNodeKeepsItsOwnLikeTheOthers) {
    const auto describe = [&](const std::vector<std::string>& prefixes) {
        sink_->describe_self(node({.name = "self", .addresses = {}, .prefixes = prefixes}));
    };
    describe({"10.8.0.0/16"});
    give({{"a", {"10.1"}}, {"b", {"10.2"}}});
    EXPECT_EQ(prefixes_of("self"), "10.8.0.0/16");
    describe({});
    give({{"a", {}}, {"b", {}}});
    EXPECT_EQ(prefixes_of("self"), "10.8.0.0/16");
    let_pass(60s);
    EXPECT_EQ(prefixes_of("self"), "");
}

TEST_F(ShrinkingTest, ANodeThatLeavesTakesAllAlong) {
    give({{"a", {"10.1"}}, {"b", {"10.2"}}, {"c", {"10.3"}}, {"d", {"10.4"}}, {"e", {"10.5"}}});
    give({{"a", {}}, {"b", {}}, {"c", {}}});
    EXPECT_EQ(sink_->withheld(), 3U);
    remove("a");
    let_pass(60s);
    EXPECT_EQ(nodes(), "bcde");
    EXPECT_EQ(sink_->withheld(), 0U);
}

TEST_F(CautiousSinkTest, KeepsTheNodesOfADirectoryThatIsEmptied) {
    const TemporaryDirectory mesh;
    const auto write = [&](const std::string& name) {
        write_text(
            mesh.path() / (name + ".yaml"),
            format_node_file(node({.name = name, .addresses = {"192.168.0.2"}, .prefixes = {}})));
    };
    for (const char* name : {"b", "c", "d"})
        write(name);
    DirectorySource source({.path = mesh.path(), .self = "self", .now = [this] { return now_; }},
                           *sink_);
    source.start();
    sink_->settle();
    ASSERT_TRUE(mesh_.is_complete);
    const auto let_both_pass = [&](std::chrono::seconds time) {
        for (; time > 0s; time -= 1s) {
            now_ += 1s;
            source.dispatch();
            sink_->settle();
        }
    };
    for (const char* name : {"b", "c", "d"})
        std::filesystem::remove(mesh.path() / (std::string(name) + ".yaml"));
    let_both_pass(40s);
    EXPECT_EQ(nodes(), "bcd");
    EXPECT_EQ(sink_->held(), 3U);
    write("c");
    let_both_pass(40s);
    EXPECT_EQ(nodes(), "c");
}

}  // namespace
}  // namespace wgs
