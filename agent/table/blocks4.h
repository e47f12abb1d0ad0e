// SPDX-License-Identifier: Apache-2.0
// Blocks of the IPv4 trie: which are free, and which rest until no program can be in them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "maps/trie4.h"
#include "table/chunks.h"

namespace wgs {

enum class Block4 {
    middle,  // 1024 cells, below a root cell
    last     // 64 cells, below a cell of a middle block
};

// Blocks are numbered as cells name them. A middle block is a page, that is 16 units; other pages
// are split into 16 last blocks.
class Blocks4 {
  public:
    // With the chunks that have been found.
    explicit Blocks4(Chunks& chunks);

    // For a trie that is there already: its chunks, each block that a cell names, then that these
    // were all. False: no such block, or it is taken.
    Status find_chunks();
    [[nodiscard]] bool adopt(Block4 kind, std::uint32_t block);
    void end_adopting();

    // Makes room, so that as many more blocks can be taken without growing.
    Status reserve(std::size_t middles, std::size_t lasts);
    // A block that no program can be in; its cells have any value. An error: the table is full.
    Result<std::uint32_t> take(Block4 kind);
    // No cell names the block any more.
    void retire(Block4 kind, std::uint32_t block);

    [[nodiscard]] std::span<std::uint32_t> cells(Block4 kind, std::uint32_t block) const {
        const std::size_t first = std::size_t{block} % WGS_TRIE4_CHUNK_UNITS * WGS_TRIE4_LAST_CELLS;
        const std::size_t count =
            kind == Block4::middle ? WGS_TRIE4_MIDDLE_CELLS : WGS_TRIE4_LAST_CELLS;
        return std::span(memory_[block / WGS_TRIE4_CHUNK_UNITS]->cells).subspan(first, count);
    }
    // How many prefixes need the block to be there; 0 when it is taken, kept by the trie.
    [[nodiscard]] std::uint32_t& users(std::uint32_t block) { return users_[block]; }

  private:
    struct Page {
        bool taken = false;           // as a middle block, or split
        std::uint16_t free_last = 0;  // of a split page: a bit for each unit
    };
    struct Retired {
        Block4 kind;
        std::uint32_t block;
    };

    [[nodiscard]] bool find_free(Block4 kind, std::uint32_t& block);
    [[nodiscard]] bool find_free_last(std::uint32_t& block);
    void give_back(const Retired& retired);
    void note_chunks();
    Status make_room();
    Status grow(std::size_t chunks);
    Status wake();

    [[nodiscard]] std::uint32_t chunk_count() const {
        return static_cast<std::uint32_t>(memory_.size());
    }

    Chunks& chunks_;
    std::vector<wgs_chunk4*> memory_;         // of the chunks that are there
    std::vector<std::uint32_t> users_;        // by unit
    std::vector<Page> pages_;                 // by page
    std::vector<std::uint32_t> free_pages_;   // the last one is taken first
    std::vector<std::uint32_t> split_pages_;  // those with free units; others may be among them
    std::vector<Retired> resting_;
    bool awake_ = true;  // false: what is free may have been named a moment before it was adopted
};

}  // namespace wgs
