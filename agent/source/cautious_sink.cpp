// SPDX-License-Identifier: Apache-2.0
#include "source/cautious_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace wgs {
namespace {

constexpr std::size_t kFewNodes = 4;    // of fewer, half is soon gone in earnest
constexpr std::size_t kNamesShown = 8;  // in a message

// The first few of those that a map holds.
template <class Map>
std::string names_in(const Map& map) {
    std::string names;
    std::size_t shown = 0;
    for (const auto& [name, what] : map) {
        if (shown++ == kNamesShown) return names + ", ...";
        names += (names.empty() ? "" : ", ") + name;
    }
    return names;
}

bool is_network(const Prefix& prefix) {
    return prefix.length() < prefix.address().bits();
}

// What is in the first list only; sorted.
std::vector<Prefix> difference(std::vector<Prefix> all, std::vector<Prefix> without) {
    std::ranges::sort(all);
    std::ranges::sort(without);
    std::vector<Prefix> rest;
    std::ranges::set_difference(all, without, std::back_inserter(rest));
    return rest;
}

bool is_most(std::size_t part, std::size_t whole) {
    return 2 * part > whole;
}

// Of `before` nodes, `gone` are gone; this node may be one of them.
bool is_suspicious(std::size_t gone, std::size_t before) {
    return (before >= kFewNodes && is_most(gone, before)) || (before > 1 && gone >= before);
}

}  // namespace

void CautiousSink::upsert(const NodeInfo& node) {
    returns(node.name);
    if (const std::string_view reason = reason_to_ignore(node); !reason.empty())
        return ignore(node, reason);
    std::size_t& claims = known_[node.name].claims;
    claims_ -= claims;
    claims = node.addresses.size() + node.prefixes.size();
    claims_ += claims;
    take(node);
}

void CautiousSink::describe_self(const NodeInfo& self) {
    self_ = self.name;
    take(self);
}

// Where nothing is lost there is nothing to judge; single addresses come and go.
void CautiousSink::take(const NodeInfo& node) {
    let_move(node);
    shrinking_.erase(node.name);
    std::vector<Prefix> lost = lost_by(node);
    const Withheld::Node* known = withheld_.find(node.name);
    if (known != nullptr && std::ranges::includes(known->prefixes, lost))
        return keep(node, std::move(lost), known->until);
    const bool shrinks =
        !lost.empty() && (node.prefixes.empty() || caution_.now() < doubtful_until_ ||
                          std::ranges::any_of(lost, &is_network));
    has_shrunk_.erase(node.name);
    if (shrinks) {
        shrinking_.insert_or_assign(node.name, node);
    } else {
        tell(node);
    }
}

void CautiousSink::tell(const NodeInfo& node) {
    if (!self_.empty() && node.name == self_) {
        own_prefixes_ = node.prefixes;
        return sink_.describe_self(node);
    }
    known_[node.name].prefixes = node.prefixes;
    sink_.upsert(node);
}

std::vector<Prefix> CautiousSink::lost_by(const NodeInfo& node) const {
    const bool is_self = !self_.empty() && node.name == self_;
    const auto known = known_.find(node.name);
    if (!is_self && known == known_.end()) return {};
    const std::vector<Prefix>& before = is_self ? own_prefixes_ : known->second.prefixes;
    if (before == node.prefixes) return {};
    return difference(before, node.prefixes);
}

// Before the claimant is told, lest its claim is refused.
void CautiousSink::let_move(const NodeInfo& node) {
    if (withheld_.empty()) return;
    for (const Prefix& claimed : node.prefixes) {
        for (const NodeInfo& loser : withheld_.give_up(claimed, node.name))
            tell(loser);
    }
}

// The node as it is now, with what it has lost.
void CautiousSink::keep(const NodeInfo& node, std::vector<Prefix> lost, SteadyTime until) {
    if (lost.empty()) {
        withheld_.forget(node.name);
        return tell(node);
    }
    withheld_.keep(node, std::move(lost), until);
    tell(withheld_.find(node.name)->whole());
}

// What somebody claims by the last word on everybody; sorted.
std::vector<Prefix> CautiousSink::all_claims() const {
    std::vector<Prefix> claims;
    const auto add = [&](const std::string& name, const std::vector<Prefix>& told) {
        const auto newer = shrinking_.find(name);
        const auto* kept = withheld_.find(name);
        const auto& prefixes = newer != shrinking_.end() ? newer->second.prefixes
                               : kept != nullptr         ? kept->word.prefixes
                                                         : told;
        claims.insert(claims.end(), prefixes.begin(), prefixes.end());
    };
    for (const auto& [name, node] : known_)
        add(name, node.prefixes);
    if (!self_.empty()) add(self_, own_prefixes_);
    std::ranges::sort(claims);
    return claims;
}

// What has moved to another node is not lost.
void CautiousSink::withhold(const std::map<std::string, NodeInfo, std::less<>>& shrinking,
                            SteadyTime until) {
    const std::vector<Prefix> claims = all_claims();
    for (const auto& [name, node] : shrinking) {
        std::vector<Prefix> lost = lost_by(node);
        std::erase_if(
            lost, [&](const Prefix& prefix) { return std::ranges::binary_search(claims, prefix); });
        keep(node, std::move(lost), until);
    }
}

std::string_view CautiousSink::reason_to_ignore(const NodeInfo& node) const {
    const std::size_t claims = node.addresses.size() + node.prefixes.size();
    const auto known = known_.find(node.name);
    const bool is_new = known == known_.end();
    if (is_new && known_.size() >= caution_.max_nodes) return "there are too many nodes";
    if (claims > caution_.max_claims_of_node) return "it claims too many addresses and prefixes";
    const std::size_t others = claims_ - (is_new ? 0 : known->second.claims);
    if (others + claims > caution_.max_claims)
        return "there are too many addresses and prefixes altogether";
    return {};
}

void CautiousSink::ignore(const NodeInfo& node, std::string_view reason) {
    if (ignored_++ != 0) return;
    first_ignored_ = fmt::format("{} ({})", node.name, reason);
    sink_.report({.object = node.name, .message = describe_ignored()});
}

void CautiousSink::remove(const std::string& name) {
    shrinking_.erase(name);
    if (known_.contains(name) && !held_.contains(name)) leaving_.insert(name);
}

void CautiousSink::only(const std::set<std::string, std::less<>>& names) {
    for (const auto& [name, node] : known_) {
        if (names.contains(name)) {
            returns(name);
        } else {
            remove(name);
        }
    }
}

void CautiousSink::resumed() {
    doubtful_until_ = caution_.now() + caution_.confirmation;
}

// Once there is doubt, only the return of all, or time, ends it: they return one by one.
void CautiousSink::complete() {
    for (const auto& [name, node] : known_)
        expected_.erase(name);
    if (!is_suspicious(expected_.size(), expected_at_first_)) {
        expected_.clear();
        return sink_.complete();
    }
    completes_by_ = caution_.now() + caution_.confirmation;
    sink_.report(problems().front());
}

void CautiousSink::returns(std::string_view name) {
    const auto forget = [&](auto& names) {
        if (const auto found = names.find(name); found != names.end()) names.erase(found);
    };
    forget(leaving_);
    forget(held_);
    forget(expected_);
}

void CautiousSink::settle() {
    const SteadyTime now = caution_.now();
    judge(now);
    let_confirmed_go(now);
    let_confirmed_shrink(now);
    judge_completion(now);
}

void CautiousSink::judge(SteadyTime now) {
    if (leaving_.empty() && shrinking_.empty()) return;
    const bool believable = is_believable(now);
    const auto leaving = std::exchange(leaving_, {});
    if (believable) {
        const auto shrinking = std::exchange(shrinking_, {});
        for (const std::string& name : leaving)
            let_go(name);
        if (!leaving.empty()) left_.push_back({.when = now, .count = leaving.size()});
        for (const auto& [name, node] : shrinking) {
            has_shrunk_.insert_or_assign(name, now);
            withheld_.forget(name);
            tell(node);
        }
        return;
    }
    const bool first_held = held_.empty();
    for (const std::string& name : leaving)
        held_.emplace(name, now + caution_.confirmation);
    if (first_held && !held_.empty()) sink_.report({.object = "nodes", .message = describe_held()});
    const bool first_withheld = withheld_.empty();
    if (!shrinking_.empty()) withhold(shrinking_, now + caution_.confirmation);
    shrinking_.clear();
    if (first_withheld && !withheld_.empty())
        sink_.report({.object = "prefixes", .message = describe_withheld()});
}

bool CautiousSink::is_believable(SteadyTime now) {
    if (now < doubtful_until_) return false;
    const std::size_t left = recently_left(now);
    std::erase_if(has_shrunk_,
                  [&](const auto& node) { return node.second + caution_.window <= now; });
    const std::size_t gone = leaving_.size() + held_.size() + left + shrinking_.size() +
                             withheld_.nodes().size() + has_shrunk_.size();
    return !is_suspicious(gone, known_.size() + left);
}

std::size_t CautiousSink::recently_left(SteadyTime now) {
    std::erase_if(left_,
                  [&](const Leaving& leaving) { return leaving.when + caution_.window <= now; });
    std::size_t count = 0;
    for (const Leaving& leaving : left_)
        count += leaving.count;
    return count;
}

void CautiousSink::let_go(const std::string& name) {
    const auto known = known_.find(name);
    claims_ -= known->second.claims;
    known_.erase(known);
    withheld_.forget(name);
    has_shrunk_.erase(name);
    sink_.remove(name);
}

void CautiousSink::let_confirmed_go(SteadyTime now) {
    for (auto held = held_.begin(); held != held_.end();) {
        if (held->second > now) {
            ++held;
            continue;
        }
        let_go(held->first);
        held = held_.erase(held);
    }
}

void CautiousSink::let_confirmed_shrink(SteadyTime now) {
    std::vector<NodeInfo> confirmed;
    for (const auto& [name, node] : withheld_.nodes()) {
        if (node.until <= now) confirmed.push_back(node.word);
    }
    for (const NodeInfo& node : confirmed) {
        withheld_.forget(node.name);
        tell(node);
    }
}

void CautiousSink::judge_completion(SteadyTime now) {
    if (!completes_by_) return;
    if (now < *completes_by_ && !expected_.empty()) return;
    completes_by_.reset();
    expected_.clear();
    sink_.complete();
}

std::optional<SteadyTime> CautiousSink::next_timeout() const {
    if (!leaving_.empty() || !shrinking_.empty()) return caution_.now();
    std::optional<SteadyTime> next = completes_by_;
    for (const auto& [name, due] : held_)
        next = std::min(next.value_or(due), due);
    for (const auto& [name, node] : withheld_.nodes())
        next = std::min(next.value_or(node.until), node.until);
    return next;
}

std::vector<Problem> CautiousSink::problems() const {
    std::vector<Problem> problems;
    if (completes_by_) {
        problems.push_back(
            {.object = "nodes",
             .message = fmt::format("the source lacks {} of {} nodes that are served already; "
                                    "nothing is removed unless that lasts for {} s",
                                    expected_.size(), expected_at_first_,
                                    caution_.confirmation.count() / 1000)});
    }
    if (!held_.empty()) problems.push_back({.object = "nodes", .message = describe_held()});
    if (!withheld_.empty())
        problems.push_back({.object = "prefixes", .message = describe_withheld()});
    if (ignored_ != 0) problems.push_back({.object = "nodes", .message = describe_ignored()});
    return problems;
}

std::string CautiousSink::describe_held() const {
    return fmt::format(
        "{} of {} are gone at once, which is suspicious; kept unless they are away "
        "for {} s: {}",
        held_.size(), known_.size(), caution_.confirmation.count() / 1000, names_in(held_));
}

std::string CautiousSink::describe_withheld() const {
    return fmt::format(
        "{} of {} nodes have lost prefixes at once, which is suspicious; these are "
        "kept unless nobody has them for {} s: {}",
        withheld_.nodes().size(), known_.size(), caution_.confirmation.count() / 1000,
        names_in(withheld_.nodes()));
}

std::string CautiousSink::describe_ignored() const {
    return fmt::format("ignored for their number or size, {} times so far, first {}", ignored_,
                       first_ignored_);
}

}  // namespace wgs
