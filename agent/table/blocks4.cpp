// SPDX-License-Identifier: Apache-2.0
#include "table/blocks4.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace wgs {
namespace {

constexpr std::uint32_t kPageUnits = WGS_TRIE4_MIDDLE_UNITS;
constexpr std::uint32_t kChunkPages = WGS_TRIE4_CHUNK_UNITS / kPageUnits;
constexpr std::uint16_t kAllFree = 0xffff;
constexpr std::uint32_t kFindAtOnce = 4;  // chunks

// Waiting for readers costs milliseconds, so it must give back a share of all blocks.
constexpr std::size_t kFewestToWake = 64;
constexpr std::size_t kShareToWake = 8;

std::uint16_t bit_of(std::uint32_t block) {
    return static_cast<std::uint16_t>(1U << (block % kPageUnits));
}

tl::unexpected<Error> full() {
    return make_error(std::errc::no_space_on_device, "the IPv4 steer table is full");
}

}  // namespace

Blocks4::Blocks4(Chunks& chunks) : chunks_(chunks) {
    note_chunks();
}

// They are numbered without gaps.
Status Blocks4::find_chunks() {
    for (std::size_t before = 0;; before = memory_.size()) {
        const std::uint32_t more = std::max<std::uint32_t>(kFindAtOnce, chunk_count());
        WGS_TRY(chunks_.find(chunk_count(), std::min(more, chunks_.limit() - chunk_count())));
        note_chunks();
        if (memory_.size() < before + more) return {};
    }
}

// The next ones, as many as there are.
void Blocks4::note_chunks() {
    while (chunk_count() < chunks_.limit() && chunks_.at(chunk_count()) != nullptr)
        memory_.push_back(static_cast<wgs_chunk4*>(chunks_.at(chunk_count())));
    pages_.resize(memory_.size() * kChunkPages);
    users_.resize(memory_.size() * WGS_TRIE4_CHUNK_UNITS);
}

bool Blocks4::adopt(Block4 kind, std::uint32_t block) {
    if (block >= users_.size()) return false;
    Page& page = pages_[block / kPageUnits];
    const bool whole = page.taken && page.free_last == 0;
    if (kind == Block4::middle) return !std::exchange(page.taken, true) && block % kPageUnits == 0;
    if (!page.taken) page = {.taken = true, .free_last = kAllFree};
    if (whole || (page.free_last & bit_of(block)) == 0) return false;
    page.free_last = static_cast<std::uint16_t>(page.free_last & ~bit_of(block));
    return true;
}

void Blocks4::end_adopting() {
    for (std::size_t page = pages_.size(); page-- > 0;) {
        if (!pages_[page].taken) free_pages_.push_back(static_cast<std::uint32_t>(page));
        if (pages_[page].free_last != 0) split_pages_.push_back(static_cast<std::uint32_t>(page));
    }
    awake_ = free_pages_.empty() && split_pages_.empty();
}

Status Blocks4::reserve(std::size_t middles, std::size_t lasts) {
    const std::size_t pages = middles + (lasts + kPageUnits - 1) / kPageUnits;
    if (pages <= free_pages_.size()) return {};
    const std::size_t missing = pages - free_pages_.size();
    return grow((missing + kChunkPages - 1) / kChunkPages);
}

Result<std::uint32_t> Blocks4::take(Block4 kind) {
    if (!awake_) WGS_TRY(wake());
    std::uint32_t block = 0;
    if (find_free(kind, block)) return block;
    WGS_TRY(make_room());
    if (find_free(kind, block)) return block;
    WGS_TRY(grow(1));  // what was woken is all of the other kind
    if (!find_free(kind, block)) return full();
    return block;
}

bool Blocks4::find_free(Block4 kind, std::uint32_t& block) {
    if (kind == Block4::last && find_free_last(block)) return true;
    if (free_pages_.empty()) return false;
    const std::uint32_t page = free_pages_.back();
    free_pages_.pop_back();
    pages_[page].taken = true;
    block = page * kPageUnits;
    if (kind == Block4::middle) return true;
    pages_[page].free_last = kAllFree;
    split_pages_.push_back(page);
    return find_free_last(block);
}

bool Blocks4::find_free_last(std::uint32_t& block) {
    while (!split_pages_.empty()) {
        const std::uint32_t number = split_pages_.back();
        Page& page = pages_[number];
        if (page.free_last == 0) {
            split_pages_.pop_back();
            continue;
        }
        block = number * kPageUnits + static_cast<std::uint32_t>(std::countr_zero(page.free_last));
        page.free_last = static_cast<std::uint16_t>(page.free_last & ~bit_of(block));
        return true;
    }
    return false;
}

void Blocks4::retire(Block4 kind, std::uint32_t block) {
    resting_.push_back({.kind = kind, .block = block});
}

void Blocks4::give_back(const Retired& retired) {
    const std::uint32_t number = retired.block / kPageUnits;
    Page& page = pages_[number];
    if (retired.kind == Block4::last) {
        if (page.free_last == 0) split_pages_.push_back(number);
        page.free_last = static_cast<std::uint16_t>(page.free_last | bit_of(retired.block));
        if (page.free_last != kAllFree) return;
    }
    page = {};
    free_pages_.push_back(number);
}

Status Blocks4::make_room() {
    const std::size_t worthwhile = std::max(kFewestToWake, users_.size() / kShareToWake);
    if (resting_.size() >= worthwhile) return wake();
    const Status grown = grow(std::max<std::size_t>(1, memory_.size() / 2));
    return grown || resting_.empty() ? grown : wake();
}

Status Blocks4::grow(std::size_t chunks) {
    const std::uint32_t first = chunk_count();
    const auto wanted =
        static_cast<std::uint32_t>(std::min<std::size_t>(chunks, chunks_.limit() - first));
    if (wanted == 0) return full();
    WGS_TRY(chunks_.add(first, wanted));
    note_chunks();
    for (std::size_t page = pages_.size(); page-- > std::size_t{first} * kChunkPages;)
        free_pages_.push_back(static_cast<std::uint32_t>(page));
    return {};
}

Status Blocks4::wake() {
    WGS_TRY(chunks_.wait_for_readers());
    awake_ = true;
    for (const Retired& retired : std::exchange(resting_, {}))
        give_back(retired);
    return {};
}

}  // namespace wgs
