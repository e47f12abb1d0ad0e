// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/measurement.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "bench/measure/json.h"
#include "bench/measure/turns.h"

namespace wgs::bench {
namespace {

TEST(MeasurementTest, MedianAndExtremesDoNotDependOnTheOrder) {
    const Measurement one{.samples = {5, 1, 4, 2, 3}};
    EXPECT_DOUBLE_EQ(one.median(), 3);
    EXPECT_DOUBLE_EQ(one.lowest(), 1);
    EXPECT_DOUBLE_EQ(one.highest(), 5);
}

TEST(MeasurementTest, MedianOfAnEvenNumberIsBetweenTheTwoInTheMiddle) {
    EXPECT_DOUBLE_EQ((Measurement{.samples = {1, 2, 3, 10}}.median()), 2.5);
}

TEST(MeasurementTest, SpreadIsHalfTheQuartilesDistanceOverTheMedian) {
    EXPECT_DOUBLE_EQ((Measurement{.samples = {8, 9, 10, 11, 12}}.spread()), 0.1);
    EXPECT_DOUBLE_EQ((Measurement{.samples = {7}}.spread()), 0);
}

TEST(MeasurementTest, WithoutSamplesThereIsNoMedian) {
    EXPECT_THROW((void)Measurement{}.median(), std::logic_error);
}

TEST(RunTest, FindsByAnySubsetOfTheLabels) {
    bench::Run run;
    run.add("lookup", {{"kind", "a"}, {"size", "10"}}, "ns").samples = {1};
    run.add("lookup", {{"kind", "a"}, {"size", "100"}}, "ns").samples = {2};
    EXPECT_EQ(run.find("lookup", {{"size", "100"}})->samples, std::vector<double>{2});
    EXPECT_EQ(run.all("lookup", {{"kind", "a"}}).size(), 2U);
    EXPECT_EQ(run.find("lookup", {{"kind", "b"}}), nullptr);
    EXPECT_EQ(run.find("path", {}), nullptr);
}

TEST(TurnsTest, AllTakeTurnsAndTheFirstRoundDoesNotCount) {
    Measurement a;
    Measurement b;
    double clock = 0;
    const auto tick = [&] { return ++clock; };
    take_turns({{.result = &a, .sample = tick}, {.result = &b, .sample = tick}}, 2);
    EXPECT_EQ(a.samples, (std::vector<double>{3, 6}));
    EXPECT_EQ(b.samples, (std::vector<double>{4, 5}));
}

TEST(JsonTest, ARunSurvivesTheWayThroughADocument) {
    bench::Run run{
        .machine = {{"cpu", "fast"}}, .settings = {{"scale", "tiny"}}, .notes = {"no nft"}};
    run.add("lookup", {{"kind", "a"}}, "ns").samples = {1.5, 2.5};
    const nlohmann::json document = to_json(run);
    EXPECT_EQ(to_json(run_from_json(document)), document);
    EXPECT_EQ(document.at("measurements").at(0).at("median"), 2.0);
}

TEST(JsonTest, AnotherShapeIsAnError) {
    EXPECT_THROW(run_from_json(nlohmann::json::array()), nlohmann::json::exception);
}

}  // namespace
}  // namespace wgs::bench
