// SPDX-License-Identifier: Apache-2.0
// Rows of the prefix tables.
#include <algorithm>
#include <functional>
#include <set>

#include "maps/layout.h"
#include "plan/planner.h"

namespace wgs {
namespace {

bool covered_by_other(const std::set<Prefix>& covers, const Prefix& prefix) {
    return std::ranges::any_of(
        covers, [&](const Prefix& cover) { return cover != prefix && cover.contains(prefix); });
}

template <class Table>
auto find_in(const Table& table, const Prefix& prefix) {
    const auto found = table.find(prefix);
    return found == table.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

// Sorted by prefix. What this node owns comes before what others do, and that before what nobody
// claims.
std::vector<PrefixRow> Planner::wanted_prefixes() const {
    std::vector<PrefixRow> wanted;
    for (const auto& [prefix, prefix_class] : desired_.self) {
        if (!scope_.contains(prefix)) continue;
        wanted.push_back({prefix, {.peer = WGS_PEER_SELF, .prefix_class = prefix_class}});
    }
    for (const Pair& pair : pairs_) {
        if (pair.id == 0) continue;
        for (const auto& [prefix, prefix_class] : pair.wanted->prefixes)
            wanted.push_back({prefix, {.peer = pair.id, .prefix_class = prefix_class}});
    }
    for (const Prefix& prefix : desired_.cluster) {
        if (scope_.contains(prefix)) wanted.push_back({prefix, {.peer = WGS_PEER_CLUSTER}});
    }
    std::ranges::stable_sort(wanted, {}, &PrefixRow::prefix);
    const auto is_double = [](const PrefixRow& one, const PrefixRow& next) {
        return one.prefix == next.prefix;
    };
    wanted.erase(std::unique(wanted.begin(), wanted.end(), is_double), wanted.end());
    return wanted;
}

void Planner::gather_rows() {
    const std::vector<PrefixRow> wanted = wanted_prefixes();
    if (scope_.everything) {
        gather_all_rows(wanted);
    } else {
        gather_rows_in_scope(wanted);
    }
}

// Walks three sorted tables at once.
void Planner::gather_all_rows(const std::vector<PrefixRow>& wanted) {
    auto want = wanted.begin();
    auto row = actual_.steering.prefixes.begin();
    auto watch = actual_.steering.watched.begin();
    const auto row_end = actual_.steering.prefixes.end();
    const auto watch_end = actual_.steering.watched.end();
    rows_.reserve(std::max(wanted.size(), actual_.steering.prefixes.size()));
    while (want != wanted.end() || row != row_end || watch != watch_end) {
        const Prefix* next = want != wanted.end() ? &want->prefix : nullptr;
        if (row != row_end && (next == nullptr || row->first < *next)) next = &row->first;
        if (watch != watch_end && (next == nullptr || watch->first < *next)) next = &watch->first;
        Row& here = rows_.emplace_back(Row{.prefix = *next});
        if (want != wanted.end() && want->prefix == here.prefix) here.wanted = (want++)->owner;
        if (row != row_end && row->first == here.prefix) here.there = (row++)->second;
        if (watch != watch_end && watch->first == here.prefix) here.watched = (watch++)->second;
    }
}

void Planner::gather_rows_in_scope(const std::vector<PrefixRow>& wanted) {
    for (const PrefixRow& row : wanted)
        rows_.push_back({.prefix = row.prefix, .wanted = row.owner});
    for (const Prefix& prefix : scope_.prefixes) {
        if (!std::ranges::binary_search(wanted, prefix, {}, &PrefixRow::prefix))
            rows_.push_back({.prefix = prefix});
    }
    std::ranges::sort(rows_, {}, &Row::prefix);
    for (Row& row : rows_) {
        row.there = find_in(actual_.steering.prefixes, row.prefix);
        row.watched = find_in(actual_.steering.watched, row.prefix);
    }
}

// Longer prefixes first: a shorter one that changes hands must not catch what a longer one is about
// to keep with its owner.
void Planner::point_prefixes() {
    std::vector<PrefixRow> changed;
    for (const Row& row : rows_) {
        if (row.wanted && row.there != row.wanted) changed.push_back({row.prefix, *row.wanted});
    }
    std::ranges::stable_sort(changed, std::ranges::greater{},
                             [](const PrefixRow& row) { return row.prefix.length(); });
    emit_many(std::span<const PrefixRow>(changed),
              [](auto rows) { return SetPrefixes{.rows = std::move(rows)}; });
}

// What becomes of a row that nobody wants any more; none: it goes.
std::optional<Owner> Planner::leftover(const Row& row) const {
    if (!desired_.complete || !row.there) return row.there;
    const PeerId owner = row.there->peer;
    const bool was_peers = owner >= WGS_PEER_FIRST || owner == WGS_PEER_GONE;
    const bool keep_closed = desired_.policy == Policy::require && was_peers &&
                             !covered_by_other(desired_.cluster, row.prefix);
    if (!keep_closed) return std::nullopt;
    return Owner{.peer = WGS_PEER_GONE, .prefix_class = row.there->prefix_class};
}

void Planner::remove_prefixes() {
    std::vector<PrefixRow> closed;
    std::vector<Prefix> removed;
    for (const Row& row : rows_) {
        if (row.wanted || !row.there) continue;
        const std::optional<Owner> left = leftover(row);
        if (!left) {
            removed.push_back(row.prefix);
        } else if (left != row.there) {
            closed.push_back({row.prefix, *left});
        }
    }
    emit_many(std::span<const PrefixRow>(closed),
              [](auto rows) { return SetPrefixes{.rows = std::move(rows)}; });
    emit_many(std::span<const Prefix>(removed),
              [](auto prefixes) { return RemovePrefixes{.prefixes = std::move(prefixes)}; });
}

}  // namespace wgs
