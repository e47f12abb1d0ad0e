// SPDX-License-Identifier: Apache-2.0
#include "table/trie4.h"

#include <algorithm>
#include <atomic>
#include <bitset>
#include <vector>

namespace wgs {
namespace {

// Where the cells of the three levels end, bits from the left.
constexpr std::uint32_t kRootBits = 16;
constexpr std::uint32_t kMiddleBits = 26;
constexpr std::uint32_t kAllBits = 32;

constexpr std::size_t kAhead = 8;           // rows whose memory is fetched before their turn
constexpr std::size_t kWorthCounting = 64;  // rows

bool is_pointer(std::uint32_t cell) {
    return (cell & WGS_TRIE4_POINTER) != 0;
}

std::uint32_t block_of(std::uint32_t pointer) {
    return pointer & ~WGS_TRIE4_POINTER;
}

// Index of an address' cell in its block.
std::size_t in_block(Block4 kind, std::uint32_t address) {
    return kind == Block4::middle ? address / WGS_TRIE4_LAST_CELLS % WGS_TRIE4_MIDDLE_CELLS
                                  : address % WGS_TRIE4_LAST_CELLS;
}

// Everything stored before is visible to a reader that sees this.
void publish(std::uint32_t& cell, std::uint32_t value) {
    std::atomic_ref(cell).store(value, std::memory_order_release);
}

std::uint32_t load(const std::uint32_t& cell) {
    return std::atomic_ref(const_cast<std::uint32_t&>(cell)).load(std::memory_order_acquire);
}

}  // namespace

std::uint32_t Trie4::find(std::uint32_t address) const {
    std::uint32_t cell = load(root_[wgs_trie4_in_root(address)]);
    if (is_pointer(cell))
        cell = load(cells(Block4::middle, cell)[in_block(Block4::middle, address)]);
    if (is_pointer(cell)) cell = load(cells(Block4::last, cell)[in_block(Block4::last, address)]);
    return cell & WGS_OWNER_MASK;
}

Trie4::Cells Trie4::cells(Block4 kind, std::uint32_t pointer) const {
    return blocks_.cells(kind, block_of(pointer));
}

// There is a middle block for the address.
std::uint32_t& Trie4::middle_cell(std::uint32_t address) const {
    return cells(Block4::middle,
                 root_[wgs_trie4_in_root(address)])[in_block(Block4::middle, address)];
}

Status Trie4::set(const Prefix4& prefix, std::uint32_t owner) {
    if (const Status opened = open_blocks(prefix); !opened) {
        close_blocks(prefix);
        return opened;
    }
    if (prefixes_.set(prefix, owner) == 0) count_users(prefix, 1);
    paint(prefix, wgs_trie4_leaf(owner, prefix.length));
    return {};
}

Status Trie4::set_all(std::span<const Row> rows) {
    if (rows.size() >= kWorthCounting) WGS_TRY(make_room(rows));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (i + kAhead < rows.size()) prefetch(rows[i + kAhead].prefix);
        WGS_TRY(set(rows[i].prefix, rows[i].owner));
    }
    return {};
}

void Trie4::prefetch(const Prefix4& prefix) const {
    prefixes_.prefetch(prefix);
    if (is_pointer(root_[wgs_trie4_in_root(prefix.address)]))
        __builtin_prefetch(&middle_cell(prefix.address), 1);
}

void Trie4::erase(const Prefix4& prefix) {
    if (prefixes_.erase(prefix) == 0) return;
    paint(prefix, prefixes_.cover(prefix));
    count_users(prefix, ~0U);
    close_blocks(prefix);
}

// Counts the blocks that are missing, each once.
Status Trie4::make_room(std::span<const Row> rows) {
    std::bitset<WGS_TRIE4_ROOT_CELLS> middles;
    std::vector<std::uint32_t> lasts;
    for (const auto& [prefix, owner] : rows) {
        const std::uint32_t root = wgs_trie4_in_root(prefix.address);
        if (prefix.length > kRootBits && !is_pointer(root_[root])) middles.set(root);
        if (prefix.length > kMiddleBits) lasts.push_back(prefix.address >> 6);
    }
    std::ranges::sort(lasts);
    lasts.erase(std::unique(lasts.begin(), lasts.end()), lasts.end());
    std::erase_if(lasts, [&](std::uint32_t last) {
        const std::uint32_t address = last << 6;
        return is_pointer(root_[wgs_trie4_in_root(address)]) && is_pointer(middle_cell(address));
    });
    prefixes_.reserve(rows.size());
    return blocks_.reserve(middles.count(), lasts.size());
}

// Makes the block of a cell. Readers find in it what the cell said.
Status Trie4::open(std::uint32_t& cell, Block4 kind) {
    const std::uint32_t block = WGS_TRY(blocks_.take(kind));
    std::ranges::fill(blocks_.cells(kind, block), cell);
    publish(cell, WGS_TRIE4_POINTER | block);
    return {};
}

Status Trie4::open_blocks(const Prefix4& prefix) {
    if (prefix.length <= kRootBits) return {};
    std::uint32_t& root = root_[wgs_trie4_in_root(prefix.address)];
    if (!is_pointer(root)) WGS_TRY(open(root, Block4::middle));
    if (prefix.length <= kMiddleBits) return {};
    std::uint32_t& middle = middle_cell(prefix.address);
    if (!is_pointer(middle)) WGS_TRY(open(middle, Block4::last));
    return {};
}

// Takes the block of a cell away if no prefix needs it: then all its cells are alike.
void Trie4::close(std::uint32_t& cell, Block4 kind) {
    if (!is_pointer(cell)) return;
    const std::uint32_t block = block_of(cell);
    if (blocks_.users(block) != 0) return;
    publish(cell, blocks_.cells(kind, block).front());
    blocks_.retire(kind, block);
}

void Trie4::close_blocks(const Prefix4& prefix) {
    std::uint32_t& root = root_[wgs_trie4_in_root(prefix.address)];
    if (prefix.length > kMiddleBits && is_pointer(root))
        close(middle_cell(prefix.address), Block4::last);
    if (prefix.length > kRootBits) close(root, Block4::middle);
}

// A middle block is used by what ends in its last blocks as well.
void Trie4::count_users(const Prefix4& prefix, std::uint32_t change) {
    if (prefix.length <= kRootBits) return;
    blocks_.users(block_of(root_[wgs_trie4_in_root(prefix.address)])) += change;
    if (prefix.length > kMiddleBits) blocks_.users(block_of(middle_cell(prefix.address))) += change;
}

// The cells that make up the prefix, at the level where it ends.
Trie4::Cells Trie4::range(const Prefix4& prefix) const {
    const std::uint32_t address = prefix.address;
    if (prefix.length <= kRootBits)
        return root_.subspan(wgs_trie4_in_root(address), 1U << (kRootBits - prefix.length));
    if (prefix.length <= kMiddleBits)
        return cells(Block4::middle, root_[wgs_trie4_in_root(address)])
            .subspan(in_block(Block4::middle, address), 1U << (kMiddleBits - prefix.length));
    return cells(Block4::last, middle_cell(address))
        .subspan(in_block(Block4::last, address), 1U << (kAllBits - prefix.length));
}

// What the prefix answers for, that is its addresses which no longer one covers, gets the leaf.
void Trie4::paint(const Prefix4& prefix, std::uint32_t leaf) {
    const Block4 below = prefix.length <= kRootBits ? Block4::middle : Block4::last;
    paint(range(prefix), below, prefix.length, leaf);
}

void Trie4::paint(Cells cells, Block4 below, std::uint32_t length, std::uint32_t leaf) {
    for (std::uint32_t& cell : cells) {
        if (is_pointer(cell)) {
            paint(this->cells(below, cell), Block4::last, length, leaf);
        } else if (wgs_trie4_length(cell) <= length && cell != leaf) {
            publish(cell, leaf);
        }
    }
}

// Each cell tells a prefix. Where a writer died while it painted one, only some of its cells do;
// and where it was about to change the owner, cells differ: either one will do.
Status Trie4::recover() {
    WGS_TRY(blocks_.find_chunks());
    WGS_TRY(collect(root_, 0, kRootBits));
    blocks_.end_adopting();
    prefixes_.for_each([this](const Prefix4& prefix, std::uint32_t owner) {
        count_users(prefix, 1);
        paint(prefix, wgs_trie4_leaf(owner, prefix.length));
    });
    close_unused();
    return {};
}

// `bits`: where these cells end; the first one begins at the address.
Status Trie4::collect(Cells cells, std::uint32_t address, std::uint32_t bits) {
    const auto damaged = [&] {
        return make_error(std::errc::invalid_argument,
                          "the IPv4 steer table is damaged; `wgsteer cleanup` removes it");
    };
    const std::uint32_t step = 1U << (kAllBits - bits);
    for (const std::uint32_t cell : cells) {
        if (is_pointer(cell)) {
            const Block4 kind = bits == kRootBits ? Block4::middle : Block4::last;
            if (bits == kAllBits || !blocks_.adopt(kind, block_of(cell))) return damaged();
            WGS_TRY(collect(this->cells(kind, cell), address,
                            bits == kRootBits ? kMiddleBits : kAllBits));
        } else if (cell != 0) {
            const std::uint32_t length = wgs_trie4_length(cell);
            const std::uint32_t owner = cell & WGS_OWNER_MASK;
            if (length > bits || owner == 0) return damaged();
            const Prefix4 prefix = Prefix4::around(address, length);
            if (prefixes_.find(prefix) == 0) prefixes_.set(prefix, owner);
        }
        address += step;
    }
    return {};
}

// A writer may have died between opening a block and painting, or painting and closing.
void Trie4::close_unused() {
    for (std::uint32_t& root : root_) {
        if (!is_pointer(root)) continue;
        for (std::uint32_t& cell : cells(Block4::middle, root))
            close(cell, Block4::last);
        close(root, Block4::middle);
    }
}

}  // namespace wgs
