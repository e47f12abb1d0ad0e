// SPDX-License-Identifier: Apache-2.0
// What `explain` prints, and what it makes of an event.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/explain_event.h"
#include "cli/render.h"

namespace wgs::cli {
namespace {

using Json = nlohmann::json;
using Query = std::map<std::string, std::string>;

Json step(const char* name, const Json& device, const Json& verdict, const Json& reason,
          const char* text) {
    return {{"step", name},
            {"device", device},
            {"verdict", verdict},
            {"reason", reason},
            {"text", text}};
}

Json explanation() {
    return {{"direction", "out"},
            {"verdict", "drop"},
            {"reason", "waiting"},
            {"text", "no handshake with the peer has completed yet"},
            {"advice", "if it lasts: is its UDP port reachable, and does it know our key?"},
            {"peer", "node-b"},
            {"prefix", "10.2.0.0/24"},
            {"tunnel", nullptr},
            {"size", 40},
            {"path",
             {step("route", "eth0", nullptr, nullptr, "to 10.2.0.10 via 192.168.50.2"),
              step("nic_out", "eth0", "drop", "waiting",
                   "no handshake with the peer has completed yet")}}};
}

Event event(const char* hook, const char* verdict, const char* reason) {
    return {.time_ns = 0,
            .hook = hook,
            .device = "eth0",
            .verdict = verdict,
            .reason = reason,
            .peer = "node-b",
            .source = "10.1.0.10",
            .destination = "10.2.0.10",
            .source_port = 40000,
            .destination_port = 80,
            .protocol = 6,
            .length = 1500};
}

TEST(ExplanationForPeople, HasTheAnswerAndThenTheWay) {
    EXPECT_EQ(render_explanation(explanation()),
              "verdict  drop\n"
              "reason   waiting: no handshake with the peer has completed yet\n"
              "peer     node-b\n"
              "prefix   10.2.0.0/24\n"
              "tunnel   -\n"
              "to do    if it lasts: is its UDP port reachable, and does it know our key?\n"
              "\n"
              "STEP     DEVICE  WHAT HAPPENS\n"
              "route    eth0    to 10.2.0.10 via 192.168.50.2\n"
              "nic_out  eth0    drop waiting: no handshake with the peer has completed yet\n");
}

TEST(ExplanationForPeople, KeepsTo80ColumnsAndTellsTheTerminalNothing) {
    Json document = explanation();
    document["path"][1]["text"] =
        "words that go on and on until there is no room for them on one line \x1b[2J of a screen";
    const std::string text = render_explanation(document);
    EXPECT_NE(text.find("nic_out  eth0    drop waiting: words that go on and on until there is no "
                        "room\n                 for them on one line ?[2J of a screen\n"),
              std::string::npos)
        << text;
    EXPECT_NE(render_explanation(document, Colour::on).find("\x1b[31mdrop\x1b[0m"),
              std::string::npos);
}

TEST(ExplanationForPeople, DoesWithoutAWayThatAnOlderAgentDoesNotTell) {
    Json document = explanation();
    document.erase("path");
    EXPECT_EQ(render_explanation(document).find("STEP"), std::string::npos);
}

TEST(ExplanationForPeople, ListsRangesFirst) {
    Json document = explanation();
    document["range_of"] = "dport";
    document["ranges"] = {{{"first", 80},
                           {"last", 80},
                           {"verdict", "pass"},
                           {"reason", "bypass"},
                           {"text", "matches the bypass table"}},
                          {{"first", 81},
                           {"last", 90},
                           {"verdict", "drop"},
                           {"reason", "waiting"},
                           {"text", "no handshake"}}};
    EXPECT_TRUE(render_explanation(document).starts_with(
        "PORT         WHAT HAPPENS\n"
        "80           pass bypass: matches the bypass table\n"
        "81-90        drop waiting: no handshake\n"
        "\n"
        "Of port 80:\n"
        "verdict  drop\n"))
        << render_explanation(document);
}

TEST(EventOfThePast, BecomesAQuestion) {
    EXPECT_EQ(*question_of(event("nic_out", "drop", "waiting")), (Query{{"src", "10.1.0.10"},
                                                                        {"dst", "10.2.0.10"},
                                                                        {"proto", "6"},
                                                                        {"sport", "40000"},
                                                                        {"dport", "80"},
                                                                        {"way", "out"}}));
    EXPECT_EQ(question_of(event("wg_in", "steer", "decrypted"))->at("way"), "in");
    EXPECT_EQ(question_of(event("nic_out", "drop", "too_big"))->at("size"), "1500");
    EXPECT_EQ(question_of(event("nic_out", "steer", "in_pieces"))->at("fragment"), "1");
    for (const char* reason : {"outer", "flood", "truncated", "neighbour"})
        EXPECT_FALSE(question_of(event("nic_out", "pass", reason))) << reason;
    Event no_ip = event("nic_out", "pass", "no_peer");
    no_ip.source.clear();
    EXPECT_FALSE(question_of(no_ip));
}

TEST(EventOfThePast, IsComparedAtItsOwnHook) {
    Json now = explanation();
    EXPECT_TRUE(is_as_then(event("nic_out", "drop", "waiting"), now));
    EXPECT_FALSE(is_as_then(event("nic_out", "pass", "waiting"), now)) << "another policy";
    EXPECT_FALSE(is_as_then(event("nic_out", "drop", "no_key"), now));
    now["path"] = {step("wg_in", "wgsteer0", "steer", "decrypted", ""),
                   step("nic_in", "eth0", "pass", "decrypted", ""),
                   step("in_clear", "eth0", "drop", "clear_in", "")};
    EXPECT_TRUE(is_as_then(event("wg_in", "steer", "decrypted"), now));
    EXPECT_TRUE(is_as_then(event("wg_in", "steer", "delivered"), now));
    EXPECT_TRUE(is_as_then(event("nic_in", "pass", "decrypted"), now));
    EXPECT_TRUE(is_as_then(event("nic_in", "drop", "clear_in"), now));
    EXPECT_TRUE(is_as_then(event("nic_guard", "drop", "clear_in"), now));
    EXPECT_FALSE(is_as_then(event("nic_in", "pass", "clear_in"), now));
    EXPECT_FALSE(is_as_then(event("wg_in", "drop", "unknown_inner"), now));
    EXPECT_FALSE(is_as_then(event("leak_watch", "pass", "leak"), now));
    now["verdict"] = "pass";
    EXPECT_TRUE(is_as_then(event("leak_watch", "pass", "leak"), now));
}

TEST(EventOfThePast, IsPutIntoWordsBeforeThePresent) {
    const Json words{{"reason", "waiting"}, {"text", "no handshake"}, {"advice", "wait"}};
    const Event past = event("nic_out", "drop", "waiting");
    const std::string text =
        render_past({{"event", words}, {"now", nullptr}, {"same", nullptr}}, past, Colour::off);
    EXPECT_TRUE(text.starts_with("packet   tcp 10.1.0.10:40000 > 10.2.0.10:80, 1500 bytes\n"))
        << text;
    EXPECT_NE(text.find("at nic_out of eth0\n"
                        "then     drop waiting: no handshake\n"
                        "peer     node-b\n"
                        "to do    wait\n"
                        "now      nobody can say"),
              std::string::npos)
        << text;
    const std::string again =
        render_past({{"event", words}, {"now", explanation()}, {"same", true}}, past, Colour::off);
    EXPECT_NE(again.find("now      the same would happen\n\nverdict  drop\n"), std::string::npos)
        << again;
}

}  // namespace
}  // namespace wgs::cli
