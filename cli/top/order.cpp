// SPDX-License-Identifier: Apache-2.0
// Which peers are shown, and in which order.
#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <sstream>
#include <string_view>

#include "cli/top/model.h"

namespace wgs::cli {
namespace {

constexpr std::array<const char*, kTopSorts> kSortNames{"rate",      "out",   "in",     "drops",
                                                        "handshake", "state", "crypto", "name"};
constexpr std::array<std::string_view, 5> kStates{"stalled", "conflict", "waiting", "no_key",
                                                  "ready"};

// What an unknown state means is not known either: before those that are well.
std::size_t badness(std::string_view state) {
    const auto found = std::ranges::find(kStates, state);
    return found == kStates.end() ? 3 : static_cast<std::size_t>(found - kStates.begin());
}

// Whether the left one comes first, in the usual direction.
bool precedes(TopSort sort, const TopPeer& left, const TopPeer& right) {
    const TopRates a = left.rates.value_or(TopRates());
    const TopRates b = right.rates.value_or(TopRates());
    switch (sort) {
        case TopSort::rate:
            return a.bits() > b.bits();
        case TopSort::out:
            return a.out_bits > b.out_bits;
        case TopSort::in:
            return a.in_bits > b.in_bits;
        case TopSort::drops:
            return a.drops > b.drops;
        case TopSort::handshake:
            return left.handshake.value_or(0) < right.handshake.value_or(0);
        case TopSort::state:
            return badness(left.state) < badness(right.state);
        case TopSort::crypto:
            return left.crypto.value_or(-1) > right.crypto.value_or(-1);
        case TopSort::name:
            return left.key < right.key;
    }
    return false;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

class Filter {
  public:
    explicit Filter(const std::string& text) {
        std::istringstream stream(lower(text));
        for (std::string word; stream >> word;)
            words_.push_back(word);
    }
    [[nodiscard]] bool matches(const TopPeer& peer) const {
        if (words_.empty()) return true;
        // No word has a blank, so none matches across two of them.
        const std::string text = lower(peer.key.name + " " + peer.state + " " + peer.key.tunnel);
        return std::ranges::all_of(
            words_, [&](const auto& word) { return text.find(word) != std::string::npos; });
    }

  private:
    std::vector<std::string> words_;
};

}  // namespace

const char* to_string(TopSort sort) {
    return kSortNames.at(static_cast<std::size_t>(sort));
}

std::optional<TopSort> parse_top_sort(const std::string& name) {
    const auto found = std::ranges::find(kSortNames, std::string_view(name));
    if (found == kSortNames.end()) return std::nullopt;
    return static_cast<TopSort>(found - kSortNames.begin());
}

std::vector<const TopPeer*> TopModel::rows(const TopOrder& order) const {
    const Filter filter(order.filter);
    std::vector<const TopPeer*> rows;
    for (const auto& [key, known] : peers_)
        if (filter.matches(known.peer)) rows.push_back(&known.peer);
    const bool reversed = order.direction == TopDirection::reversed;
    std::ranges::stable_sort(rows, [&](const TopPeer* left, const TopPeer* right) {
        return reversed ? precedes(order.sort, *right, *left) : precedes(order.sort, *left, *right);
    });
    return rows;
}

std::vector<std::pair<std::string, std::size_t>> TopModel::states() const {
    std::map<std::pair<std::size_t, std::string>, std::size_t> counts{
        {{badness("ready"), "ready"}, 0}};
    for (const auto& [key, known] : peers_)
        ++counts[{badness(known.peer.state), known.peer.state}];
    std::vector<std::pair<std::string, std::size_t>> list;
    for (const auto& [state, count] : counts)
        list.emplace_back(state.second, count);
    return list;
}

}  // namespace wgs::cli
