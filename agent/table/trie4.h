// SPDX-License-Identifier: Apache-2.0
// The writer of the IPv4 steer table (maps/trie4.h).
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"
#include "maps/trie4.h"
#include "table/blocks4.h"
#include "table/chunks.h"
#include "table/prefixes4.h"

namespace wgs {

// Between two calls
//   - every cell that is no pointer holds the longest prefix of those set that covers all its
//     addresses, or 0 when there is none;
//   - a block is there if and only if a prefix ends in it, that is, is longer than its parent's
//     cells can tell apart.
// A call makes this true again by stores that readers may see one by one: to them, an address has
// its old owner or its new one. It is the only writer; where one died in the middle of a call,
// recover() ends what it began or takes it back.
class Trie4 {
  public:
    struct Row {
        Prefix4 prefix;
        std::uint32_t owner;
    };

    // Both are borrowed and must outlive this object.
    Trie4(std::span<std::uint32_t, WGS_TRIE4_ROOT_CELLS> root, Chunks& chunks)
        : root_(root), blocks_(chunks) {}

    // Takes over what is there, once, before any change. Prefixes that longer ones hide
    // altogether are not found again. An error: no writer has left that.
    Status recover();

    // `owner` is not 0. On error (the table is full, no memory) the prefix is as it was before.
    Status set(const Prefix4& prefix, std::uint32_t owner);
    // In the order given; on error those before it are set. Grows at most once where there is
    // memory.
    Status set_all(std::span<const Row> rows);
    // A prefix that is not there is not an error.
    void erase(const Prefix4& prefix);

    // What readers see: the owner word for an address in host byte order; 0: none.
    [[nodiscard]] std::uint32_t find(std::uint32_t address) const;
    [[nodiscard]] const Prefixes4& prefixes() const { return prefixes_; }

  private:
    using Cells = std::span<std::uint32_t>;

    [[nodiscard]] Cells cells(Block4 kind, std::uint32_t pointer) const;
    [[nodiscard]] std::uint32_t& middle_cell(std::uint32_t address) const;
    Status open(std::uint32_t& cell, Block4 kind);
    Status open_blocks(const Prefix4& prefix);
    void close(std::uint32_t& cell, Block4 kind);
    void close_blocks(const Prefix4& prefix);
    [[nodiscard]] Cells range(const Prefix4& prefix) const;
    void paint(const Prefix4& prefix, std::uint32_t leaf);
    void paint(Cells cells, Block4 below, std::uint32_t length, std::uint32_t leaf);
    void count_users(const Prefix4& prefix, std::uint32_t change);
    Status make_room(std::span<const Row> rows);
    void prefetch(const Prefix4& prefix) const;
    Status collect(Cells cells, std::uint32_t address, std::uint32_t bits);
    void close_unused();

    std::span<std::uint32_t, WGS_TRIE4_ROOT_CELLS> root_;
    Blocks4 blocks_;
    Prefixes4 prefixes_;
};

}  // namespace wgs
