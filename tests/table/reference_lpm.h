// SPDX-License-Identifier: Apache-2.0
// Longest-prefix match as one would explain it, and prefixes to try it with.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "families.h"

namespace wgs {

template <class Number>
Number mask_of(int length) {
    constexpr int kBits = static_cast<int>(sizeof(Number) * 8);
    return length == 0 ? Number{0} : static_cast<Number>(~Number{0} << (kBits - length));
}

template <class Number>
Number last_of(const Block<Number>& block) {
    return block.first | static_cast<Number>(~mask_of<Number>(block.length));
}

template <class Number>
bool contains(const Block<Number>& block, Number address) {
    return (address & mask_of<Number>(block.length)) == block.first;
}

template <class Number>
class ReferenceLpm {
  public:
    using Rows = std::map<Block<Number>, std::uint32_t>;

    void set(const Block<Number>& block, std::uint32_t owner) { rows_[block] = owner; }
    void erase(const Block<Number>& block) { rows_.erase(block); }
    [[nodiscard]] std::uint32_t find(Number address) const {
        const auto longest = std::find_if(rows_.rbegin(), rows_.rend(), [&](const auto& row) {
            return contains(row.first, address);
        });
        return longest == rows_.rend() ? 0 : longest->second;
    }
    [[nodiscard]] const Rows& rows() const { return rows_; }

  private:
    Rows rows_;  // longer ones last
};

// Prefixes that nest, touch and repeat: the addresses share long beginnings.
template <class Number>
class BlockGenerator {
  public:
    explicit BlockGenerator(std::mt19937_64& random) : random_(random) {
        for (Number& stem : stems_)
            stem = number();
    }

    Block<Number> block() {
        constexpr int kBits = static_cast<int>(sizeof(Number) * 8);
        const int length = below(40) == 0 ? 0 : static_cast<int>(below(kBits)) + 1;
        const Number noise = number() >> below(kBits);
        const Number address = stems_[below(stems_.size())] ^ (below(3) == 0 ? noise : Number{0});
        return {.length = length, .first = address & mask_of<Number>(length)};
    }
    std::uint32_t owner() {
        return WGS_OWNER(static_cast<std::uint32_t>(below(1000)) + 1,
                         static_cast<std::uint32_t>(below(2)));
    }
    std::size_t below(std::size_t limit) { return random_() % limit; }
    Number number() {
        const auto low = static_cast<Number>(random_());
        if constexpr (sizeof(Number) > sizeof(std::uint64_t))
            return static_cast<Number>(random_()) << 64 | low;
        else
            return low;
    }

  private:
    std::mt19937_64& random_;
    std::array<Number, 5> stems_{};
};

// Addresses where the answer may change because of this prefix.
template <class Number>
std::array<Number, 4> edges(const Block<Number>& block) {
    const Number last = last_of(block);
    return {block.first, last, static_cast<Number>(block.first - 1), static_cast<Number>(last + 1)};
}

}  // namespace wgs
