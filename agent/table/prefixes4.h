// SPDX-License-Identifier: Apache-2.0
// The IPv4 prefixes that a trie holds, and their owners: a hash table of 8-byte slots.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "maps/layout.h"

namespace wgs {

// Address in host byte order, host bits 0.
struct Prefix4 {
    std::uint32_t address = 0;
    std::uint32_t length = 0;  // 0-32
    bool operator==(const Prefix4&) const = default;

    static Prefix4 of(const wgs_prefix4& key) {
        return {.address = std::uint32_t{key.address[0]} << 24 |
                           std::uint32_t{key.address[1]} << 16 |
                           std::uint32_t{key.address[2]} << 8 | key.address[3],
                .length = key.length};
    }
    [[nodiscard]] wgs_prefix4 key() const;

    static constexpr std::uint32_t mask(std::uint32_t length) {
        return length == 0 ? 0 : ~std::uint32_t{0} << (32 - length);
    }
    // The prefix of this length that holds the address.
    static constexpr Prefix4 around(std::uint32_t address, std::uint32_t length) {
        return {.address = address & mask(length), .length = length};
    }
};

class Prefixes4 {
  public:
    [[nodiscard]] std::size_t size() const { return size_; }
    // Owner word; 0: not there.
    [[nodiscard]] std::uint32_t find(const Prefix4& prefix) const;
    // Makes room, so that as many more need no new memory.
    void reserve(std::size_t more);
    // Starts to fetch the slot: a hint for a find() or set() soon.
    void prefetch(const Prefix4& prefix) const;
    // `owner` is not 0. Returns the owner before, 0: none.
    std::uint32_t set(const Prefix4& prefix, std::uint32_t owner);
    // Returns the owner before, 0: none.
    std::uint32_t erase(const Prefix4& prefix);
    // The longest prefix which is shorter than this one and holds it, as a cell of the trie; 0:
    // none.
    [[nodiscard]] std::uint32_t cover(const Prefix4& prefix) const;

    // visit(Prefix4, owner word), in no order.
    template <class Visit>
    void for_each(const Visit& visit) const {
        for (const std::uint64_t slot : slots_) {
            if (slot != 0) visit(prefix_of(slot), owner_of(slot));
        }
    }

  private:
    // A slot, from the top: address, 6 bits of length, 1 bit "used", 25 bits of owner.
    static constexpr std::uint64_t kUsed = std::uint64_t{1} << 25;
    static std::uint64_t key_of(const Prefix4& prefix) {
        return std::uint64_t{prefix.address} << 32 | std::uint64_t{prefix.length} << 26 | kUsed;
    }
    static std::uint32_t owner_of(std::uint64_t slot) {
        return static_cast<std::uint32_t>(slot & WGS_OWNER_MASK);
    }
    static Prefix4 prefix_of(std::uint64_t slot) {
        return {.address = static_cast<std::uint32_t>(slot >> 32),
                .length = static_cast<std::uint32_t>(slot >> 26 & 0x3f)};
    }

    [[nodiscard]] std::size_t home(std::uint64_t key) const;
    // Where the key is, or would go. The table is not empty.
    [[nodiscard]] std::size_t locate(std::uint64_t key) const;
    void resize(std::size_t slots);
    void close_gap(std::size_t gap);

    std::vector<std::uint64_t> slots_;  // a power of two, at most three quarters used
    std::size_t size_ = 0;
    std::array<std::uint32_t, 33> lengths_{};  // how many prefixes of each length
};

}  // namespace wgs
