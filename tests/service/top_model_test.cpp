// SPDX-License-Identifier: Apache-2.0
// What `wgsteer top` makes of the agent's documents.
#include <gtest/gtest.h>

#include "cli/top/frame.h"
#include "cli/top/model.h"
#include "top_document.h"

namespace wgs::cli {
namespace {

using Json = nlohmann::json;
using test::top_document;
using test::TopRow;

TopModel model_of(const std::vector<Json>& documents) {
    TopModel model;
    for (const Json& document : documents)
        model.take(document);
    return model;
}

const TopPeer& peer(const TopModel& model, const std::string& name,
                    const std::string& tunnel = "wgsteer0") {
    const TopPeer* found = model.find({.name = name, .tunnel = tunnel});
    if (found == nullptr) throw std::runtime_error("there is no " + name);
    return *found;
}

std::vector<std::string> names(const TopModel& model, const TopOrder& order) {
    std::vector<std::string> list;
    for (const TopPeer* one : model.rows(order))
        list.push_back(one->key.name);
    return list;
}

using Names = std::vector<std::string>;

TEST(TopModel, MakesRatesOfTwoDocuments) {
    const TopModel model =
        model_of({top_document(1000, {{.name = "b", .out_packets = 10, .out_bytes = 1000}}),
                  top_document(3000, {{.name = "b",
                                       .out_packets = 30,
                                       .out_bytes = 5000,
                                       .in_packets = 8,
                                       .in_bytes = 800,
                                       .dropped = 4,
                                       .clear = 2}})});
    const TopRates expected{.out_packets = 10,
                            .out_bits = 16'000,
                            .in_packets = 4,
                            .in_bits = 3200,
                            .drops = 2,
                            .clear = 1};
    EXPECT_EQ(peer(model, "b").rates, expected);
    EXPECT_EQ(peer(model, "b").history, std::vector<float>{19'200});
    EXPECT_EQ(model.total(), expected);
    EXPECT_EQ(model.interval(), 2);
}

TEST(TopModel, KnowsNoRatesAfterOneDocument) {
    const TopModel model = model_of({top_document(1000, {{.name = "b", .out_bytes = 1000}})});
    EXPECT_FALSE(peer(model, "b").rates);
    EXPECT_EQ(model.interval(), 0);
    EXPECT_EQ(model.total(), TopRates());
}

TEST(TopModel, StartsAnewWhenCountersDo) {
    const Json full = top_document(1000, {{.name = "b", .out_packets = 900, .out_bytes = 90'000}});
    const Json fresh = top_document(2000, {{.name = "b", .out_packets = 1, .out_bytes = 100}});
    const Json later = top_document(3000, {{.name = "b", .out_packets = 3, .out_bytes = 300}});
    const TopModel reset = model_of({full, fresh});
    EXPECT_FALSE(peer(reset, "b").rates) << "neither negative nor enormous";
    EXPECT_TRUE(peer(reset, "b").history.empty());
    EXPECT_EQ(peer(model_of({full, fresh, later}), "b").rates->out_packets, 2);
}

TEST(TopModel, SurvivesAnAgentWhoseClockBeganAnew) {
    const Json before = top_document(500'000, {{.name = "b", .out_packets = 1}});
    const Json rebooted = top_document(1000, {{.name = "b", .out_packets = 5}});
    const Json later = top_document(2000, {{.name = "b", .out_packets = 6}});
    EXPECT_FALSE(peer(model_of({before, rebooted}), "b").rates);
    EXPECT_EQ(peer(model_of({before, rebooted, later}), "b").rates->out_packets, 1);
    EXPECT_FALSE(peer(model_of({before, before}), "b").rates) << "no time has passed";
}

TEST(TopModel, ForgetsPeersThatGoAndBeginsAnewWithThoseThatCome) {
    const Json both = top_document(1000, {{.name = "b", .out_packets = 5}, {.name = "c"}});
    const Json one = top_document(2000, {{.name = "c"}});
    const Json again = top_document(3000, {{.name = "b", .out_packets = 500}, {.name = "c"}});
    const TopModel without = model_of({both, one});
    EXPECT_EQ(without.size(), 1U);
    EXPECT_EQ(without.find({.name = "b", .tunnel = "wgsteer0"}), nullptr);
    const TopModel with = model_of({both, one, again});
    EXPECT_FALSE(peer(with, "b").rates);
    EXPECT_EQ(peer(with, "c").history.size(), 2U);
}

TEST(TopModel, KeepsTheTunnelsOfANodeApart) {
    const auto rows = [](std::uint64_t v4, std::uint64_t v6) {
        return std::vector<TopRow>{{.name = "b", .out_packets = v4, .tunnel = "wgsteer0"},
                                   {.name = "b", .out_packets = v6, .tunnel = "wgsteer0-v6"}};
    };
    const TopModel model =
        model_of({top_document(0, rows(0, 100)), top_document(1000, rows(5, 107))});
    EXPECT_EQ(peer(model, "b", "wgsteer0").rates->out_packets, 5);
    EXPECT_EQ(peer(model, "b", "wgsteer0-v6").rates->out_packets, 7);
    EXPECT_TRUE(model.several_tunnels());
}

TEST(TopModel, ShowsTheMeanOfWhatWasTimedLast) {
    const auto with = [](std::int64_t ms, int samples, int us) {
        return top_document(ms, {{.name = "b", .crypto_samples = samples, .crypto_us = us}});
    };
    TopModel model = model_of({with(0, 4, 40)});
    EXPECT_TRUE(model.times_packets());
    EXPECT_EQ(peer(model, "b").crypto, 10);
    model.take(with(1000, 6, 140));
    EXPECT_EQ(peer(model, "b").crypto, 50);
    model.take(with(2000, 6, 140));
    EXPECT_EQ(peer(model, "b").crypto, 50) << "the last that was timed";
    model.take(with(3000, 1, 7));  // another life
    EXPECT_EQ(peer(model, "b").crypto, 50);
    model.take(with(4000, 2, 10));
    EXPECT_EQ(peer(model, "b").crypto, 3);
}

TEST(TopModel, DoesWithoutTimes) {
    TopModel model = model_of({top_document(0, {{.name = "b"}})});
    EXPECT_FALSE(model.times_packets());
    EXPECT_FALSE(peer(model, "b").crypto);
    Json older = top_document(1000, {{.name = "b"}});
    older["columns"].erase(11);
    older["columns"].erase(10);
    model.take(older);
    EXPECT_FALSE(model.times_packets());
}

TEST(TopModel, BoundsTheHistory) {
    TopModel model;
    for (std::int64_t i = 0; i < 300; ++i)
        model.take(top_document(1000 * i,
                                {{.name = "b", .out_bytes = static_cast<std::uint64_t>(i * i)}}));
    const auto& history = peer(model, "b").history;
    EXPECT_EQ(history.size(), TopModel::kHistory);
    EXPECT_EQ(history.back(), 8 * (299 * 299 - 298 * 298)) << "the newest is the last";
}

TEST(TopModel, KeepsWhatItKnowsWhenADocumentIsStrange) {
    TopModel model = model_of({top_document(1000, {{.name = "b"}})});
    Json strange = top_document(2000, {{.name = "c"}});
    for (const char* key : {"peers", "columns", "alarms", "milliseconds", "in_sync"}) {
        Json broken = strange;
        broken[key] = "no";
        EXPECT_THROW(model.take(broken), Json::exception) << key;
        broken.erase(key);
        EXPECT_THROW(model.take(broken), Json::exception) << key;
    }
    strange["peers"][0].erase(9);
    EXPECT_THROW(model.take(strange), Json::exception);
    EXPECT_EQ(names(model, {}), Names{"b"});
    EXPECT_EQ(model.node(), "node-a");
}

TEST(TopModel, FindsColumnsByTheirNames) {
    Json newer = top_document(0, {{.name = "b", .state = "stalled"}});
    newer["columns"].insert(newer["columns"].begin(), "something new");
    newer["peers"][0].insert(newer["peers"][0].begin(), "x");
    EXPECT_EQ(peer(model_of({newer}), "b").state, "stalled");
}

TEST(TopModel, LetsNobodyCommandTheTerminal) {
    Json document = top_document(0, {{.name = "b\033[2J", .state = "re\nady"}});
    document["alarms"] = Json::array({test::stalled_alarm("b\033c")});
    document["node"] = "\aself";
    const TopModel model = model_of({document});
    EXPECT_EQ(names(model, {}), Names{"b?[2J"});
    EXPECT_EQ(model.rows({}).front()->state, "re?ady");
    EXPECT_EQ(model.alarms().front().object, "b?c");
    EXPECT_EQ(model.node(), "?self");
}

// a is busy outwards, b inwards, c drops, d has never shaken hands.
TopModel four() {
    const std::vector<TopRow> begin{{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}};
    return model_of(
        {top_document(0, begin),
         top_document(1000, {{.name = "a", .out_bytes = 90, .in_bytes = 1, .handshake = 300},
                             {.name = "b",
                              .out_bytes = 10,
                              .in_bytes = 100,
                              .handshake = 100,
                              .crypto_samples = 2,
                              .crypto_us = 10},
                             {.name = "c",
                              .state = "stalled",
                              .dropped = 5,
                              .handshake = 200,
                              .crypto_samples = 1,
                              .crypto_us = 30},
                             {.name = "d", .state = "waiting"}})});
}

TEST(TopOrder, SortsByEachKeyBothWays) {
    const TopModel model = four();
    const std::map<TopSort, Names> expected{
        {TopSort::rate, {"b", "a", "c", "d"}},      {TopSort::out, {"a", "b", "c", "d"}},
        {TopSort::in, {"b", "a", "c", "d"}},        {TopSort::drops, {"c", "a", "b", "d"}},
        {TopSort::handshake, {"d", "b", "c", "a"}}, {TopSort::state, {"c", "d", "a", "b"}},
        {TopSort::crypto, {"c", "b", "a", "d"}},    {TopSort::name, {"a", "b", "c", "d"}},
    };
    ASSERT_EQ(expected.size(), kTopSorts);
    for (const auto& [sort, order] : expected) {
        EXPECT_EQ(names(model, {.sort = sort}), order) << to_string(sort);
        EXPECT_EQ(parse_top_sort(to_string(sort)), sort);
    }
    EXPECT_EQ(names(model, {.sort = TopSort::name, .direction = TopDirection::reversed}),
              (Names{"d", "c", "b", "a"}));
    EXPECT_EQ(names(model, {.sort = TopSort::in, .direction = TopDirection::reversed}),
              (Names{"c", "d", "a", "b"}));
    EXPECT_EQ(parse_top_sort("speed"), std::nullopt);
}

TEST(TopOrder, FiltersByWordsInNameStateAndTunnel) {
    const TopModel model = model_of(
        {top_document(0, {{.name = "worker-1"},
                          {.name = "worker-2", .state = "waiting"},
                          {.name = "control-1", .state = "waiting", .tunnel = "wgsteer0-v6"}})});
    const auto filtered = [&](const std::string& filter) {
        return names(model, {.sort = TopSort::name, .filter = filter});
    };
    EXPECT_EQ(filtered("").size(), 3U);
    EXPECT_EQ(filtered("worker"), (Names{"worker-1", "worker-2"}));
    EXPECT_EQ(filtered("WAITING"), (Names{"control-1", "worker-2"}));
    EXPECT_EQ(filtered(" waiting  worker "), Names{"worker-2"});
    EXPECT_EQ(filtered("-v6"), Names{"control-1"});
    EXPECT_EQ(filtered("1ready"), Names{});
}

TEST(TopOrder, CountsStatesTheWorstFirst) {
    using Counts = std::vector<std::pair<std::string, std::size_t>>;
    EXPECT_EQ(four().states(), (Counts{{"stalled", 1}, {"waiting", 1}, {"ready", 2}}));
    EXPECT_EQ(TopModel().states(), (Counts{{"ready", 0}}));
}

TEST(TopFrame, IsAListWithoutATerminal) {
    const auto now = std::chrono::seconds(330);
    EXPECT_EQ(plain_frame(four(), {.sort = TopSort::drops}, 2, now),
              "node-a  policy require  in sync  4 peers: 1 stalled, 1 waiting, 2 ready\n"
              "out 0 p/s 800 b/s  in 0 p/s 808 b/s  5 drops/s  0 in clear/s\n"
              "no alarms\n"
              "NAME      STATE     HSHAKE OUT p/s OUT b/s IN p/s IN b/s DROP/s CLEAR/s CRYPTO\n"
              "c         stalled    130 s       0       0      0      0      5       0   30us\n"
              "a         ready       30 s       0     720      0      8      0       0      -\n");
}

TEST(TopFrame, IsJsonForPrograms) {
    const Json frame = Json::parse(json_frame(four(), {.filter = "b"}, 10));
    EXPECT_EQ(frame["node"], "node-a");
    EXPECT_EQ(frame["seconds"], 1.0);
    ASSERT_EQ(frame["peers"].size(), 1U);
    EXPECT_EQ(frame["peers"][0]["name"], "b");
    EXPECT_EQ(frame["peers"][0]["in_bits"], 800.0);
    EXPECT_EQ(frame["peers"][0]["last_handshake"], 100);
    const TopModel once = model_of({top_document(0, {{.name = "b"}})});
    EXPECT_TRUE(Json::parse(json_frame(once, {}, 10))["peers"][0]["in_bits"].is_null());
}

}  // namespace
}  // namespace wgs::cli
