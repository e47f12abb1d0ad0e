// SPDX-License-Identifier: Apache-2.0
// Stands between any source and the agent, and trusts neither its size nor its gaps.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/source.h"
#include "source/withheld.h"

namespace wgs {

struct Caution {
    // How long it takes to believe that many nodes have left at once; 0: at once.
    std::chrono::milliseconds confirmation{300'000};
    // Removals within this time are judged together.
    std::chrono::milliseconds window{10'000};
    std::size_t max_nodes = 100'000;
    std::size_t max_claims = 1 << 20;             // addresses and prefixes of all nodes together
    std::size_t max_claims_of_node = 65536 + 64;  // and of one
    std::function<SteadyTime()> now = &std::chrono::steady_clock::now;
};

// A removal is suspicious when more than half of at least four nodes leave within the window, when
// none of several remains, or when the source has just come back from an outage. Then the nodes
// stay until they have been away for the time of confirmation; who returns before never left.
// A node that loses a network, or its last prefix, counts as one that leaves, this node too: when
// that is suspicious it keeps what it has lost, until somebody else claims that.
// `complete` is held back in the same way, or until all have returned, if most nodes of an earlier
// run are missing from it.
// Nodes beyond the limits are ignored, and of known ones the last good state stays.
class CautiousSink final : public SourceSink {
  public:
    // The sink must outlive this one.
    CautiousSink(Caution caution, SourceSink& sink)
        : caution_(std::move(caution)), sink_(sink), doubtful_until_(SteadyTime::min()) {}

    // Before the source starts: a node which this one serves since an earlier run.
    void expect(const std::string& name) { expected_at_first_ += expected_.insert(name).second; }

    void upsert(const NodeInfo& node) override;
    void remove(const std::string& name) override;
    void only(const std::set<std::string, std::less<>>& names) override;
    void resumed() override;
    // For the session to judge, not for us.
    void away(const std::string& name) override { sink_.away(name); }
    [[nodiscard]] bool session_lives(const std::string& name) const override {
        return sink_.session_lives(name);
    }
    void describe_self(const NodeInfo& self) override;
    void complete() override;
    void bypass(const std::set<Service>& services) override { sink_.bypass(services); }
    void report(const Problem& problem) override { sink_.report(problem); }

    // Removes who may be removed. To be called after each time that the source has run, and when
    // next_timeout() has come.
    void settle();
    [[nodiscard]] std::optional<SteadyTime> next_timeout() const;

    [[nodiscard]] std::vector<Problem> problems() const;
    // Nodes that are gone by the word of the source, and stay for now.
    [[nodiscard]] std::size_t held() const { return held_.size(); }
    // Nodes that have lost prefixes by the word of the source, and keep them for now.
    [[nodiscard]] std::size_t withheld() const { return withheld_.nodes().size(); }
    // Nodes, or changes to them, that are beyond the limits.
    [[nodiscard]] std::size_t ignored() const { return ignored_; }

  private:
    struct Leaving {
        SteadyTime when;
        std::size_t count;
    };
    [[nodiscard]] std::string_view reason_to_ignore(const NodeInfo& node) const;
    void ignore(const NodeInfo& node, std::string_view reason);
    void returns(std::string_view name);
    void take(const NodeInfo& node);
    void tell(const NodeInfo& node);
    void let_move(const NodeInfo& node);
    [[nodiscard]] std::vector<Prefix> lost_by(const NodeInfo& node) const;
    [[nodiscard]] std::vector<Prefix> all_claims() const;
    void judge(SteadyTime now);
    [[nodiscard]] bool is_believable(SteadyTime now);
    void keep(const NodeInfo& node, std::vector<Prefix> lost, SteadyTime until);
    void withhold(const std::map<std::string, NodeInfo, std::less<>>& shrinking, SteadyTime until);
    void let_confirmed_shrink(SteadyTime now);
    void let_go(const std::string& name);
    void let_confirmed_go(SteadyTime now);
    void judge_completion(SteadyTime now);
    [[nodiscard]] std::size_t recently_left(SteadyTime now);
    [[nodiscard]] std::string describe_held() const;
    [[nodiscard]] std::string describe_withheld() const;
    [[nodiscard]] std::string describe_ignored() const;

    Caution caution_;
    SourceSink& sink_;
    struct Known {
        std::size_t claims = 0;        // how much it claims
        std::vector<Prefix> prefixes;  // as told last
    };
    std::map<std::string, Known, std::less<>> known_;
    std::size_t claims_ = 0;
    std::set<std::string, std::less<>> leaving_;                 // told since the last settle()
    std::map<std::string, SteadyTime, std::less<>> held_;        // until when
    std::vector<Leaving> left_;                                  // of late
    std::string self_;                                           // empty: it was not described
    std::vector<Prefix> own_prefixes_;                           // as told last
    std::map<std::string, NodeInfo, std::less<>> shrinking_;     // told since the last settle()
    std::map<std::string, SteadyTime, std::less<>> has_shrunk_;  // of late, and when
    Withheld withheld_;
    SteadyTime doubtful_until_;
    std::set<std::string, std::less<>> expected_;  // and not told yet
    std::size_t expected_at_first_ = 0;
    std::optional<SteadyTime> completes_by_;  // `complete` is held back
    std::string first_ignored_;               // and why
    std::size_t ignored_ = 0;
};

}  // namespace wgs
