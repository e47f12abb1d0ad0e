// SPDX-License-Identifier: Apache-2.0
// What needs no etcd: its messages, what its keys mean, and when our own is written.
#include <gtest/gtest.h>

#include "node_builder.h"
#include "source/etcd_link.h"
#include "source/etcd_nodes.h"
#include "source/etcd_own_key.h"
#include "source/node_json.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

TEST(EtcdMessages, FindTheEndOfARange) {
    EXPECT_EQ(range_end_of("/a/"), "/a0");
    EXPECT_EQ(range_end_of("a\xff\xff"), "b");
    EXPECT_EQ(range_end_of("\xff"), std::string(1, '\0'));
}

TEST(EtcdMessages, AreWrittenAsTheGatewayWantsThem) {
    EXPECT_EQ(format_range({.key = "a", .end = "b", .limit = 5, .revision = 7}),
              R"({"key":"YQ==","limit":"5","range_end":"Yg==","revision":"7"})");
    EXPECT_EQ(format_range({.key = "a"}), R"({"key":"YQ=="})");
    EXPECT_EQ(format_put("a", "b", 9'007'199'254'740'993),
              R"({"key":"YQ==","lease":"9007199254740993","value":"Yg=="})");
}

TEST(EtcdMessages, ReadAPage) {
    const auto page = parse_page(
        R"({"header":{"cluster_id":"14841639068965178418","revision":"5","raft_term":"2"},)"
        R"("kvs":[{"key":"YQ==","value":"Yg==","lease":"7","mod_revision":"4"}],)"
        R"("more":true,"count":"2"})");
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ(page->header.cluster, 14841639068965178418u);
    EXPECT_EQ(page->header.revision, 5);
    EXPECT_TRUE(page->more);
    ASSERT_EQ(page->entries.size(), 1u);
    EXPECT_EQ(page->entries[0].key, "a");
    EXPECT_EQ(page->entries[0].value, "b");
    EXPECT_EQ(page->entries[0].lease, 7);
    EXPECT_EQ(page->entries[0].revision, 4);
}

TEST(EtcdMessages, ReadWatchAnswers) {
    const auto answer =
        parse_watch_answer(R"({"result":{"header":{"revision":"9"},"fragment":true,"events":[)"
                           R"({"kv":{"key":"YQ==","mod_revision":"8"}},)"
                           R"({"type":"DELETE","kv":{"key":"Yg==","mod_revision":"9"}}]}})");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(answer->fragment);
    ASSERT_EQ(answer->events.size(), 2u);
    EXPECT_FALSE(answer->events[0].deleted);
    EXPECT_TRUE(answer->events[1].deleted);
    const auto canceled = parse_watch_answer(
        R"({"result":{"header":{},"canceled":true,"compact_revision":"12","cancel_reason":"x"}})");
    EXPECT_EQ(canceled->compact_revision, 12);
    EXPECT_TRUE(canceled->canceled);
}

TEST(EtcdMessages, ReadErrorsOfEveryForm) {
    EXPECT_EQ(error_text(R"({"error":"etcdserver: a","message":"etcdserver: a","code":3})"),
              "etcdserver: a");
    EXPECT_EQ(error_text(R"({"error":"etcdserver: b","code":3})"), "etcdserver: b");
    EXPECT_EQ(error_text(R"({"error":{"grpc_code":14,"message":"no leader"}})"), "no leader");
    EXPECT_EQ(error_text("<html>\n"), "'<html>\\x0a'");
    const auto stream = parse_watch_answer(R"({"error":{"message":"etcdserver: no leader"}})");
    EXPECT_EQ(stream.error().message, "etcdserver: no leader");
}

TEST(EtcdMessages, RefuseWhatIsOfAWrongKind) {
    for (const std::string text :
         {"", "[]", "{", "{}", R"({"header":1})", R"({"header":{"revision":"x"}})",
          R"({"header":{"revision":"99999999999999999999"}})", R"({"header":{},"kvs":{}})",
          R"({"header":{},"kvs":[1]})", R"({"header":{},"kvs":[{"key":"?"}]})",
          R"({"header":{},"kvs":[{"key":1}]})", R"({"header":{},"more":1})"}) {
        EXPECT_FALSE(parse_page(text)) << text;
    }
    for (const std::string result :
         {"1", "{}", R"({"header":{},"events":[{}]})", R"({"header":{},"created":"yes"})",
          R"({"header":{},"events":[{"type":"MOVE","kv":{}}]})"}) {
        EXPECT_FALSE(parse_watch_answer("{\"result\":" + result + "}")) << result;
    }
    EXPECT_FALSE(parse_token(R"({"token":"a\nb"})"));
    EXPECT_FALSE(parse_token("{}"));
    EXPECT_FALSE(parse_lease(R"({"header":{},"ID":"x"})"));
}

TEST(EtcdFaults, AreToldApart) {
    EXPECT_EQ(etcd_fault(401, "x"), EtcdFault::unauthenticated);
    EXPECT_EQ(etcd_fault(400, "etcdserver: invalid auth token"), EtcdFault::unauthenticated);
    EXPECT_EQ(etcd_fault(503, "x"), EtcdFault::unreachable);
    EXPECT_EQ(etcd_fault(200, "etcdserver: no leader"), EtcdFault::unreachable);
    EXPECT_EQ(etcd_fault(403, "etcdserver: permission denied"), EtcdFault::refused);
}

class Events final : public SourceSink {
  public:
    void upsert(const NodeInfo& node) override { list.push_back("upsert " + node.name); }
    void remove(const std::string& name) override { list.push_back("remove " + name); }
    void away(const std::string& name) override { list.push_back("away " + name); }
    [[nodiscard]] bool session_lives(const std::string&) const override { return lives; }
    void complete() override {}
    void report(const Problem& problem) override { list.push_back("report " + problem.message); }
    std::vector<std::string> take() { return std::exchange(list, {}); }

    std::vector<std::string> list;
    bool lives = false;
};

class EtcdNodesTest : public ::testing::Test {
  protected:
    using List = std::vector<std::string>;

    void put(const std::string& name) { put_value(name, format_node_json(NodeInfo{.name = name})); }
    void put_value(const std::string& name, const std::string& value) {
        nodes_.put({.key = "/n/" + name, .value = value});
    }

    Events sink_;
    EtcdNodes nodes_{"/n/", "self", sink_};
    const SteadyTime now_ = SteadyTime(1h);
};

TEST_F(EtcdNodesTest, KnowOnlyKeysOfOtherNodes) {
    EXPECT_EQ(nodes_.node_of("/n/a"), "a");
    for (const std::string key : {"/n/self", "/n/", "/n/A", "/n/a/b", "/na", "a", ""})
        EXPECT_EQ(nodes_.node_of(key), std::nullopt) << key;
    put("self");
    EXPECT_EQ(sink_.take(), List{});
}

TEST_F(EtcdNodesTest, AreAwayWhenTheirKeyEndsAndBackWhenItReturns) {
    put("a");
    nodes_.erase("/n/a", now_);
    nodes_.erase("/n/a", now_);
    EXPECT_EQ(nodes_.away(), 1u);
    put("a");
    EXPECT_EQ(nodes_.away(), 0u);
    EXPECT_EQ(sink_.take(), (List{"upsert a", "away a", "upsert a"}));
}

TEST_F(EtcdNodesTest, LeaveByAMarkOnly) {
    put("a");
    put_value("a", format_left_json("a"));
    nodes_.erase("/n/a", now_);
    EXPECT_EQ(sink_.take(), (List{"upsert a", "remove a"}));
    EXPECT_EQ(nodes_.count(), 0u);
    put_value("b", format_left_json("b"));
    EXPECT_EQ(sink_.take(), List{});
}

TEST_F(EtcdNodesTest, AreAwayWhenAListingLacksThem) {
    for (const std::string name : {"a", "b", "c"})
        put(name);
    put_value("d", "bad");
    sink_.take();
    nodes_.begin_listing();
    put("b");
    nodes_.end_listing(now_);
    EXPECT_EQ(sink_.take(), (List{"upsert b", "away a", "away c"}));
    EXPECT_EQ(nodes_.count(), 3u);
}

TEST_F(EtcdNodesTest, GoOnlyAfterMinutesInReachWithoutASession) {
    put("a");
    nodes_.erase("/n/a", now_);
    sink_.take();
    nodes_.expire(now_ + 299s, now_);
    nodes_.expire(now_ + 400s, now_ + 101s);  // etcd was out of reach until then
    sink_.lives = true;
    nodes_.expire(now_ + 1h, now_);
    EXPECT_EQ(sink_.take(), List{});
    sink_.lives = false;
    nodes_.expire(now_ + 1h, now_);
    EXPECT_EQ(sink_.take(), List{"remove a"});
    EXPECT_TRUE(nodes_.problems().empty());
}

TEST_F(EtcdNodesTest, KeepTheLastGoodStateAndSayWhatIsBadOnce) {
    put("a");
    put_value("a", "[]");
    put_value("a", "[1]");
    EXPECT_EQ(sink_.take(), (List{"upsert a", "report not a JSON object"}));
    EXPECT_EQ(nodes_.problems(),
              (std::vector<Problem>{{.object = "'/n/a'", .message = "not a JSON object"}}));
    put("a");
    EXPECT_TRUE(nodes_.problems().empty());
}

TEST_F(EtcdNodesTest, AreLimitedInNumber) {
    for (std::size_t i = 0; i < EtcdNodes::kMaxNodes; ++i)
        put_value("n" + std::to_string(i), "");
    sink_.take();
    put("one-more");
    EXPECT_EQ(sink_.take(), List{"report more than 100000 nodes; others are ignored"});
    EXPECT_EQ(nodes_.count(), EtcdNodes::kMaxNodes);
    EXPECT_LE(nodes_.problems().size(), 22u);
}

class EtcdOwnKeyTest : public ::testing::Test {
  protected:
    EtcdOwnKeyTest() {
        own_.want("v");
        own_.use_lease(7);
    }
    [[nodiscard]] static EtcdEntry entry(const std::string& value, std::int64_t lease) {
        return {.key = "k", .value = value, .lease = lease};
    }
    void see(const EtcdEntry& entry, std::int64_t revision) { own_.seen(&entry, revision, now_); }
    void write(std::int64_t revision) {
        EXPECT_TRUE(own_.take_write(now_));
        own_.written(revision, now_);
    }
    [[nodiscard]] bool settled() const { return !own_.next_write(); }

    EtcdOwnKey own_{"k"};
    SteadyTime now_{1h};
};

TEST_F(EtcdOwnKeyTest, IsWrittenOnceThereIsSomethingToSayAndALease) {
    EtcdOwnKey other("k");
    EXPECT_FALSE(other.take_write(now_));
    other.want("v");
    EXPECT_FALSE(other.take_write(now_));
    other.use_lease(1);
    EXPECT_TRUE(other.take_write(now_));
    EXPECT_FALSE(other.take_write(now_));  // under way
}

TEST_F(EtcdOwnKeyTest, IsWrittenAgainForANewValueOrLease) {
    write(5);
    EXPECT_TRUE(settled());
    own_.want("w");
    write(6);
    own_.use_lease(8);
    write(7);
    EXPECT_TRUE(settled());
}

TEST_F(EtcdOwnKeyTest, IsRestoredAfterWhatIsNewerThanOurWrite) {
    write(5);
    see(entry("old", 3), 4);
    see(entry("v", 7), 5);
    EXPECT_TRUE(settled());
    see(entry("x", 7), 6);
    EXPECT_TRUE(own_.is_contested(now_));
    EXPECT_FALSE(own_.take_write(now_));  // a pause comes first
    now_ += 1s;
    write(7);
    EXPECT_TRUE(settled());
    own_.seen(nullptr, 8, now_);
    now_ += 1s;
    write(9);
    see(entry("v", 0), 10);  // without our lease
    EXPECT_FALSE(settled());
    now_ += 2min;
    EXPECT_FALSE(own_.is_contested(now_));
}

TEST_F(EtcdOwnKeyTest, IsRestoredAfterAChangeThatCameWhileItWasWritten) {
    EXPECT_TRUE(own_.take_write(now_));
    see(entry("x", 1), 6);
    own_.written(5, now_);
    EXPECT_FALSE(settled());
}

TEST_F(EtcdOwnKeyTest, IsNotContestedWhenItEndsWithItsLease) {
    write(5);
    own_.seen(nullptr, 6, now_);
    EXPECT_TRUE(own_.is_contested(now_));  // for all that is known yet
    own_.use_lease(0);
    EXPECT_FALSE(own_.is_contested(now_));
    own_.use_lease(8);
    now_ += 1s;
    write(7);
    EXPECT_TRUE(settled());
    // The other way round.
    own_.use_lease(0);
    own_.seen(nullptr, 8, now_);
    EXPECT_FALSE(own_.is_contested(now_));
    own_.use_lease(9);
    write(9);
    EXPECT_TRUE(settled());
    see(entry("x", 9), 10);
    EXPECT_TRUE(own_.is_contested(now_));
}

TEST_F(EtcdOwnKeyTest, IsRestoredAtGrowingIntervals) {
    write(1);
    SteadyTime::duration pause{0};
    for (std::int64_t revision = 2; revision < 22; revision += 2) {
        see(entry("x", 1), revision);
        pause = *own_.next_write() - now_;
        now_ += pause;
        write(revision + 1);
    }
    EXPECT_GE(pause, 20s);
    EXPECT_LE(pause, 30s);
}

TEST_F(EtcdOwnKeyTest, IsWrittenAgainAfterAnInterruption) {
    write(5);
    EXPECT_TRUE(settled());
    own_.want("w");
    EXPECT_TRUE(own_.take_write(now_));
    own_.interrupted();
    write(6);
    own_.forget_revisions();
    write(2);
    EXPECT_TRUE(settled());
}

}  // namespace
}  // namespace wgs
