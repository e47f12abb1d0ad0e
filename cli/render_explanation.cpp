// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <string_view>

#include "render.h"
#include "text.h"

namespace wgs::cli {
namespace {

constexpr std::size_t kWidth = 80;

struct Line {
    std::string head;  // as wide as others', and not coloured
    std::string verdict;
    std::string text;
};

std::string painted(const std::string& verdict, Colour colour) {
    if (colour == Colour::off || verdict.empty()) return verdict;
    return colour_for(verdict) + verdict + "\x1b[0m";
}

// Words of the text on as many lines as it takes, below each other.
std::string wrapped(const Line& line, Colour colour) {
    std::string result = line.head + painted(line.verdict, colour);
    std::size_t column = line.head.size() + line.verdict.size();
    bool first = line.verdict.empty();
    std::string_view left = line.text;
    while (!left.empty()) {
        const std::size_t end = std::min(left.find(' '), left.size());
        const std::string_view word = left.substr(0, end);
        left.remove_prefix(std::min(end + 1, left.size()));
        if (!first && column + 1 + word.size() > kWidth) {
            result += fmt::format("\n{:{}}", "", line.head.size());
            column = line.head.size();
            first = true;
        }
        result += (first ? "" : " ") + std::string(word);
        column += word.size() + (first ? 0 : 1);
        first = false;
    }
    return result + "\n";
}

std::string field(const char* name, const std::string& text, Colour colour) {
    return wrapped({.head = fmt::format("{:<9}", name), .verdict = "", .text = text}, colour);
}

std::string reason_in_words(const Json& answer) {
    return text_or_dash(answer.at("reason")) + ": " + text_or_dash(answer.at("text"));
}

std::string render_answer(const Json& answer, Colour colour) {
    std::string text = "verdict  " + painted(text_or_dash(answer.at("verdict")), colour) + "\n";
    text += field("reason", reason_in_words(answer), colour);
    for (const char* key : {"peer", "prefix", "tunnel"})
        text += field(key, printable(text_or_dash(answer.at(key))), colour);
    const std::string advice = answer.at("advice").get<std::string>();
    return advice.empty() ? text : text + field("to do", advice, colour);
}

std::string render_path(const Json& path, Colour colour) {
    std::size_t step_width = 4;
    std::size_t device_width = 6;
    for (const Json& step : items(path)) {
        step_width = std::max(step_width, text_or_dash(step.at("step")).size());
        device_width = std::max(device_width, text_or_dash(step.at("device")).size());
    }
    const auto head = [&](const std::string& step, const std::string& device) {
        return fmt::format("{:<{}}  {:<{}}  ", step, step_width, device, device_width);
    };
    std::string text = head("STEP", "DEVICE") + "WHAT HAPPENS\n";
    for (const Json& step : items(path)) {
        const Json& verdict = step.at("verdict");
        const std::string reason =
            step.at("reason").is_null() ? "" : step.at("reason").get<std::string>() + ": ";
        text += wrapped({.head = head(text_or_dash(step.at("step")),
                                      printable(text_or_dash(step.at("device")))),
                         .verdict = verdict.is_null() ? "" : verdict.get<std::string>(),
                         .text = printable(reason + step.at("text").get<std::string>())},
                        colour);
    }
    return text;
}

std::string ports_of(const Json& range) {
    const int first = range.at("first");
    const int last = range.at("last");
    return first == last ? std::to_string(first) : fmt::format("{}-{}", first, last);
}

std::string render_ranges(const Json& explanation, Colour colour) {
    const auto ranges = explanation.find("ranges");
    if (ranges == explanation.end()) return "";
    std::string text = fmt::format("{:<13}WHAT HAPPENS\n",
                                   explanation.at("range_of") == "sport" ? "SOURCE PORT" : "PORT");
    for (const Json& range : items(*ranges))
        text += wrapped({.head = fmt::format("{:<13}", ports_of(range)),
                         .verdict = range.at("verdict"),
                         .text = reason_in_words(range)},
                        colour);
    return text + fmt::format("\nOf port {}:\n", items(*ranges).front().at("first").get<int>());
}

std::string when(std::int64_t time_ns) {
    const std::time_t seconds = time_ns / 1'000'000'000;
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", local.tm_year + 1900,
                       local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
}

}  // namespace

std::string render_explanation(const Json& explanation, Colour colour) {
    std::string text = render_ranges(explanation, colour) + render_answer(explanation, colour);
    if (const auto path = explanation.find("path"); path != explanation.end())
        text += "\n" + render_path(*path, colour);
    if (const auto reply = explanation.find("reply"); reply != explanation.end())
        text += "\nTHE ANSWER\n" + render_explanation(*reply, colour);
    return text;
}

std::string render_past(const Json& document, const Event& event, Colour colour) {
    const Json& words = document.at("event");
    std::string text =
        field("packet",
              fmt::format("{} {}, {} bytes", protocol_name(event.protocol), ends_of(event),
                          event.length),
              colour) +
        field(
            "seen",
            fmt::format("{} at {} of {}", when(event.time_ns), event.hook, printable(event.device)),
            colour) +
        wrapped({.head = "then     ", .verdict = event.verdict, .text = reason_in_words(words)},
                colour);
    if (!event.peer.empty()) text += field("peer", printable(event.peer), colour);
    const std::string advice = words.at("advice").get<std::string>();
    if (!advice.empty()) text += field("to do", advice, colour);
    if (document.at("now").is_null())
        return text +
               field("now", "nobody can say: another packet cannot stand for this one", colour);
    text += field(
        "now",
        document.at("same").get<bool>() ? "the same would happen" : "something else would happen",
        colour);
    return text + "\n" + render_explanation(document.at("now"), colour);
}

}  // namespace wgs::cli
