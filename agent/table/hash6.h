// SPDX-License-Identifier: Apache-2.0
// The writer of the IPv6 steer table (maps/hash6.h).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "maps/hash6.h"
#include "table/chunks.h"

namespace wgs {

// Halves of the address in host byte order, host bits 0.
struct Prefix6 {
    std::uint64_t upper = 0;
    std::uint64_t lower = 0;
    std::uint32_t length = 0;  // 0-128
    bool operator==(const Prefix6&) const = default;

    static Prefix6 of(const wgs_prefix6& key);
    [[nodiscard]] wgs_prefix6 key() const;
    // The prefix of this length that holds the address.
    static Prefix6 around(std::uint64_t upper, std::uint64_t lower, std::uint32_t length);
};

// The slots of one table in its chunks, whether readers see it or not.
class Slots6 {
  public:
    // `table`: as in wgs_head6.
    Slots6(const Chunks& chunks, std::uint64_t table);

    struct Slot {
        __u64* lower = nullptr;
        __u32* word = nullptr;
    };
    [[nodiscard]] std::optional<Slot> find(const wgs_key6& key) const;
    // A new slot, of nobody, for a key that is not there. None: all slots within reach are used.
    [[nodiscard]] std::optional<Slot> insert(const wgs_key6& key) const;
    // visit(const wgs_bucket6&) in order of memory.
    void for_each(const std::function<void(const wgs_bucket6&)>& visit) const;

    [[nodiscard]] std::uint64_t table() const { return table_; }
    [[nodiscard]] std::uint32_t first_chunk() const { return table_ & 0xffff; }
    [[nodiscard]] std::uint32_t chunk_count() const { return table_ >> 16 & 0xffff; }
    [[nodiscard]] bool is_whole() const {
        return std::ranges::find(memory_, nullptr) == memory_.end();
    }
    // How many slots are worth using before probes become long.
    [[nodiscard]] std::size_t capacity() const;

  private:
    [[nodiscard]] wgs_bucket6& bucket(const wgs_place6& place, std::uint32_t distance) const {
        return memory_[place.chunk - first_chunk()]
            ->buckets[(place.bucket + distance) % WGS_HASH6_CHUNK_BUCKETS];
    }

    std::uint64_t table_;
    std::vector<wgs_chunk6*> memory_;  // from the first chunk on; null: not there
};

// Between two calls each prefix set has the one slot with its key, and no other slot has an owner;
// every length above 64 that is set is among the units of its /64, every one below among those of
// the head; all counters are even. There may be units and slots of prefixes that are gone. A call
// stores what a prefix needs to be found before its owner, so to readers an address has its old
// owner or its new one at any moment; so it has where a writer died. It is the only writer.
class Hash6 {
  public:
    struct Row {
        Prefix6 prefix;
        std::uint32_t owner;
    };

    // Both are borrowed and must outlive this object.
    Hash6(wgs_head6& head, Chunks& chunks)
        : head_(head), chunks_(chunks), slots_(chunks, head.table) {}

    // Takes over what is there, once, before any change.
    Status recover();

    // `owner` is not 0. On error (the table is full, no memory) the prefix is as it was before.
    Status set(const Prefix6& prefix, std::uint32_t owner);
    // In the order given; on error those before it are set.
    Status set_all(std::span<const Row> rows);
    // A prefix that is not there is not an error.
    void erase(const Prefix6& prefix);

    // What readers see: the owner word for an address; 0: none.
    [[nodiscard]] std::uint32_t find(std::uint64_t upper, std::uint64_t lower) const;
    // Owner of exactly this prefix; 0: none.
    [[nodiscard]] std::uint32_t find(const Prefix6& prefix) const;
    [[nodiscard]] std::size_t size() const { return live_; }
    // In no order.
    void for_each(const std::function<void(const Prefix6&, std::uint32_t owner)>& visit) const;

  private:
    // While it lives, lookups of the addresses of a counter start anew.
    class Changing;
    [[nodiscard]] __u32* counter_of(const Prefix6& prefix);

    [[nodiscard]] bool try_set(const Prefix6& prefix, std::uint32_t owner);
    void set_any(std::uint32_t owner);
    Status remove_leftovers();
    Status rebuild(std::size_t wanted);
    [[nodiscard]] bool copy_to(const Slots6& next, std::uint64_t& shorter, std::size_t& used) const;
    [[nodiscard]] std::optional<std::uint32_t> room_for(std::size_t count) const;

    wgs_head6& head_;
    Chunks& chunks_;
    Slots6 slots_;
    std::size_t used_ = 0;  // slots, of prefixes that are gone as well
    std::size_t live_ = 0;  // prefixes
    std::chrono::steady_clock::time_point last_change_{};  // of a counter
};

}  // namespace wgs
