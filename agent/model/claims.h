// SPDX-License-Identifier: Apache-2.0
// Who claims which prefix, and who holds it: while its holder claims it, others do not get it.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/prefix_map.h"
#include "model/prefix_rules.h"

namespace wgs {

// A node is known by its name; the text must stay where it is while the node has claims.
class Claims {
  public:
    // Replaces the claims of a node. `before` are those it has had, and maybe others.
    void replace(std::string_view node, const PrefixSet& before, const ClassedPrefixes& claims);
    // Keeps a prefix for a node, whether the node claims it or not, until release_seeds().
    void seed(const Prefix& prefix, const std::string& node);
    void release_seeds();

    [[nodiscard]] bool settled() const { return unsettled_.empty(); }
    // Decides who holds what has been touched: the holder so far if there is one, else the first
    // by name. Calls back for prefixes which change hands or class.
    using OnMove = std::function<void(const Prefix&)>;
    // Nodes that have won or lost something are called back with the prefix too.
    using OnOutcome = std::function<void(std::string_view node)>;
    void settle(const OnMove& on_move, const OnOutcome& on_outcome);

    // Of these, what the node holds.
    [[nodiscard]] ClassedPrefixes held(std::string_view node, const PrefixSet& of) const;
    // Once all is settled: calls back for each claim that has lost.
    using OnLoss =
        std::function<void(std::string_view node, const Prefix&, std::string_view holder)>;
    void losses(const OnLoss& on_loss) const;

  private:
    struct Key {
        Prefix prefix;
        std::string_view node;
        auto operator<=>(const Key&) const = default;
    };
    struct Claim {
        PrefixClass prefix_class = PrefixClass::pod;
        bool holds = false;
    };
    using Table = absl::btree_map<Key, Claim>;

    [[nodiscard]] Table::iterator first_of(const Prefix& prefix);
    [[nodiscard]] Table::const_iterator first_of(const Prefix& prefix) const;
    [[nodiscard]] std::string_view choose(const Prefix& prefix) const;

    Table table_;
    std::set<std::string, std::less<>> seeded_;
    PrefixMap<std::string_view> seeds_;  // of seeded_
    PrefixMap<bool> unsettled_;          // true: its holder or class is no longer what it was
    absl::btree_set<Prefix> contested_;  // not everybody who claims it holds it
};

}  // namespace wgs
