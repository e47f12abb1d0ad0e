// SPDX-License-Identifier: Apache-2.0
// Containers of many prefixes that cost little more than what is in them.
#pragma once

#include <absl/container/btree_map.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <span>
#include <vector>

#include "model/ip.h"

namespace wgs {

// Every change makes iterators and references invalid.
template <class Value>
using PrefixMap = absl::btree_map<Prefix, Value>;

// In order, each once.
class PrefixSet {
  public:
    PrefixSet() = default;
    PrefixSet(std::initializer_list<Prefix> prefixes) {
        insert({prefixes.begin(), prefixes.end()});
    }
    explicit PrefixSet(std::span<const Prefix> prefixes) { insert(prefixes); }

    [[nodiscard]] auto begin() const { return sorted_.begin(); }
    [[nodiscard]] auto end() const { return sorted_.end(); }
    [[nodiscard]] std::size_t size() const { return sorted_.size(); }
    [[nodiscard]] bool empty() const { return sorted_.empty(); }
    [[nodiscard]] bool contains(const Prefix& prefix) const {
        return std::ranges::binary_search(sorted_, prefix);
    }

    // In any order, some of them perhaps there already.
    void insert(std::span<const Prefix> more) {
        const auto old = static_cast<std::ptrdiff_t>(sorted_.size());
        sorted_.insert(sorted_.end(), more.begin(), more.end());
        std::sort(sorted_.begin() + old, sorted_.end());
        std::inplace_merge(sorted_.begin(), sorted_.begin() + old, sorted_.end());
        sorted_.erase(std::unique(sorted_.begin(), sorted_.end()), sorted_.end());
    }
    void erase(const Prefix& prefix) {
        const auto [first, last] = std::equal_range(sorted_.begin(), sorted_.end(), prefix);
        sorted_.erase(first, last);
    }

    bool operator==(const PrefixSet&) const = default;

  private:
    std::vector<Prefix> sorted_;
};

}  // namespace wgs
