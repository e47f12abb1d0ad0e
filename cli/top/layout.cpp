// SPDX-License-Identifier: Apache-2.0
#include "cli/top/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/text.h"
#include "cli/top/graph.h"

namespace wgs::cli {
namespace {

struct Kind {
    TopColumn column;
    std::string_view title;
    std::size_t width;  // at least
};

// As they are shown, from the left.
constexpr std::array kKinds{
    Kind{TopColumn::name, "NAME", 9},           Kind{TopColumn::tunnel, "TUNNEL", 12},
    Kind{TopColumn::state, "STATE", 8},         Kind{TopColumn::handshake, "HSHAKE", 7},
    Kind{TopColumn::out_packets, "OUT p/s", 7}, Kind{TopColumn::out_bits, "OUT b/s", 7},
    Kind{TopColumn::in_packets, "IN p/s", 6},   Kind{TopColumn::in_bits, "IN b/s", 6},
    Kind{TopColumn::drops, "DROP/s", 6},        Kind{TopColumn::clear, "CLEAR/s", 7},
    Kind{TopColumn::crypto, "CRYPTO", 6},       Kind{TopColumn::history, "HISTORY", 7},
};

// Those that are worth the most first.
constexpr std::array kWorth{TopColumn::name,        TopColumn::state,      TopColumn::out_bits,
                            TopColumn::in_bits,     TopColumn::drops,      TopColumn::handshake,
                            TopColumn::out_packets, TopColumn::in_packets, TopColumn::crypto,
                            TopColumn::tunnel,      TopColumn::history,    TopColumn::clear};

constexpr std::size_t kReadableName = 16;
constexpr std::size_t kWidestName = 48;
constexpr std::size_t kWidestHistory = TopModel::kHistory;

const Kind& kind_of(TopColumn column) {
    return kKinds.at(static_cast<std::size_t>(column));
}

bool is_extra(TopColumn column) {
    return column == TopColumn::tunnel || column == TopColumn::history ||
           column == TopColumn::clear || column == TopColumn::crypto;
}

// To this width, from the least one.
std::size_t growth_of_name(std::size_t width) {
    return width - std::min(width, kind_of(TopColumn::name).width);
}

bool is_text(TopColumn column) {
    return column == TopColumn::name || column == TopColumn::tunnel || column == TopColumn::state ||
           column == TopColumn::history;
}

std::string padded(const std::string& text, const TopColumn column, std::size_t width) {
    const std::string blanks(width - std::min(width, width_of(text)), ' ');
    return is_text(column) ? text + blanks : blanks + text;
}

std::string shortened(const std::string& text, std::size_t width) {
    return text.size() <= width ? text : text.substr(0, width - 1) + "~";
}

std::string number(const std::optional<TopRates>& rates, double TopRates::*member) {
    return rates ? scaled((*rates).*member) : "-";
}

std::string cell(TopColumn column, const TopPeer& peer, std::chrono::seconds now) {
    switch (column) {
        case TopColumn::name:
            return peer.key.name;
        case TopColumn::tunnel:
            return peer.key.tunnel;
        case TopColumn::state:
            return peer.state;
        case TopColumn::handshake:
            return handshake_age(peer, now);
        case TopColumn::out_packets:
            return number(peer.rates, &TopRates::out_packets);
        case TopColumn::out_bits:
            return number(peer.rates, &TopRates::out_bits);
        case TopColumn::in_packets:
            return number(peer.rates, &TopRates::in_packets);
        case TopColumn::in_bits:
            return number(peer.rates, &TopRates::in_bits);
        case TopColumn::drops:
            return number(peer.rates, &TopRates::drops);
        case TopColumn::clear:
            return number(peer.rates, &TopRates::clear);
        case TopColumn::crypto:
            return peer.crypto ? short_time(*peer.crypto) : "-";
        case TopColumn::history:
            break;
    }
    return "";
}

TopStyle style_of(TopColumn column, const TopPeer& peer) {
    const TopRates rates = peer.rates.value_or(TopRates());
    if (column == TopColumn::state) return style_of_state(peer.state);
    if (column == TopColumn::drops && rates.drops > 0) return TopStyle::bad;
    if (column == TopColumn::clear && rates.clear > 0) return TopStyle::warning;
    return TopStyle::plain;
}

}  // namespace

std::string handshake_age(const TopPeer& peer, std::chrono::seconds now) {
    return peer.handshake ? duration(now - std::chrono::seconds(*peer.handshake)) : "never";
}

TopLayout::TopLayout(std::size_t width, const Content& content) {
    std::size_t taken = 0;
    bool full = false;
    for (const TopColumn column : kWorth) {
        if (column == TopColumn::tunnel && !content.tunnels) continue;
        if (column == TopColumn::crypto && !content.crypto) continue;
        if (column == TopColumn::history && !content.history) continue;
        const std::size_t needed = kind_of(column).width + (places_.empty() ? 0 : 1);
        // A readable name is worth more than what one can do without.
        const std::size_t growth =
            is_extra(column) ? growth_of_name(std::min(content.longest_name, kReadableName)) : 0;
        full = full || (!places_.empty() && taken + needed + growth > width);
        if (full) {
            ++missing_;
            continue;
        }
        places_.push_back({.column = column, .width = kind_of(column).width});
        taken += needed;
    }
    std::ranges::sort(places_, {}, &Place::column);
    const std::size_t rest = width - std::min(width, taken);
    const std::size_t growth =
        std::min(rest, growth_of_name(std::min(content.longest_name, kWidestName)));
    widen(TopColumn::name, growth);
    widen(TopColumn::history,
          std::min(rest - growth, kWidestHistory - kind_of(TopColumn::history).width));
}

void TopLayout::widen(TopColumn column, std::size_t by) {
    for (Place& place : places_)
        if (place.column == column) place.width += by;
}

TopLine TopLayout::heading() const {
    TopLine line;
    for (const Place& place : places_) {
        if (!line.empty()) line.push_back({.text = " "});
        line.push_back(
            {.text = padded(std::string(kind_of(place.column).title), place.column, place.width)});
    }
    return line;
}

TopLine TopLayout::row(const TopPeer& peer, std::chrono::seconds now, TopLetters letters) const {
    TopLine line;
    for (const Place& place : places_) {
        if (!line.empty()) line.push_back({.text = " "});
        const std::string text = place.column == TopColumn::history
                                     ? sparkline(peer.history, place.width, letters)
                                     : shortened(cell(place.column, peer, now), place.width);
        line.push_back({.text = padded(text, place.column, place.width),
                        .style = style_of(place.column, peer)});
    }
    return line;
}

}  // namespace wgs::cli
