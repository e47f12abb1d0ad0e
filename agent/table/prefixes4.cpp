// SPDX-License-Identifier: Apache-2.0
#include "table/prefixes4.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "maps/trie4.h"

namespace wgs {
namespace {

constexpr std::size_t kFewest = 64;

std::size_t slots_for(std::size_t prefixes) {
    return std::max(kFewest, std::bit_ceil(prefixes + prefixes / 3 + 1));
}

}  // namespace

wgs_prefix4 Prefix4::key() const {
    wgs_prefix4 key{.length = length, .address = {}};
    for (std::size_t i = 0; i < sizeof(key.address); ++i)
        key.address[i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
    return key;
}

std::size_t Prefixes4::home(std::uint64_t key) const {
    const std::uint64_t mixed = (key ^ key >> 32) * 0x9e3779b97f4a7c15;
    return mixed >> (64 - std::countr_zero(slots_.size()));
}

std::size_t Prefixes4::locate(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = home(key);
    while (slots_[at] != 0 && (slots_[at] & ~std::uint64_t{WGS_OWNER_MASK}) != key)
        at = (at + 1) & mask;
    return at;
}

std::uint32_t Prefixes4::find(const Prefix4& prefix) const {
    return slots_.empty() ? 0 : owner_of(slots_[locate(key_of(prefix))]);
}

void Prefixes4::reserve(std::size_t more) {
    const std::size_t wanted = slots_for(size_ + more);
    if (wanted > slots_.size()) resize(wanted);
}

void Prefixes4::resize(std::size_t slots) {
    const std::vector<std::uint64_t> old = std::exchange(slots_, std::vector<std::uint64_t>(slots));
    for (const std::uint64_t slot : old) {
        if (slot != 0) slots_[locate(slot & ~std::uint64_t{WGS_OWNER_MASK})] = slot;
    }
}

void Prefixes4::prefetch(const Prefix4& prefix) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[home(key_of(prefix))], 1);
}

std::uint32_t Prefixes4::set(const Prefix4& prefix, std::uint32_t owner) {
    if ((size_ + 1) * 4 > slots_.size() * 3) resize(std::max(kFewest, slots_.size() * 2));
    const std::uint64_t key = key_of(prefix);
    std::uint64_t& slot = slots_[locate(key)];
    const std::uint32_t before = owner_of(slot);
    if (slot == 0) {
        ++size_;
        ++lengths_.at(prefix.length);
    }
    slot = key | owner;
    return before;
}

std::uint32_t Prefixes4::erase(const Prefix4& prefix) {
    if (slots_.empty()) return 0;
    const std::size_t at = locate(key_of(prefix));
    if (slots_[at] == 0) return 0;
    const std::uint32_t before = owner_of(slots_[at]);
    close_gap(at);
    --size_;
    --lengths_.at(prefix.length);
    return before;
}

// Moves back what a probe would no longer find behind an empty slot.
void Prefixes4::close_gap(std::size_t gap) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = (gap + 1) & mask; slots_[at] != 0; at = (at + 1) & mask) {
        const std::size_t wanted = home(slots_[at] & ~std::uint64_t{WGS_OWNER_MASK});
        if (((at - wanted) & mask) < ((at - gap) & mask)) continue;
        slots_[gap] = slots_[at];
        gap = at;
    }
    slots_[gap] = 0;
}

std::uint32_t Prefixes4::cover(const Prefix4& prefix) const {
    for (std::uint32_t length = prefix.length; length-- > 0;) {
        if (lengths_.at(length) == 0) continue;
        const std::uint32_t owner = find(Prefix4::around(prefix.address, length));
        if (owner != 0) return wgs_trie4_leaf(owner, length);
    }
    return 0;
}

}  // namespace wgs
