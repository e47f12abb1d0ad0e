// SPDX-License-Identifier: Apache-2.0
// What the source writes: the own Node's annotations, its taint, and Events.
#include "tests/source/kubernetes_fixture.h"

namespace wgs::test {
namespace {

constexpr const char* kKey = "wgsteer.io/public-key";
constexpr const char* kPort = "wgsteer.io/port";
constexpr const char* kEvents = "/api/v1/namespaces/default/events";

class KubernetesSelfTest : public KubernetesTest {
  protected:
    static NodeInfo self() {
        return {.name = "node-0", .public_key = PublicKey::parse(key_of(9)).value(), .port = 51999};
    }
    void start_published() {
        start();
        static_cast<void>(source_->publish(self()));
        ASSERT_TRUE(run_until_complete());
        ASSERT_TRUE(run_until([&] { return annotation("node-0", kKey) == key_of(9); }));
    }
    static nlohmann::json own_node() {
        nlohmann::json node = kubernetes_node("node-0", {"192.0.2.10"}, {"10.0.0.0/24"});
        node["metadata"]["annotations"] = {{"other.io/a", "1"}};
        node["metadata"]["labels"] = {{"l", "1"}};
        node["spec"]["taints"] = {{{"key", "other"}, {"effect", "NoExecute"}},
                                  {{"key", "wgsteer.io/not-ready"}, {"effect", "NoSchedule"}}};
        return node;
    }
    [[nodiscard]] std::size_t taints() const {
        return api_.get_node("node-0")["spec"].value("taints", nlohmann::json::array()).size();
    }
};

TEST_F(KubernetesSelfTest, PublishesKeyAndPortAndDisturbsNothingElse) {
    api_.put_node(own_node());
    start_published();
    nlohmann::json expected = api_.get_node("node-0");
    EXPECT_EQ(expected["metadata"]["annotations"],
              (nlohmann::json{{"other.io/a", "1"}, {kKey, key_of(9)}, {kPort, "51999"}}));
    const nlohmann::json before = own_node();
    EXPECT_EQ(expected["spec"], before["spec"]);
    EXPECT_EQ(expected["status"], before["status"]);
    EXPECT_EQ(expected["metadata"]["labels"], before["metadata"]["labels"]);
    EXPECT_EQ(api_.count("PATCH nodes"), 1);
}

TEST_F(KubernetesSelfTest, RepairsWhatSomebodyEdits) {
    api_.put_node(own_node());
    start_published();
    annotate("node-0", kKey, key_of(8));
    EXPECT_TRUE(run_until([&] { return annotation("node-0", kKey) == key_of(9); }));
    annotate("node-0", kPort, nullptr);
    EXPECT_TRUE(run_until([&] { return annotation("node-0", kPort) == "51999"; }));
}

TEST_F(KubernetesSelfTest, DoesNotFightForEver) {
    api_.put_node(own_node());
    start_published();
    const SteadyTime end = std::chrono::steady_clock::now() + 2s;
    run_until([&] {
        if (annotation("node-0", kKey) == key_of(9)) annotate("node-0", kKey, key_of(8));
        return std::chrono::steady_clock::now() >= end;
    });
    EXPECT_LE(api_.count("PATCH nodes"), 7);  // pauses of 0.1, 0.2, 0.4, 0.8 s
}

TEST_F(KubernetesSelfTest, PublishesWhenTheNodeAppears) {
    start();
    static_cast<void>(source_->publish(self()));
    ASSERT_TRUE(run_until([&] { return !problem_of("own Node").empty(); }));
    api_.put_node(own_node());
    EXPECT_TRUE(run_until([&] { return annotation("node-0", kKey) == key_of(9); }));
    EXPECT_EQ(problem_of("own Node"), "");
}

TEST_F(KubernetesSelfTest, PublishesInTheEndWhateverGoesWrong) {
    api_.put_node(own_node());
    start();
    ASSERT_TRUE(run_until_complete());
    api_.set("fail", 2);
    static_cast<void>(source_->publish(self()));
    EXPECT_TRUE(run_until([&] { return annotation("node-0", kKey) == key_of(9); }));
}

TEST_F(KubernetesSelfTest, RemovesItsTaintOnlyOnceTheNodeIsProtected) {
    api_.put_node(own_node());
    start_published();
    run_for(300ms);
    EXPECT_EQ(taints(), 2U);
    source_->note_protected();
    EXPECT_TRUE(run_until([&] { return taints() == 1; }));
    EXPECT_EQ(api_.get_node("node-0")["spec"]["taints"][0]["key"], "other");
}

TEST_F(KubernetesSelfTest, RemovesTheRightTaintWhenTheyMove) {
    api_.put_node(own_node());
    start_published();
    nlohmann::json moved = api_.get_node("node-0");
    auto& taints_of = moved["spec"]["taints"];
    const nlohmann::json added{{"key", "new"}, {"effect", "NoSchedule"}};
    taints_of.insert(taints_of.begin(), added);
    api_.put_node(moved);
    source_->note_protected();  // by what it saw before
    EXPECT_TRUE(run_until([&] { return taints() == 2; }));
    EXPECT_EQ(api_.get_node("node-0")["spec"]["taints"][0]["key"], "new");
    EXPECT_EQ(api_.get_node("node-0")["spec"]["taints"][1]["key"], "other");
}

TEST_F(KubernetesSelfTest, WithdrawsItsAnnotationsAndOnlyThose) {
    api_.put_node(own_node());
    start_published();
    EXPECT_TRUE(source_->withdraw());
    EXPECT_EQ(api_.get_node("node-0")["metadata"]["annotations"],
              (nlohmann::json{{"other.io/a", "1"}}));
    run_for(300ms);
    EXPECT_EQ(annotation("node-0", kKey), "");
}

TEST_F(KubernetesSelfTest, WithdrawsWithoutHavingStarted) {
    nlohmann::json node = with_key(own_node(), 9);
    api_.put_node(node);
    auto source = KubernetesSource::open(options(), sink_);
    ASSERT_TRUE(source);
    EXPECT_TRUE((*source)->withdraw());
    EXPECT_EQ(annotation("node-0", kKey), "");
    api_.delete_node("node-0");
    EXPECT_TRUE((*source)->withdraw());
}

TEST_F(KubernetesSelfTest, DoesNotWaitForEverToWithdraw) {
    api_.set("hang", 1);
    KubernetesOptions hasty = options();
    hasty.withdraw_limit = 300ms;
    auto source = KubernetesSource::open(hasty, sink_);
    ASSERT_TRUE(source);
    EXPECT_FALSE((*source)->withdraw());
    api_.set("hang", 0);
}

TEST_F(KubernetesSelfTest, MakesOneEventOfManyRefusals) {
    api_.put_node(own_node());
    start_published();
    std::vector<Rejection> rejections;
    for (int i = 0; i < 9; ++i)
        rejections.push_back({.node = "node-1",
                              .what = "10.0." + std::to_string(i) + ".0/24",
                              .reason = "belongs to node-2"});
    rejections.push_back({.node = "node-1", .what = key_of(1), .reason = "another node has it"});
    source_->note_rejections(rejections);
    source_->note_rejections(rejections);
    ASSERT_TRUE(run_until([&] { return api_.control("list", {{"path", kEvents}}).size() == 2; }));
    std::set<std::string> reasons;
    for (const auto& event : api_.control("list", {{"path", kEvents}})) {
        EXPECT_EQ(event["involvedObject"]["name"], "node-1");
        EXPECT_EQ(event["type"], "Warning");
        reasons.insert(event["reason"]);
    }
    EXPECT_EQ(reasons, (std::set<std::string>{"KeyConflict", "PrefixRejected"}));
    EXPECT_EQ(api_.count("POST events"), 2);
}

}  // namespace
}  // namespace wgs::test
