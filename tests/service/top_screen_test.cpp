// SPDX-License-Identifier: Apache-2.0
// The screen of `wgsteer top` at any size, and what keys do to it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/top/graph.h"
#include "cli/top/screen.h"
#include "top_document.h"

namespace wgs::cli {
namespace {

using Json = nlohmann::json;
using test::TopRow;

constexpr auto kNow = std::chrono::seconds(1'700'000'060);

class TopScreenTest : public testing::Test {
  protected:
    // So many peers, node-0000 on; each sends as many kbit/s as its number says.
    void look_at(std::size_t peers, std::int64_t seconds = 1, const Json& alarms = Json::array()) {
        std::vector<TopRow> rows;
        for (std::size_t i = 0; i < peers; ++i)
            rows.push_back({.name = fmt::format("node-{:04}", i),
                            .out_bytes = 125 * i * static_cast<std::uint64_t>(seconds),
                            .handshake = 1'700'000'000});
        model_.take(test::top_document(seconds * 1000, rows, alarms));
    }
    std::vector<std::string> drawn() {
        std::vector<std::string> texts;
        for (const TopLine& line : screen_.draw(model_, size_, kNow))
            texts.push_back(text_of(line));
        return texts;
    }
    std::string all() {
        std::string text;
        for (const std::string& line : drawn())
            text += line + "\n";
        return text;
    }
    // First words of the rows.
    std::vector<std::string> names() {
        std::vector<std::string> list;
        for (const std::string& line : drawn())
            if (line.starts_with("node-0")) list.push_back(line.substr(0, 9));
        return list;
    }
    std::string selected() {
        std::string text;
        for (const TopLine& line : screen_.draw(model_, size_, kNow))
            if (line.size() == 1 && line[0].style == TopStyle::reverse) text = line[0].text;
        return text.substr(0, 9);
    }
    TopAnswer press(TopKeyCode code) { return screen_.press({.code = code}, model_, size_); }
    TopAnswer type(const std::string& text) {
        TopAnswer answer = TopAnswer::go_on;
        for (const char c : text)
            answer = screen_.press({.character = c}, model_, size_);
        return answer;
    }

    TopModel model_;
    TopSize size_;
    TopScreen screen_{{}, TopLetters::utf8};
};

TEST_F(TopScreenTest, FillsEverySizeAndNoMore) {
    look_at(100, 0);
    look_at(100, 1, Json::array({test::stalled_alarm(std::string(100, 'x'))}));
    for (const char view : {'\0', 'h', 'a', '\n'}) {
        if (view == '\n')
            press(TopKeyCode::enter);
        else if (view != '\0')
            type(std::string(1, view));
        for (std::size_t columns = 1; columns < 200; columns += 3) {
            for (std::size_t lines = 1; lines < 60; lines += 4) {
                size_ = {.columns = columns, .lines = lines};
                const auto screen = screen_.draw(model_, size_, kNow);
                ASSERT_EQ(screen.size(), lines) << columns;
                for (const TopLine& line : screen)
                    ASSERT_LE(width_of(line), columns) << text_of(line);
            }
        }
        press(TopKeyCode::escape);
    }
}

TEST_F(TopScreenTest, ShowsAllColumnsOnAnOrdinaryTerminal) {
    look_at(30, 0);
    look_at(30);
    const auto screen = drawn();
    EXPECT_EQ(screen[0], "node-a  policy require  in sync  30 peers: 30 ready");
    EXPECT_EQ(screen[1], "out 0 p/s 435k b/s  in 0 p/s 0 b/s  0 drops/s  0 in clear/s");
    EXPECT_EQ(screen[2], "no alarms");
    EXPECT_EQ(screen[3],
              "NAME      STATE     HSHAKE OUT p/s OUT b/s IN p/s IN b/s DROP/s CLEAR/s HISTORY ");
    EXPECT_EQ(screen[4],
              "node-0029 ready       60 s       0     29k      0      0      0       0 █       ");
    EXPECT_EQ(screen.back(), "q quit  h help  s sort: rate  / filter  Enter look into  1 of 30");
}

TEST_F(TopScreenTest, ShowsAndSortsByTimesInWireguardWhereThereAreSome) {
    model_.take(
        test::top_document(0, {{.name = "node-0001", .crypto_samples = 2, .crypto_us = 30},
                               {.name = "node-0002", .crypto_samples = 0, .crypto_us = 0},
                               {.name = "node-0003", .crypto_samples = 1, .crypto_us = 4200}}));
    EXPECT_NE(all().find("CRYPTO"), std::string::npos);
    EXPECT_NE(all().find(" 4.2ms "), std::string::npos);
    EXPECT_NE(all().find(" 15us "), std::string::npos);
    EXPECT_EQ(parse_top_sort("crypto"), TopSort::crypto);
    for (int i = 0; i < 6; ++i)
        type("s");
    EXPECT_EQ(names(), (std::vector<std::string>{"node-0003", "node-0001", "node-0002"}));
}

TEST_F(TopScreenTest, SaysWhatANarrowOneLeavesOut) {
    look_at(30, 0);
    look_at(30);
    size_ = {.columns = 40, .lines = 10};
    const auto screen = drawn();
    EXPECT_EQ(screen[0], "node-a in sync 30: 30 ready");
    EXPECT_EQ(screen[3], "NAME      STATE    OUT b/s IN b/s DROP/s");
    EXPECT_EQ(screen[4], "node-0029 ready        29k      0      0");
    EXPECT_EQ(screen.back(), "h help  narrow: 5 columns hidden");
    EXPECT_EQ(names().size(), 5U);
}

TEST_F(TopScreenTest, SaysWhenThereIsNoRoomForAnything) {
    look_at(3);
    size_ = {.columns = 29, .lines = 20};
    EXPECT_TRUE(all().starts_with("29x20 is too small: 30x5 is\nneeded\n"));
}

TEST_F(TopScreenTest, ShortensLongNamesBeforeItDropsWhatMatters) {
    model_.take(test::top_document(0, {{.name = std::string(60, 'n')}}));
    EXPECT_TRUE(drawn()[4].starts_with("nnnnnnnnnnnnnnn"));
    EXPECT_NE(drawn()[4].find("~ ready "), std::string::npos) << drawn()[4];
    EXPECT_NE(drawn()[3].find("HISTORY"), std::string::npos);
}

TEST_F(TopScreenTest, MovesWithKeysThroughThousandsOfPeers) {
    look_at(5000, 0);
    look_at(5000);
    EXPECT_EQ(selected(), "node-4999");
    press(TopKeyCode::down);
    EXPECT_EQ(selected(), "node-4998");
    press(TopKeyCode::page_down);
    EXPECT_EQ(selected(), "node-4979");
    type("k");
    EXPECT_EQ(selected(), "node-4980");
    press(TopKeyCode::end);
    EXPECT_EQ(selected(), "node-0000");
    press(TopKeyCode::down);
    EXPECT_EQ(selected(), "node-0000");
    EXPECT_EQ(names().size(), 19U) << "the last page is full";
    EXPECT_NE(drawn().back().find("5000 of 5000"), std::string::npos);
    type("g");
    EXPECT_EQ(selected(), "node-4999");
    press(TopKeyCode::up);
    EXPECT_EQ(selected(), "node-4999");
}

// By rate, the peers with the higher numbers come first; reversed, the others.
TEST_F(TopScreenTest, FollowsAPeerButNotTheFirstPlace) {
    look_at(50, 0);
    look_at(50);
    press(TopKeyCode::down);
    EXPECT_EQ(selected(), "node-0048");
    model_.take(test::top_document(
        2000, {{.name = "node-0000"}, {.name = "node-0048", .out_bytes = 1'000'000}}));
    EXPECT_EQ(names(), (std::vector<std::string>{"node-0048", "node-0000"}));
    EXPECT_EQ(selected(), "node-0048");
    press(TopKeyCode::home);
    model_.take(test::top_document(3000, {{.name = "node-0000", .out_bytes = 10'000'000},
                                          {.name = "node-0048", .out_bytes = 1'000'000}}));
    EXPECT_EQ(selected(), "node-0000") << "the first place, whoever has it";
}

TEST_F(TopScreenTest, SortsByTheNextKeyAndTheOtherWayRound) {
    look_at(30, 0);
    look_at(30);
    type("S");
    EXPECT_EQ(names().front(), "node-0000");
    EXPECT_NE(drawn().back().find("sort: name"), std::string::npos);
    type("r");
    EXPECT_EQ(names().front(), "node-0029");
    EXPECT_NE(drawn().back().find("sort: name reversed"), std::string::npos);
    type("rs");
    EXPECT_NE(drawn().back().find("sort: rate "), std::string::npos);
}

TEST_F(TopScreenTest, FiltersWhileOneTypes) {
    look_at(100, 0);
    look_at(100);
    type("/99q");
    EXPECT_EQ(drawn().back(), "filter: 99q_   Enter keeps it, Esc drops it");
    EXPECT_NE(all().find("no peer matches the filter"), std::string::npos);
    press(TopKeyCode::backspace);
    EXPECT_EQ(names(), std::vector<std::string>{"node-0099"});
    press(TopKeyCode::enter);
    EXPECT_NE(drawn().back().find("1 of 1 matching \"99\""), std::string::npos);
    EXPECT_EQ(type("q"), TopAnswer::leave);
    press(TopKeyCode::escape);
    EXPECT_EQ(names().size(), 19U);
}

TEST_F(TopScreenTest, LooksIntoAPeer) {
    look_at(30, 0);
    look_at(30);
    EXPECT_EQ(screen_.opened(), nullptr);
    press(TopKeyCode::down);
    press(TopKeyCode::enter);
    ASSERT_NE(screen_.opened(), nullptr);
    EXPECT_EQ(screen_.opened()->key().name, "node-0028");
    EXPECT_NE(all().find("asking the agent ..."), std::string::npos);
    using std::chrono::milliseconds;
    screen_.opened()->take(test::peer_document("node-0028", 100), milliseconds(1000));
    EXPECT_NE(all().find("out      -     100"), std::string::npos) << all();
    screen_.opened()->take(test::peer_document("node-0028", 300), milliseconds(3000));
    const std::string page = all();
    for (const char* text :
         {"\nnode-0028",
          "\nPROBLEM node-0028: answers nothing, for 60 s\n         to do: look there\n",
          "\nstate       ready   handshake 60 s ago\n",
          "\nendpoint    203.0.113.7:51820, published as 192.168.50.2:51820\n",
          "\nway         wgsteer0 over eth0, packets of up to 1440 bytes\n",
          "\nout 0 p/s 28k b/s   in 0 p/s 0 b/s   0 drops/s   0 in clear/s\n",
          "\nout    100     300  29.3 KiB  steered: encrypted to the peer\n",
          "\n1 PREFIXES\n10.2.0.0/24"})
        EXPECT_NE(page.find(text), std::string::npos) << text << page;
    press(TopKeyCode::escape);
    EXPECT_EQ(screen_.opened(), nullptr);
    EXPECT_EQ(selected(), "node-0028");
}

TEST_F(TopScreenTest, ScrollsThroughThePrefixesOfAPeer) {
    look_at(1);
    press(TopKeyCode::enter);
    screen_.opened()->take(test::peer_document("node-0000", 1, 250), std::chrono::seconds(1));
    EXPECT_EQ(all().find("10.2.249.0/24"), std::string::npos);
    press(TopKeyCode::end);
    EXPECT_NE(all().find("10.2.249.0/24"), std::string::npos);
    press(TopKeyCode::page_up);
    EXPECT_EQ(all().find("10.2.249.0/24"), std::string::npos) << "one key scrolls back at once";
    press(TopKeyCode::home);
    EXPECT_NE(all().find("PROBLEM"), std::string::npos);
}

TEST_F(TopScreenTest, SaysThatAPeerHasGone) {
    look_at(2);
    press(TopKeyCode::end);
    press(TopKeyCode::enter);
    look_at(1, 2);
    EXPECT_NE(all().find("node-0001 is not in the mesh any more"), std::string::npos);
    press(TopKeyCode::enter);
    EXPECT_EQ(selected(), "node-0000");
}

TEST_F(TopScreenTest, ShowsTheWorstAlarmAndAllOfThem) {
    look_at(1, 1,
            Json::array({test::stalled_alarm("node-0000"), test::stalled_alarm("node-0001")}));
    EXPECT_EQ(drawn()[2], "2 alarms (a): PROBLEM node-0000: answers nothing");
    type("a");
    EXPECT_NE(
        all().find("PROBLEM node-0001: answers nothing, for 60 s\n         to do: look there"),
        std::string::npos)
        << all();
}

TEST_F(TopScreenTest, SaysWhyNothingNewIsShown) {
    look_at(1);
    screen_.set_trouble("no agent answers");
    EXPECT_EQ(drawn()[2], "no agent answers");
    size_.lines = 6;
    EXPECT_EQ(drawn()[0], "no agent answers") << "where there is a single line for all of that";
    screen_.set_trouble("");
    type("p");
    EXPECT_TRUE(screen_.paused());
    EXPECT_TRUE(drawn().back().starts_with("PAUSED"));
}

TEST_F(TopScreenTest, MarksWhatIsWrongInColour) {
    model_.take(test::top_document(0, {{.name = "b", .state = "stalled"}}));
    model_.take(test::top_document(1000, {{.name = "b", .state = "stalled", .dropped = 3},
                                          {.name = "c", .state = "waiting"}}));
    press(TopKeyCode::down);
    const auto row = screen_.draw(model_, size_, kNow)[4];
    const auto styled = [&](const std::string& text, TopStyle style) {
        return std::ranges::any_of(row, [&](const TopSpan& span) {
            return span.text.find(text) != std::string::npos && span.style == style;
        });
    };
    EXPECT_TRUE(styled("stalled", TopStyle::bad));
    EXPECT_TRUE(styled("3", TopStyle::bad)) << "drops";
    EXPECT_TRUE(styled("b", TopStyle::plain));
}

TEST(TopGraph, IsAsHighAsTheValues) {
    const std::vector<float> values{0, 10'000, 20'000, 80'000};
    EXPECT_EQ(sparkline(values, 10, TopLetters::utf8), " ▁▂█");
    EXPECT_EQ(sparkline(values, 2, TopLetters::utf8), "▂█") << "the newest";
    EXPECT_EQ(sparkline(values, 10, TopLetters::ascii), " ..#");
    EXPECT_EQ(graph(values, 10, 2, TopLetters::utf8), (std::vector<std::string>{"   █", " ▂▄█"}));
    EXPECT_EQ(sparkline(std::vector<float>{80, 0}, 10, TopLetters::utf8), "▁ ")
        << "keepalives are no load";
    EXPECT_EQ(sparkline({}, 10, TopLetters::utf8), "");
}

TEST(TopLines, WrapAtBlanksAndWithinLongWords) {
    using Lines = std::vector<std::string>;
    EXPECT_EQ(wrapped("one two three", 8, 2), (Lines{"one two", "  three"}));
    EXPECT_EQ(wrapped("abcdefghij k", 4, 0), (Lines{"abcd", "efgh", "ij k"}));
    EXPECT_EQ(wrapped("", 8, 2), Lines{""});
}

}  // namespace
}  // namespace wgs::cli
