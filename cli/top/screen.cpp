// SPDX-License-Identifier: Apache-2.0
#include "cli/top/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/top/head.h"
#include "cli/top/layout.h"

namespace wgs::cli {
namespace {

// A head of three lines is worth it from here on.
constexpr std::size_t kLinesForFullHead = 9;

struct Help {
    const char* keys;
    const char* text;
};

constexpr std::array kHelp{
    Help{"Up Down k j", "the peer before, the next one; the cursor stays on it"},
    Help{"PgUp PgDn", "a page back, a page on"},
    Help{"Home End g G", "the first, where the cursor follows nobody; the last"},
    Help{"Enter", "look into the peer; Esc: back"},
    Help{"s S",
         "sort by the next key, the one before: rate, out, in, drops, handshake, state, crypto, "
         "name"},
    Help{"r", "the other way round"},
    Help{"/", "filter by words in name, state or tunnel; Enter keeps it, Esc drops it"},
    Help{"a", "all alarms, with what to do"},
    Help{"p", "pause, go on"},
    Help{"q", "quit"},
    Help{"p/s b/s", "packets and bits of layer 3 per second; - is not known yet"},
    Help{"HSHAKE", "age of the last handshake"},
    Help{"DROP/s", "packets dropped, both ways"},
    Help{"CLEAR/s", "packets for the peer that left as they were"},
    Help{"CRYPTO", "mean time in WireGuard of the packets timed since the last look, or before"},
    Help{"HISTORY", "bits both ways, to a scale of its own for each peer"},
};
constexpr std::size_t kHelpKeys = 14;

std::vector<TopLine> help_lines(std::size_t width) {
    std::vector<TopLine> lines;
    for (const Help& help : kHelp) {
        std::string keys = fmt::format("{:<{}}", help.keys, kHelpKeys);
        for (const std::string& text : wrapped(help.text, width - kHelpKeys, 0)) {
            lines.push_back({{.text = keys, .style = TopStyle::bold}, {.text = text}});
            keys.assign(kHelpKeys, ' ');
        }
    }
    return lines;
}

std::size_t longest_name(const std::vector<const TopPeer*>& rows) {
    std::size_t longest = 0;
    for (const TopPeer* peer : rows)
        longest = std::max(longest, peer->key.name.size());
    return longest;
}

}  // namespace

std::size_t TopScreen::head_lines(TopSize size) const {
    return size.lines >= kLinesForFullHead ? 3 : 1;
}

// Lines beside head, heading and footer.
std::size_t TopScreen::page_lines(TopSize size) const {
    const std::size_t others = head_lines(size) + 2;
    return size.lines > others ? size.lines - others : 1;
}

std::vector<TopLine> TopScreen::head(const TopModel& model, TopSize size) const {
    std::vector<TopLine> lines{top_title(model, size.columns), top_totals(model, size.columns),
                               top_alarm(model, size.columns)};
    if (!trouble_.empty()) lines.back() = {{.text = trouble_, .style = TopStyle::bad}};
    if (head_lines(size) == 1) return {trouble_.empty() ? lines.front() : lines.back()};
    return lines;
}

TopLine TopScreen::footer(std::size_t width) const {
    if (typing_) {
        return fitting({{{.text = "filter: " + order_.filter + "_"},
                         {.text = "   Enter keeps it, Esc drops it", .style = TopStyle::plain}},
                        {{.text = "/" + order_.filter + "_"}}},
                       width);
    }
    const TopSpan paused{.text = paused_ ? "PAUSED  " : "", .style = TopStyle::warning};
    if (view_ != View::list)
        return fitting({{paused, {.text = "Esc back  Up Down PgUp PgDn scroll  q quit"}},
                        {paused, {.text = "Esc back  q quit"}}},
                       width);
    std::string place = fmt::format("{} of {}", std::min(position_ + 1, matching_), matching_);
    if (!order_.filter.empty()) place += " matching \"" + order_.filter + "\"";
    const std::string sort =
        fmt::format("s sort: {}{}", to_string(order_.sort),
                    order_.direction == TopDirection::reversed ? " reversed" : "");
    const std::string narrow =
        missing_columns_ > 0 ? fmt::format("  narrow: {} columns hidden", missing_columns_) : "";
    const TopSpan keys{.text = "q quit  h help  " + sort + "  / filter  Enter look into  "};
    return fitting({{paused, keys, {.text = place + narrow}},
                    {paused, keys, {.text = place}},
                    {paused, {.text = "h help  " + place + narrow}},
                    {paused, {.text = "h help" + narrow}},
                    {paused, {.text = "h help  " + place}}},
                   width);
}

void TopScreen::keep_position(const std::vector<const TopPeer*>& rows, std::size_t page) {
    if (followed_) {
        const auto found =
            std::ranges::find(rows, *followed_, [](const TopPeer* peer) { return peer->key; });
        if (found != rows.end()) position_ = static_cast<std::size_t>(found - rows.begin());
    }
    position_ = std::min(position_, rows.empty() ? 0 : rows.size() - 1);
    first_ = std::min(first_, position_);
    if (position_ >= first_ + page) first_ = position_ - page + 1;
    first_ = std::min(first_, rows.size() - std::min(rows.size(), page));
    matching_ = rows.size();
}

void TopScreen::append_list(const TopModel& model, TopSize size, std::chrono::seconds now,
                            std::vector<TopLine>& lines) {
    const auto rows = model.rows(order_);
    const std::size_t page = page_lines(size);
    keep_position(rows, page);
    const TopLayout layout(size.columns, {.longest_name = longest_name(rows),
                                          .tunnels = model.several_tunnels(),
                                          .crypto = model.times_packets()});
    missing_columns_ = layout.missing();
    lines.push_back(highlighted(layout.heading(), size.columns));
    for (std::size_t i = first_; i < std::min(rows.size(), first_ + page); ++i) {
        const TopLine row = layout.row(*rows[i], now, letters_);
        lines.push_back(i == position_ ? highlighted(row, size.columns) : row);
    }
    if (rows.empty())
        lines.push_back({{.text = model.size() == 0 ? "there are no peers yet"
                                                    : "no peer matches the filter"}});
}

std::vector<TopLine> TopScreen::text(const TopModel& model, std::size_t width,
                                     std::chrono::seconds now) const {
    if (view_ == View::help) return help_lines(width);
    if (view_ == View::peer && page_)
        return page_->lines(model.find(page_->key()), width, now, letters_);
    std::vector<TopLine> lines;
    append_alarms(model.alarms(), width, now, lines);
    if (lines.empty()) lines.push_back({{.text = "no alarms", .style = TopStyle::good}});
    return lines;
}

void TopScreen::append_text(const TopModel& model, TopSize size, std::chrono::seconds now,
                            std::vector<TopLine>& lines) {
    const auto all = text(model, size.columns, now);
    const std::size_t page = page_lines(size);
    text_first_ = std::min(text_first_, all.size() - std::min(all.size(), page));
    std::string heading = view_ == View::help ? "KEYS" : "ALARMS";
    if (view_ == View::peer && page_) {
        heading = page_->key().name;
        if (model.several_tunnels()) heading += " in " + page_->key().tunnel;
    }
    if (all.size() > page)
        heading += fmt::format("  lines {}-{} of {}", text_first_ + 1,
                               std::min(all.size(), text_first_ + page), all.size());
    lines.push_back(highlighted({{.text = heading}}, size.columns));
    for (std::size_t i = text_first_; i < std::min(all.size(), text_first_ + page); ++i)
        lines.push_back(all[i]);
}

std::vector<TopLine> TopScreen::draw(const TopModel& model, TopSize size,
                                     std::chrono::seconds now) {
    std::vector<TopLine> lines;
    if (size.columns < kSmallest.columns || size.lines < kSmallest.lines) {
        const std::string text = fmt::format("{}x{} is too small: {}x{} is needed", size.columns,
                                             size.lines, kSmallest.columns, kSmallest.lines);
        for (std::string& line : wrapped(text, size.columns, 0))
            lines.push_back({{.text = std::move(line)}});
        lines.resize(size.lines);
    } else {
        lines = head(model, size);
        if (view_ == View::list)
            append_list(model, size, now, lines);
        else
            append_text(model, size, now, lines);
        lines.resize(size.lines - 1);
        lines.push_back(footer(size.columns));
    }
    for (TopLine& line : lines)
        line = cut(line, size.columns);
    return lines;
}

}  // namespace wgs::cli
