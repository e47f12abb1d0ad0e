// SPDX-License-Identifier: Apache-2.0
// An API server that is away, slow, forgetful or out of its mind: nothing is forgotten, and in the
// end everything is as it should be.
#include "tests/source/kubernetes_fixture.h"

namespace wgs::test {
namespace {

class KubernetesFaultTest : public KubernetesTest {
  protected:
    // Two peers, known to the sink.
    void start_with_peers() { start_with_peers(options()); }
    void start_with_peers(const KubernetesOptions& options) {
        put_peers();
        start(options);
        ASSERT_TRUE(run_until_complete());
        ASSERT_EQ(sink_.nodes.size(), 2U);
    }
    // Takes a watch, or a server, for dead after a short while.
    [[nodiscard]] KubernetesOptions impatient() const {
        KubernetesOptions impatient = options();
        impatient.timing.silence = 3s;
        impatient.timing.connect = 5s;
        return impatient;
    }
    void put_peers() {
        for (int i = 0; i < 3; ++i)
            put_peer(i, static_cast<std::uint8_t>(i + 1));
    }
    void put_peer(int number, std::uint8_t key) {
        api_.put_node(with_key(kubernetes_node("node-" + std::to_string(number),
                                               {"192.0.2." + std::to_string(10 + number)}, {}),
                               key));
    }
    // Twenty changes arrive, of which a server that starts afresh knows nothing.
    [[nodiscard]] bool runs_ahead() {
        for (std::uint8_t i = 0; i < 20; ++i)
            put_peer(2, static_cast<std::uint8_t>(50 + i));
        return run_until([&] {
            return sink_.nodes["node-2"].public_key == PublicKey::parse(key_of(69)).value();
        });
    }
    // A change made now arrives, and nobody has been removed.
    void expect_recovery(std::uint8_t key = 200) {
        put_peer(1, key);
        EXPECT_TRUE(run_until([&] {
            return sink_.nodes["node-1"].public_key == PublicKey::parse(key_of(key)).value();
        }));
        EXPECT_TRUE(run_until([&] { return source_->problems().empty(); }));
        EXPECT_TRUE(sink_.removed.empty());
        EXPECT_EQ(sink_.completions, 1);
    }
};

TEST_F(KubernetesFaultTest, GoesOnFromWhereABrokenWatchStopped) {
    start_with_peers();
    api_.set("break_after", 60);
    put_peer(2, 100);
    run_for(200ms);
    expect_recovery();
    EXPECT_EQ(sink_.nodes["node-2"].public_key, PublicKey::parse(key_of(100)).value());
    EXPECT_GE(api_.count("watch nodes"), 2);
    EXPECT_EQ(sink_.resumptions, 0);  // nothing was missed
}

TEST_F(KubernetesFaultTest, WatchesAgainWhenItsTimeIsOver) {
    put_peers();
    KubernetesOptions brief = options();
    brief.timing.watch = 1s;
    start(brief);
    EXPECT_TRUE(run_until([&] { return api_.count("watch nodes") >= 3; }));
    EXPECT_EQ(api_.count("list nodes"), 1);
    EXPECT_TRUE(run_until([&] { return source_->problems().empty(); }));
}

TEST_F(KubernetesFaultTest, ListsAgainWhenAnEventSaysGone) {
    start_with_peers();
    api_.control("end_watches");
    api_.control("delete", {{"path", "/api/v1/nodes"}, {"name", "node-2"}});
    api_.control("compact");
    EXPECT_TRUE(run_until([&] { return sink_.removed == std::vector<std::string>{"node-2"}; }));
    EXPECT_TRUE(sink_.nodes.contains("node-1"));
    EXPECT_GE(api_.count("list nodes"), 2);
    EXPECT_EQ(sink_.resumptions, 0);  // the server was there all the time
}

TEST_F(KubernetesFaultTest, ListsAgainWhenTheStatusSaysGone) {
    start_with_peers();
    api_.set("gone_by_status", 1);
    api_.control("end_watches");
    api_.control("compact");
    put_peer(2, 100);
    api_.control("compact");
    EXPECT_TRUE(run_until([&] { return api_.count("list nodes") >= 2; }));
    expect_recovery();
}

TEST_F(KubernetesFaultTest, BookmarksSpareItTheNextList) {
    start_with_peers();
    api_.set("bookmark_ms", 50);
    for (int i = 0; i < 5; ++i)  // changes that are no nodes'
        api_.control("put",
                     {{"path", "/api/v1/namespaces"},
                      {"object", R"({"metadata": {"name": "n)" + std::to_string(i) + "\"}}"}});
    // The second one from now on has begun after all of these. What was sent is read.
    const int sent = api_.count("bookmark nodes");
    ASSERT_TRUE(run_until([&] { return api_.count("bookmark nodes") >= sent + 2; }));
    for (int i = 0; i < 10; ++i)
        source_->dispatch();
    api_.control("compact");
    api_.control("end_watches");
    expect_recovery();
    EXPECT_EQ(api_.count("list nodes"), 1);
}

TEST_F(KubernetesFaultTest, BeginsAnewWhenTheNextPageHasGone) {
    api_.control("fill", {{"nodes", "9"}, {"prefixes", "1"}});
    KubernetesOptions paged = options();
    paged.timing.page_size = 2;
    api_.set("throttle", 0);
    start(paged);
    ASSERT_TRUE(run_until([&] { return api_.count("list nodes") >= 2; }));
    api_.control("compact");
    EXPECT_TRUE(run_until_complete());
    EXPECT_EQ(sink_.nodes.size(), 8U);
    EXPECT_TRUE(sink_.removed.empty());
}

TEST_F(KubernetesFaultTest, WaitsAsLongAsItIsTold) {
    put_peers();
    api_.set("throttle", 1);
    const SteadyTime begin = std::chrono::steady_clock::now();
    start();
    ASSERT_TRUE(run_until_complete());
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 1s);  // Retry-After
    EXPECT_EQ(api_.count("list nodes"), 2);
}

TEST_F(KubernetesFaultTest, SurvivesErrorsAndGarbage) {
    put_peers();
    api_.set("fail", 2);
    api_.set("refuse", 2);
    api_.set("garbage", 2);
    start();
    ASSERT_TRUE(run_until_complete());
    EXPECT_FALSE(sink_.reports.empty());
    expect_recovery();
}

TEST_F(KubernetesFaultTest, NoticesAWatchThatHasDied) {
    start_with_peers(impatient());
    api_.set("stall", 1);
    put_peer(2, 100);
    EXPECT_TRUE(run_until([&] { return !problem_of("nodes").empty(); }));
    EXPECT_TRUE(sink_.removed.empty());
    api_.set("stall", 0);
    expect_recovery();
}

TEST_F(KubernetesFaultTest, KeepsEverythingWhileTheServerIsPaused) {
    start_with_peers(impatient());
    api_.pause();
    EXPECT_TRUE(run_until([&] { return !problem_of("nodes").empty(); }));
    EXPECT_EQ(sink_.nodes.size(), 2U);
    api_.go_on();
    expect_recovery();
}

TEST_F(KubernetesFaultTest, KeepsEverythingWhileTheServerIsAway) {
    start_with_peers();
    api_.stop();
    EXPECT_TRUE(run_until([&] { return !problem_of("nodes").empty(); }));
    EXPECT_EQ(sink_.nodes.size(), 2U);
    api_.start();
    put_peers();
    expect_recovery();
}

// The numbering of a restored server has gone back: a watch from where we stopped would say nothing
// for a long time.
TEST_F(KubernetesFaultTest, ListsAgainWhenTheServerComesBackFromABackup) {
    start_with_peers();
    ASSERT_TRUE(runs_ahead());
    api_.stop();
    api_.start();
    put_peers();
    EXPECT_TRUE(run_until(
        [&] { return sink_.nodes["node-2"].public_key == PublicKey::parse(key_of(3)).value(); }));
    expect_recovery();
}

// Then whoever is missing may only not have returned yet.
TEST_F(KubernetesFaultTest, TellsOfAnOutageBeforeItRemovesWhoIsMissingAfterwards) {
    start_with_peers();
    ASSERT_TRUE(runs_ahead());
    api_.stop();
    ASSERT_TRUE(run_until([&] { return !problem_of("nodes").empty(); }));
    api_.start();
    for (const int number : {0, 1})
        put_peer(number, static_cast<std::uint8_t>(number + 1));
    EXPECT_TRUE(run_until([&] { return sink_.removed == std::vector<std::string>{"node-2"}; }));
    EXPECT_EQ(sink_.resumptions, 1);
    EXPECT_EQ(sink_.removed_before, 0U);
}

}  // namespace
}  // namespace wgs::test
