// SPDX-License-Identifier: Apache-2.0
#include "source/etcd_nodes.h"

#include <algorithm>

#include "base/text.h"
#include "source/node_json.h"

namespace wgs {
namespace {

// Of one kind; the last one says how many there are.
constexpr std::size_t kMaxProblems = 20;

}  // namespace

EtcdNodes::EtcdNodes(std::string prefix, std::string self, SourceSink& sink)
    : prefix_(std::move(prefix)), self_(std::move(self)), sink_(sink) {}

std::optional<std::string> EtcdNodes::node_of(std::string_view key) const {
    if (!key.starts_with(prefix_)) return std::nullopt;
    std::string name(key.substr(prefix_.size()));
    if (!is_valid_node_name(name) || name == self_) return std::nullopt;
    return name;
}

void EtcdNodes::put(const EtcdEntry& entry) {
    const auto name = node_of(entry.key);
    if (!name) return note_foreign(entry.key);
    if (!nodes_.contains(*name) && nodes_.size() >= kMaxNodes) {
        if (!std::exchange(too_many_, true)) sink_.report(problems().back());
        return;
    }
    const auto place = nodes_.try_emplace(*name).first;
    Node& node = place->second;
    node.listing = listing_;
    const auto parsed = parse_node_json(entry.value, *name);
    if (!parsed) return refuse(node, entry.key, parsed.error().message);
    if (!std::exchange(node.problem, {}).empty()) --refused_;
    if (parsed->left) {
        if (node.told) sink_.remove(*name);
        drop(place);
        return;
    }
    set_present(node);
    node.told = true;
    sink_.upsert(parsed->node);
}

void EtcdNodes::erase(const std::string& key, SteadyTime now) {
    const auto name = node_of(key);
    if (!name) return;
    const auto found = nodes_.find(*name);
    if (found == nodes_.end()) return;
    if (found->second.told) {
        set_away(*found, now);
    } else {
        drop(found);
    }
}

void EtcdNodes::end_listing(SteadyTime now) {
    for (auto node = nodes_.begin(); node != nodes_.end();) {
        if (node->second.listing != listing_ && !node->second.told) {
            node = drop(node);
            continue;
        }
        if (node->second.listing != listing_) set_away(*node, now);
        ++node;
    }
}

void EtcdNodes::expire(SteadyTime now, SteadyTime reached_since) {
    if (away_ == 0) return;
    for (auto node = nodes_.begin(); node != nodes_.end();) {
        const auto& since = node->second.away_since;
        const bool due = since && now - std::max(*since, reached_since) >= kAbsence;
        if (!due || sink_.session_lives(node->first)) {
            ++node;
            continue;
        }
        sink_.remove(node->first);
        node = drop(node);
    }
}

void EtcdNodes::note_foreign(const std::string& key) {
    if (key == prefix_ + self_ || !foreign_.empty()) return;
    foreign_ = key;
    sink_.report({.object = in_quotes(key), .message = "is not the key of a node"});
}

void EtcdNodes::refuse(Node& node, const std::string& key, const std::string& why) {
    if (node.problem == why) return;
    if (node.problem.empty()) ++refused_;
    node.problem = why;
    sink_.report({.object = in_quotes(key), .message = why});
}

void EtcdNodes::set_away(Nodes::value_type& node, SteadyTime now) {
    if (node.second.away_since) return;
    node.second.away_since = now;
    ++away_;
    sink_.away(node.first);
}

void EtcdNodes::set_present(Node& node) {
    if (!node.away_since) return;
    node.away_since.reset();
    --away_;
}

EtcdNodes::Nodes::iterator EtcdNodes::drop(Nodes::iterator node) {
    set_present(node->second);
    if (!node->second.problem.empty()) --refused_;
    return nodes_.erase(node);
}

std::vector<Problem> EtcdNodes::problems() const {
    std::vector<Problem> problems;
    if (!foreign_.empty())
        problems.push_back({.object = in_quotes(foreign_), .message = "is not the key of a node"});
    for (auto node = nodes_.begin(); refused_ != 0 && node != nodes_.end(); ++node) {
        if (node->second.problem.empty()) continue;
        if (problems.size() == kMaxProblems) break;
        problems.push_back(
            {.object = in_quotes(prefix_ + node->first), .message = node->second.problem});
    }
    if (away_ != 0) {
        const auto first = std::ranges::find_if(
            nodes_, [](const auto& node) { return node.second.away_since.has_value(); });
        problems.push_back({.object = prefix_,
                            .message = std::to_string(away_) + " of " + std::to_string(count()) +
                                       " nodes have no key any more, " + first->first +
                                       " first; they stay while their sessions live"});
    }
    if (too_many_)
        problems.push_back(
            {.object = prefix_,
             .message = "more than " + std::to_string(kMaxNodes) + " nodes; others are ignored"});
    return problems;
}

}  // namespace wgs
