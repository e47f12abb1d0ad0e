// SPDX-License-Identifier: Apache-2.0
#include "source/cautious_sink.h"

#include <fmt/format.h>

#include <algorithm>

namespace wgs {
namespace {

constexpr std::size_t kFewNodes = 4;    // of fewer, half is soon gone in earnest
constexpr std::size_t kNamesShown = 8;  // in a message

bool is_most(std::size_t part, std::size_t whole) {
    return 2 * part > whole;
}

// Of `before` nodes, `gone` are gone.
bool is_suspicious(std::size_t gone, std::size_t before) {
    return (before >= kFewNodes && is_most(gone, before)) || (before > 1 && gone == before);
}

}  // namespace

void CautiousSink::upsert(const NodeInfo& node) {
    returns(node.name);
    if (const std::string_view reason = reason_to_ignore(node); !reason.empty())
        return ignore(node, reason);
    std::size_t& claims = known_[node.name];
    claims_ -= claims;
    claims = node.addresses.size() + node.prefixes.size();
    claims_ += claims;
    sink_.upsert(node);
}

std::string_view CautiousSink::reason_to_ignore(const NodeInfo& node) const {
    const std::size_t claims = node.addresses.size() + node.prefixes.size();
    const auto known = known_.find(node.name);
    const bool is_new = known == known_.end();
    if (is_new && known_.size() >= caution_.max_nodes) return "there are too many nodes";
    if (claims > caution_.max_claims_of_node) return "it claims too many addresses and prefixes";
    const std::size_t others = claims_ - (is_new ? 0 : known->second);
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
    if (known_.contains(name) && !held_.contains(name)) leaving_.insert(name);
}

void CautiousSink::only(const std::set<std::string, std::less<>>& names) {
    for (const auto& [name, claims] : known_) {
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
    for (const auto& [name, claims] : known_)
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
    judge_leaving(now);
    let_confirmed_go(now);
    judge_completion(now);
}

void CautiousSink::judge_leaving(SteadyTime now) {
    if (leaving_.empty()) return;
    const std::size_t left = recently_left(now);
    const std::size_t gone = leaving_.size() + held_.size() + left;
    const auto leaving = std::exchange(leaving_, {});
    if (now >= doubtful_until_ && !is_suspicious(gone, known_.size() + left)) {
        for (const std::string& name : leaving)
            let_go(name);
        left_.push_back({.when = now, .count = leaving.size()});
        return;
    }
    const bool first = held_.empty();
    for (const std::string& name : leaving)
        held_.emplace(name, now + caution_.confirmation);
    if (first) sink_.report({.object = "nodes", .message = describe_held()});
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
    claims_ -= known->second;
    known_.erase(known);
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

void CautiousSink::judge_completion(SteadyTime now) {
    if (!completes_by_) return;
    if (now < *completes_by_ && !expected_.empty()) return;
    completes_by_.reset();
    expected_.clear();
    sink_.complete();
}

std::optional<SteadyTime> CautiousSink::next_timeout() const {
    if (!leaving_.empty()) return caution_.now();
    std::optional<SteadyTime> next = completes_by_;
    for (const auto& [name, due] : held_)
        next = std::min(next.value_or(due), due);
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
    if (ignored_ != 0) problems.push_back({.object = "nodes", .message = describe_ignored()});
    return problems;
}

std::string CautiousSink::describe_held() const {
    std::string names;
    std::size_t shown = 0;
    for (const auto& [name, due] : held_) {
        if (shown++ == kNamesShown) {
            names += ", ...";
            break;
        }
        names += (names.empty() ? "" : ", ") + name;
    }
    return fmt::format(
        "{} of {} are gone at once, which is suspicious; kept unless they are away "
        "for {} s: {}",
        held_.size(), known_.size(), caution_.confirmation.count() / 1000, names);
}

std::string CautiousSink::describe_ignored() const {
    return fmt::format("ignored for their number or size, {} times so far, first {}", ignored_,
                       first_ignored_);
}

}  // namespace wgs
