// SPDX-License-Identifier: Apache-2.0
#include "cli/top/peer_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/text.h"
#include "cli/top/graph.h"
#include "cli/top/layout.h"

namespace wgs::cli {
namespace {

constexpr std::size_t kGraphLines = 4;
constexpr std::size_t kScaleWidth = 8;
constexpr std::size_t kLabelWidth = 12;

std::string words(const Json& value) {
    return printable(text_or_dash(value));
}

TopLine plain(std::string text) {
    return {{.text = std::move(text)}};
}

TopLine title(std::string text) {
    return {{.text = std::move(text), .style = TopStyle::bold}};
}

std::vector<TopAlarm> alarms_of(const Json& list) {
    std::vector<TopAlarm> alarms;
    for (const Json& alarm : items(list)) {
        alarms.push_back({.problem = alarm.at("severity") == "problem",
                          .object = words(alarm.at("object")),
                          .message = words(alarm.at("message")),
                          .advice = words(alarm.at("advice")),
                          .since = alarm.at("since").get<std::int64_t>()});
    }
    return alarms;
}

void append_history(const TopPeer& peer, std::size_t width, TopLetters letters,
                    std::vector<TopLine>& lines) {
    const auto& history = peer.history;
    const float most = history.empty() ? 0 : std::ranges::max(history);
    const auto picture =
        graph(history, width - std::min(width, kScaleWidth + 1), kGraphLines, letters);
    for (std::size_t i = 0; i < picture.size(); ++i) {
        const std::string scale = i == 0 ? scaled(most) + " b/s" : "";
        lines.push_back(plain(fmt::format("{:>{}} {}", scale, kScaleWidth, picture[i])));
    }
}

void append_rates(const TopPeer& peer, std::size_t width, std::vector<TopLine>& lines) {
    if (!peer.rates) {
        lines.push_back(plain("rates come with the next look"));
        return;
    }
    const TopRates& rates = *peer.rates;
    const auto noted = [](const char* text, double rate, TopStyle style) {
        return TopSpan{.text = fmt::format("{} {}/s", scaled(rate), text),
                       .style = rate > 0 ? style : TopStyle::plain};
    };
    const TopSpan drops = noted("drops", rates.drops, TopStyle::bad);
    const TopSpan clear = noted("in clear", rates.clear, TopStyle::warning);
    const TopSpan out{.text = fmt::format("out {} p/s {} b/s", scaled(rates.out_packets),
                                          scaled(rates.out_bits))};
    const TopSpan in{
        .text = fmt::format("in {} p/s {} b/s", scaled(rates.in_packets), scaled(rates.in_bits))};
    const TopSpan gap{.text = "   "};
    const TopLine together{out, gap, in, gap, drops, gap, clear};
    if (width_of(together) <= width)
        lines.push_back(together);
    else
        lines.insert(lines.end(), {{out}, {in}, {drops, gap, clear}});
}

}  // namespace

void append_alarms(const std::vector<TopAlarm>& alarms, std::size_t width, std::chrono::seconds now,
                   std::vector<TopLine>& lines) {
    for (const TopAlarm& alarm : alarms) {
        const TopStyle style = alarm.problem ? TopStyle::bad : TopStyle::warning;
        const std::string text =
            fmt::format("{}  {}: {}, for {}", alarm.problem ? "PROBLEM" : "WARNING", alarm.object,
                        alarm.message, duration(now - std::chrono::seconds(alarm.since)));
        for (std::string& line : wrapped(text, width, 9))
            lines.push_back({{.text = std::move(line), .style = style}});
        if (alarm.advice.empty() || alarm.advice == "-") continue;
        for (const std::string& line : wrapped("to do: " + alarm.advice, width - 9, 7))
            lines.push_back(plain(std::string(9, ' ') + line));
    }
}

void TopPeerPage::take(const Json& document, std::chrono::milliseconds now) {
    const auto& entries = items(document);
    const auto entry = std::ranges::find_if(
        entries, [&](const Json& one) { return words(one.at("tunnel")) == key_.tunnel; });
    if (entry == entries.end()) return;
    Facts facts = read(*entry);
    const double seconds = taken_ ? static_cast<double>((now - *taken_).count()) / 1e3 : 0;
    for (auto& [name, reason] : facts.reasons) {
        if (seconds <= 0) break;
        // One that was not counted before is not in the document before.
        const auto before = facts_.reasons.find(name);
        const std::uint64_t from = before == facts_.reasons.end() ? 0 : before->second.packets;
        if (reason.packets >= from)
            reason.rate = static_cast<double>(reason.packets - from) / seconds;
    }
    facts_ = std::move(facts);
    taken_ = now;
}

std::vector<std::pair<std::string, std::string>> TopPeerPage::read_header(const Json& entry) {
    std::string endpoint = words(entry.at("endpoint"));
    if (entry.at("endpoint") != entry.at("published_endpoint"))
        endpoint += ", published as " + words(entry.at("published_endpoint"));
    const Json& way = entry.at("way");
    std::vector<std::pair<std::string, std::string>> header{
        {"endpoint", endpoint},
        {"public key", words(entry.at("public_key"))},
        {"way", way.is_null() ? "none: there is no room for it in the tables"
                              : fmt::format("{} over {}, packets of up to {} bytes",
                                            words(entry.at("tunnel")), words(way.at("device")),
                                            way.at("mtu").get<unsigned>())}};
    for (const Json& refused : items(entry.at("refused")))
        header.emplace_back("refused",
                            words(refused.at("claim")) + ": " + words(refused.at("reason")));
    return header;
}

TopPeerPage::Facts TopPeerPage::read(const Json& entry) {
    Facts facts{.alarms = alarms_of(entry.at("alarms")), .header = read_header(entry)};
    for (const Json& reason : items(entry.at("reasons"))) {
        facts.reasons[words(reason.at("direction")) + words(reason.at("reason"))] = {
            .direction = words(reason.at("direction")),
            .name = words(reason.at("reason")),
            .text = words(reason.at("text")),
            .advice = words(reason.at("advice")),
            .packets = reason.at("packets").get<std::uint64_t>(),
            .bytes = reason.at("bytes").get<std::uint64_t>()};
    }
    for (const Json& prefix : items(entry.at("all_prefixes"))) {
        const bool node = prefix.at("class") == "node";
        facts.prefixes.push_back(words(prefix.at("prefix")) + (node ? " (node)" : ""));
    }
    return facts;
}

// The busiest first.
void TopPeerPage::append_reasons(std::size_t width, std::vector<TopLine>& lines) const {
    std::vector<const Reason*> reasons;
    for (const auto& [name, reason] : facts_.reasons)
        reasons.push_back(&reason);
    std::ranges::stable_sort(reasons, [](const Reason* left, const Reason* right) {
        return std::pair(left->rate.value_or(0), left->packets) >
               std::pair(right->rate.value_or(0), right->packets);
    });
    lines.push_back(title(
        fmt::format("{:<3} {:>6} {:>7} {:>9}  {}", "DIR", "p/s", "PACKETS", "BYTES", "REASON")));
    if (reasons.empty()) lines.push_back(plain("no packet has been seen"));
    for (const Reason* reason : reasons) {
        const std::string numbers =
            fmt::format("{:<3} {:>6} {:>7} {:>9}  ", reason->direction,
                        reason->rate ? scaled(*reason->rate) : "-",
                        scaled(static_cast<double>(reason->packets)), bytes(Json(reason->bytes)));
        const bool advised = !reason->advice.empty() && reason->advice != "-";
        const std::string text =
            reason->name + ": " + reason->text + (advised ? "; to do: " + reason->advice : "");
        const bool active = reason->rate.value_or(0) > 0;
        const TopStyle style = advised && active ? TopStyle::warning : TopStyle::plain;
        // On a narrow screen the words come below the numbers.
        const bool beside = width >= numbers.size() + 30;
        const std::size_t margin = beside ? numbers.size() : 4;
        if (!beside) lines.push_back({{.text = numbers, .style = style}});
        std::string lead = beside ? numbers : std::string(margin, ' ');
        for (const std::string& line : wrapped(text, width - std::min(width, margin), 2)) {
            lines.push_back({{.text = lead + line, .style = style}});
            lead.assign(margin, ' ');
        }
    }
}

void TopPeerPage::append_prefixes(std::size_t width, std::vector<TopLine>& lines) const {
    lines.push_back(title(fmt::format("{} PREFIXES", facts_.prefixes.size())));
    std::size_t widest = 1;
    for (const std::string& prefix : facts_.prefixes)
        widest = std::max(widest, prefix.size());
    const std::size_t columns = std::max<std::size_t>(1, (width + 2) / (widest + 2));
    std::string line;
    for (std::size_t i = 0; i < facts_.prefixes.size(); ++i) {
        line += fmt::format("{:<{}}", facts_.prefixes[i], widest + 2);
        if (i % columns + 1 < columns && i + 1 < facts_.prefixes.size()) continue;
        lines.push_back(plain(std::exchange(line, {})));
    }
}

std::vector<TopLine> TopPeerPage::lines(const TopPeer* peer, std::size_t width,
                                        std::chrono::seconds now, TopLetters letters) const {
    if (peer == nullptr) return {plain(key_.name + " is not in the mesh any more")};
    std::vector<TopLine> lines;
    append_alarms(facts_.alarms, width, now, lines);
    lines.push_back(
        {{.text = "state       "},
         {.text = peer->state, .style = style_of_state(peer->state)},
         {.text = "   handshake " + handshake_age(*peer, now) + (peer->handshake ? " ago" : "")}});
    for (const auto& [label, value] : facts_.header) {
        std::string lead = fmt::format("{:<{}}", label, kLabelWidth);
        for (const std::string& line : wrapped(value, width - std::min(width, kLabelWidth), 0)) {
            lines.push_back(plain(lead + line));
            lead.assign(kLabelWidth, ' ');
        }
    }
    append_rates(*peer, width, lines);
    append_history(*peer, width, letters, lines);
    if (!taken_) {
        lines.push_back(plain("asking the agent ..."));
        return lines;
    }
    append_reasons(width, lines);
    append_prefixes(width, lines);
    return lines;
}

}  // namespace wgs::cli
