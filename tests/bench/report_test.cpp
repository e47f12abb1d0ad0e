// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "bench/report/document.h"
#include "bench/report/plots.h"
#include "bench/report/svg.h"
#include "bench/report/table.h"
#include "bench/report/targets.h"

namespace wgs::bench {
namespace {

void add_lookup(Run& run, const char* kind, const char* size, double median) {
    run.add("lookup", {{"kind", kind}, {"family", "IPv4"}, {"set", "random"}, {"size", size}}, "ns")
        .samples = {median};
}

bench::Run small_run() {
    bench::Run run{.machine = {{"cpu", "a fast one"}}};
    add_lookup(run, "wgsteer", "10", 5);
    add_lookup(run, "wgsteer", "100000", 20);
    add_lookup(run, "LPM_TRIE", "100000", 600);
    return run;
}

std::vector<std::string> row_of(const Grid& grid, const std::string& head) {
    const auto found =
        std::ranges::find(grid.rows, head, [](const auto& row) { return row.front(); });
    return found == grid.rows.end() ? std::vector<std::string>{} : *found;
}

TEST(GridTest, ColumnsAreAligned) {
    const Grid grid{.title = "T", .rows = {{"kind", "10"}, {"a", "≥ 1"}, {"long name", "2,000"}}};
    EXPECT_EQ(to_text(grid),
              "T\n"
              "  kind          10\n"
              "  a            ≥ 1\n"
              "  long name  2,000\n");
}

TEST(GridTest, MarkdownHasItsRuleBelowTheHeads) {
    EXPECT_EQ(to_markdown({.title = "T", .rows = {{"kind", "10"}, {"a", "1"}}}),
              "**T**\n\n| kind | 10 |\n|---|--:|\n| a | 1 |\n");
}

TEST(GridTest, FiguresKeepThreeDigits) {
    EXPECT_EQ(to_words(7.128), "7.13");
    EXPECT_EQ(to_words(71.28), "71.3");
    EXPECT_EQ(to_words(712.8), "713");
    EXPECT_EQ(to_words(7128), "7,128");
    EXPECT_EQ(to_words(25e6), "25.0 M");
}

TEST(TableTest, WhatWasNotMeasuredIsAnEmptyCell) {
    const auto grids = figures_of(small_run());
    ASSERT_EQ(grids.size(), 1U);
    EXPECT_EQ(grids[0].rows.front(), (std::vector<std::string>{"kind", "10", "100000"}));
    EXPECT_EQ(row_of(grids[0], "wgsteer"), (std::vector<std::string>{"wgsteer", "5.00", "20.0"}));
    EXPECT_EQ(row_of(grids[0], "LPM_TRIE"), (std::vector<std::string>{"LPM_TRIE", "", "600"}));
}

TEST(TableTest, ATargetIsJudgedByItsOwnFigures) {
    bench::Run run = small_run();
    const std::string what = "lookup against LPM_TRIE, IPv4, 100,000 random";
    EXPECT_EQ(row_of(targets_of(run), what),
              (std::vector<std::string>{what, "≥ 25.0 ×", "30.0", "ok"}));
    EXPECT_TRUE(reaches_all(run));
    run.measurements.back().samples = {400};
    EXPECT_EQ(row_of(targets_of(run), what).back(), "missed");
    EXPECT_FALSE(reaches_all(run));
}

TEST(TableTest, TargetsWithoutFiguresAreNamedAsSuch) {
    const Grid grid = targets_of({});
    EXPECT_EQ(grid.rows.size(), targets().size() + 1);
    for (std::size_t i = 1; i < grid.rows.size(); ++i)
        EXPECT_EQ(grid.rows[i].back(), "not measured");
}

TEST(TableTest, TheTargetsComeLast) {
    const std::string text = render_run(small_run());
    EXPECT_LT(text.find("a fast one"), text.find("Lookup alone"));
    EXPECT_LT(text.find("Lookup alone"), text.find("Targets"));
}

TEST(PlotsTest, AreDrawnForWhatThereIs) {
    const auto plots = draw_plots(small_run());
    ASSERT_EQ(plots.size(), 1U);
    const std::string& image = plots.at("lookup-ipv4-random.svg");
    for (const char* part : {"<svg ", "</svg>", "LPM_TRIE", "wgsteer", "prefixes", ">ns</text>"})
        EXPECT_NE(image.find(part), std::string::npos) << part;
}

TEST(SvgTest, LogarithmicAxesPlaceDecadesEvenly) {
    const std::string image =
        to_svg({.title = "T",
                .x_axis = "x",
                .y_axis = "y",
                .lines = {{.name = "a", .points = {{1, 1}, {10, 10}, {100, 100}}}}});
    EXPECT_NE(image.find(R"(points="70.0,360.0 300.0,205.0 530.0,50.0 ")"), std::string::npos)
        << image;
}

class DocumentTest : public testing::Test {
  protected:
    DocumentTest() : path_(std::filesystem::path(testing::TempDir()) / "wgs-performance.md") {}
    ~DocumentTest() override { std::filesystem::remove(path_); }

    void write(const std::string& text) const { std::ofstream(path_) << text; }
    [[nodiscard]] std::string read() const {
        std::ifstream file(path_);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::filesystem::path path_;
};

TEST_F(DocumentTest, ReplacesItsSectionsAndNothingElse) {
    write(
        "Prose.\n<!-- bench machine -->\nof yesterday\n<!-- end -->\nMore.\n<!-- bench targets "
        "-->\n"
        "<!-- end -->\n<!-- bench figures -->\n<!-- end -->\nThe end.\n");
    ASSERT_TRUE(update_document(path_, small_run()));
    const std::string text = read();
    EXPECT_TRUE(text.starts_with("Prose.\n<!-- bench machine -->\n")) << text;
    EXPECT_TRUE(text.ends_with("<!-- end -->\nThe end.\n")) << text;
    EXPECT_NE(text.find("a fast one"), std::string::npos);
    EXPECT_EQ(text.find("of yesterday"), std::string::npos);
    ASSERT_TRUE(update_document(path_, small_run()));
    EXPECT_EQ(read(), text) << "twice is as good as once";
}

TEST_F(DocumentTest, AMissingSectionIsAnErrorAndChangesNothing) {
    write("Prose.\n");
    EXPECT_FALSE(update_document(path_, small_run()));
    EXPECT_EQ(read(), "Prose.\n");
}

}  // namespace
}  // namespace wgs::bench
