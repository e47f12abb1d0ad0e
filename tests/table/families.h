// SPDX-License-Identifier: Apache-2.0
// The two tables behind one face, so that a test is written once: addresses as numbers.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <utility>

#include "memory.h"
#include "table/hash6.h"
#include "table/trie4.h"

namespace wgs {

// A prefix of whichever family: length, first address.
template <class Number>
struct Block {
    int length = 0;
    Number first = 0;
    auto operator<=>(const Block&) const = default;
};

struct Ipv4 {
    using Number = std::uint32_t;
    static constexpr int kBits = 32;
    using Table = Trie4;
    using Prefix = Prefix4;

    static Table make(TableMemory& memory, Chunks& chunks) {
        return {std::span(memory.root.cells), chunks};
    }
    static Prefix prefix(const Block<Number>& block) {
        return Prefix4::around(block.first, static_cast<std::uint32_t>(block.length));
    }
    static std::uint32_t find(const Table& table, Number address) { return table.find(address); }
    static std::map<Block<Number>, std::uint32_t> rows(const Table& table) {
        std::map<Block<Number>, std::uint32_t> rows;
        table.prefixes().for_each([&](const Prefix4& prefix, std::uint32_t owner) {
            rows.emplace(
                Block<Number>{.length = static_cast<int>(prefix.length), .first = prefix.address},
                owner);
        });
        return rows;
    }
};

struct Ipv6 {
    __extension__ using Number = unsigned __int128;
    static constexpr int kBits = 128;
    using Table = Hash6;
    using Prefix = Prefix6;

    static std::uint64_t upper(Number number) { return static_cast<std::uint64_t>(number >> 64); }
    static std::uint64_t lower(Number number) { return static_cast<std::uint64_t>(number); }
    static Table make(TableMemory& memory, Chunks& chunks) { return {memory.head, chunks}; }
    static Prefix prefix(const Block<Number>& block) {
        return Prefix6::around(upper(block.first), lower(block.first),
                               static_cast<std::uint32_t>(block.length));
    }
    static std::uint32_t find(const Table& table, Number address) {
        return table.find(upper(address), lower(address));
    }
    static std::map<Block<Number>, std::uint32_t> rows(const Table& table) {
        std::map<Block<Number>, std::uint32_t> rows;
        table.for_each([&](const Prefix6& prefix, std::uint32_t owner) {
            rows.emplace(
                Block<Number>{.length = static_cast<int>(prefix.length),
                              .first = static_cast<Number>(prefix.upper) << 64 | prefix.lower},
                owner);
        });
        return rows;
    }
};

}  // namespace wgs
