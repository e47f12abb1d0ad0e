// SPDX-License-Identifier: Apache-2.0
#include "table/hash6.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <type_traits>
#include <utility>
#include <vector>

namespace wgs {
namespace {

constexpr std::uint32_t kHalf = 64;  // bits
constexpr std::size_t kChunkSlots = std::size_t{WGS_HASH6_CHUNK_BUCKETS} * WGS_BUCKET6_SLOTS;
constexpr std::size_t kTries = 6;

// Between two changes of counters: longer than a lookup takes that is not interrupted.
constexpr std::chrono::nanoseconds kPause{500};
// How long a reader may make us wait: it has three lookups to do, on a CPU that a hypervisor may
// hold.
constexpr std::chrono::milliseconds kPatience{50};

template <class Word>
void publish(Word& word, std::type_identity_t<Word> value) {
    std::atomic_ref(word).store(value, std::memory_order_release);
}

template <class Word>
void publish_bits(Word& word, std::type_identity_t<Word> bits) {
    if ((word & bits) != bits) publish(word, word | bits);
}

// Of a length within 1-128.
std::uint64_t unit_of(std::uint32_t length) {
    return std::uint64_t{1} << ((length <= kHalf ? kHalf : 2 * kHalf) - length);
}

wgs_key6 key_of(const Prefix6& prefix) {
    const std::uint64_t unit = unit_of(prefix.length);
    return prefix.length <= kHalf ? wgs_key6_upper(prefix.upper, unit)
                                  : wgs_key6_lower(prefix.upper, prefix.lower, unit);
}

wgs_key6 site_of(const Prefix6& prefix) {
    return wgs_key6_upper(prefix.upper, 1);
}

// By the pattern in a tag, which bit of the half it stands for.
std::array<std::uint32_t, kHalf> make_bits() {
    std::array<std::uint32_t, kHalf> bits{};
    for (std::uint32_t bit = 0; bit < kHalf; ++bit)
        bits.at(wgs_hash6_tag(std::uint64_t{1} << bit) >> 25) = bit;
    return bits;
}

Prefix6 prefix_in(const wgs_bucket6& bucket, std::size_t slot) {
    static const auto kBits = make_bits();
    const std::uint32_t word = bucket.word[slot];
    const std::uint32_t bit = kBits.at(word >> 25 & 0x3f);
    if ((word & WGS_HASH6_UPPER) != 0)
        return {.upper = bucket.upper[slot], .lower = 0, .length = kHalf - bit};
    return {.upper = bucket.upper[slot], .lower = bucket.lower[slot], .length = 2 * kHalf - bit};
}

std::uint32_t owner_in(std::uint32_t word) {
    const std::uint32_t owner = word & WGS_OWNER_MASK;
    return WGS_OWNER_PEER(owner) == WGS_PEER_NONE ? 0 : owner;
}

// A slot is in use for the lengths below it alone.
bool is_signpost(std::uint32_t word, std::uint64_t lower) {
    return (word & WGS_HASH6_UPPER) != 0 && owner_in(word) == 0 && lower != 0;
}

tl::unexpected<Error> full() {
    return make_error(std::errc::no_space_on_device, "the IPv6 steer table is full");
}

// Chunks in which this many slots are a little less than half of all.
std::size_t chunks_for(std::size_t slots) {
    return slots * 9 / 4 / kChunkSlots + 1;
}

}  // namespace

Prefix6 Prefix6::of(const wgs_prefix6& key) {
    Prefix6 prefix{.upper = 0, .lower = 0, .length = key.length};
    for (std::size_t i = 0; i < sizeof(key.address); ++i) {
        std::uint64_t& half = i < sizeof(half) ? prefix.upper : prefix.lower;
        half = half << 8 | key.address[i];
    }
    return prefix;
}

wgs_prefix6 Prefix6::key() const {
    wgs_prefix6 key{.length = length, .address = {}};
    for (std::size_t i = 0; i < sizeof(key.address); ++i) {
        const std::uint64_t half = i < sizeof(half) ? upper : lower;
        key.address[i] = static_cast<std::uint8_t>(half >> (56 - 8 * (i % sizeof(half))));
    }
    return key;
}

Prefix6 Prefix6::around(std::uint64_t upper, std::uint64_t lower, std::uint32_t length) {
    if (length == 0) return {};
    const std::uint64_t mask = -unit_of(length);
    if (length <= kHalf) return {.upper = upper & mask, .lower = 0, .length = length};
    return {.upper = upper, .lower = lower & mask, .length = length};
}

std::size_t Slots6::capacity() const {
    return chunk_count() * kChunkSlots * 5 / 8;
}

Slots6::Slots6(const Chunks& chunks, std::uint64_t table) : table_(table) {
    for (std::uint32_t i = 0; i < chunk_count(); ++i)
        memory_.push_back(static_cast<wgs_chunk6*>(chunks.at(first_chunk() + i)));
}

std::optional<Slots6::Slot> Slots6::find(const wgs_key6& key) const {
    if (chunk_count() == 0) return std::nullopt;
    const wgs_place6 place = wgs_hash6_place(table_, &key);
    for (std::uint32_t distance = 0; distance < WGS_HASH6_REACH; ++distance) {
        wgs_bucket6& in = bucket(place, distance);
        for (std::size_t i = 0; i < WGS_BUCKET6_SLOTS; ++i) {
            const bool lower_fits = (key.tag & WGS_HASH6_UPPER) != 0 || in.lower[i] == key.lower;
            const bool tag_fits = in.word[i] != 0 && (in.word[i] & WGS_HASH6_TAG) == key.tag;
            if (in.upper[i] == key.upper && lower_fits && tag_fits)
                return Slot{.lower = &in.lower[i], .word = &in.word[i]};
        }
        if (in.passed == 0) break;
    }
    return std::nullopt;
}

std::optional<Slots6::Slot> Slots6::insert(const wgs_key6& key) const {
    const wgs_place6 place = wgs_hash6_place(table_, &key);
    for (std::uint32_t distance = 0; distance < WGS_HASH6_REACH; ++distance) {
        wgs_bucket6& in = bucket(place, distance);
        const auto* const free = std::ranges::find(in.word, 0U);
        if (free == std::end(in.word)) continue;
        const auto slot = static_cast<std::size_t>(free - in.word);
        publish(in.upper[slot], key.upper);
        publish(in.lower[slot], key.lower);
        for (std::uint32_t passed = 0; passed < distance; ++passed)
            publish(bucket(place, passed).passed, bucket(place, passed).passed + 1);
        publish(in.word[slot], key.tag | WGS_HASH6_NOBODY);
        return Slot{.lower = &in.lower[slot], .word = &in.word[slot]};
    }
    return std::nullopt;
}

void Slots6::for_each(const std::function<void(const wgs_bucket6&)>& visit) const {
    for (const wgs_chunk6* chunk : memory_)
        std::ranges::for_each(chunk->buckets, visit);
}

namespace {

// The slot of a key, a new one if need be. None: there is no room. Counts new slots.
std::optional<Slots6::Slot> slot_for(const Slots6& slots, const wgs_key6& key, std::size_t& used) {
    if (const auto slot = slots.find(key)) return slot;
    if (used >= slots.capacity()) return std::nullopt;
    const auto slot = slots.insert(key);
    if (slot) ++used;
    return slot;
}

// Where a prefix is, and where it is looked for.
struct Places {
    Slots6::Slot own;
    std::optional<Slots6::Slot> site;  // of lengths above 64

    // It is, or was, one of those that have longer ones inside.
    [[nodiscard]] bool may_have_longer(const Prefix6& prefix) const {
        if (prefix.length < kHalf) return true;
        return site ? (*site->lower & (unit_of(prefix.length) - 1)) != 0 : *own.lower != 0;
    }
    // The unit by which it is found before the owner: one store makes the difference.
    void store(const Prefix6& prefix, std::uint32_t owner) const {
        if (site) publish_bits(*site->lower, unit_of(prefix.length));
        publish(*own.word, (*own.word & WGS_HASH6_TAG) | owner);
    }
};

// Makes the slots that are missing; readers see what they saw before. None: there is no room.
std::optional<Places> places_for(const Slots6& slots, const Prefix6& prefix, std::size_t& used) {
    std::optional<Slots6::Slot> site;
    if (prefix.length > kHalf) {
        site = slot_for(slots, site_of(prefix), used);
        if (!site) return std::nullopt;
    }
    const auto own = slot_for(slots, key_of(prefix), used);
    if (!own) return std::nullopt;
    return Places{.own = *own, .site = site};
}

}  // namespace

class Hash6::Changing {
  public:
    // `counter`: null: no lookup can be misled.
    Changing(Hash6& table, __u32* counter) : table_(table), counter_(counter) {
        if (counter_ == nullptr) return;
        await_readers();
        bump();
    }
    Changing(const Changing&) = delete;
    Changing& operator=(const Changing&) = delete;
    ~Changing() {
        if (counter_ == nullptr) return;
        bump();
        table_.last_change_ = std::chrono::steady_clock::now();
    }

  private:
    void await_readers() const {
        const std::atomic_ref waiting(table_.head_.waiting);
        auto now = std::chrono::steady_clock::now();
        const auto end = now + kPatience;
        while (now - table_.last_change_ < kPause ||
               (waiting.load(std::memory_order_seq_cst) != 0 && now < end))
            now = std::chrono::steady_clock::now();
    }

    // Other stores stay where they are, before and after.
    void bump() { std::atomic_ref(*counter_).fetch_add(1, std::memory_order_seq_cst); }

    Hash6& table_;
    __u32* counter_;
};

__u32* Hash6::counter_of(const Prefix6& prefix) {
    return prefix.length < kHalf ? &head_.changes
                                 : &head_.changes_in[wgs_hash6_counter(prefix.upper)];
}

std::uint32_t Hash6::find(const Prefix6& prefix) const {
    if (prefix.length == 0) return head_.any;
    const auto slot = slots_.find(key_of(prefix));
    return slot ? owner_in(*slot->word) : 0;
}

std::uint32_t Hash6::find(std::uint64_t upper, std::uint64_t lower) const {
    const auto owner_at = [&](std::uint32_t length) {
        return find(Prefix6::around(upper, lower, length));
    };
    const auto site = slots_.find(wgs_key6_upper(upper, 1));
    const std::uint64_t longer = site ? *site->lower : 0;
    for (std::uint64_t units = longer; units != 0; units &= units - 1) {
        const auto bit = static_cast<std::uint32_t>(std::countr_zero(units));
        if (const std::uint32_t owner = owner_at(2 * kHalf - bit)) return owner;
    }
    if (const std::uint32_t owner = owner_at(kHalf)) return owner;
    for (std::uint64_t units = head_.shorter; units != 0; units &= units - 1) {
        const auto bit = static_cast<std::uint32_t>(std::countr_zero(units));
        if (const std::uint32_t owner = owner_at(kHalf - bit)) return owner;
    }
    return head_.any;
}

void Hash6::for_each(const std::function<void(const Prefix6&, std::uint32_t owner)>& visit) const {
    if (head_.any != 0) visit({}, head_.any);
    slots_.for_each([&](const wgs_bucket6& bucket) {
        for (std::size_t i = 0; i < WGS_BUCKET6_SLOTS; ++i) {
            const std::uint32_t owner = owner_in(bucket.word[i]);
            if (owner != 0) visit(prefix_in(bucket, i), owner);
        }
    });
}

Status Hash6::set(const Prefix6& prefix, std::uint32_t owner) {
    for (std::size_t i = 0; !try_set(prefix, owner); ++i) {
        if (i == kTries) return full();
        WGS_TRY(rebuild(live_ + live_ / 4 * i));
    }
    return {};
}

// False: a larger table is needed, or one with another seed.
bool Hash6::try_set(const Prefix6& prefix, std::uint32_t owner) {
    if (prefix.length == 0) {
        set_any(owner);
        return true;
    }
    const auto places = places_for(slots_, prefix, used_);
    if (!places) return false;
    if (owner_in(*places->own.word) == 0) ++live_;
    const bool misleads = places->may_have_longer(prefix);
    const Changing changing(*this, misleads ? counter_of(prefix) : nullptr);
    if (prefix.length < kHalf) publish_bits(head_.shorter, unit_of(prefix.length));
    places->store(prefix, owner);
    return true;
}

// Of ::/0; 0: none.
void Hash6::set_any(std::uint32_t owner) {
    if (head_.any == 0 && owner != 0) ++live_;
    if (head_.any != 0 && owner == 0) --live_;
    const Changing changing(*this, &head_.changes);
    publish(head_.any, owner);
}

Status Hash6::set_all(std::span<const Row> rows) {
    // A guess: where they are more than what is there they are new, and one in eight needs a
    // signpost.
    const std::size_t wanted = used_ + rows.size() + rows.size() / 8;
    if (rows.size() > live_ && wanted > slots_.capacity()) WGS_TRY(rebuild(wanted));
    for (const auto& [prefix, owner] : rows)
        WGS_TRY(set(prefix, owner));
    return {};
}

void Hash6::erase(const Prefix6& prefix) {
    if (find(prefix) == 0) return;
    if (prefix.length == 0) return set_any(0);
    const auto places = places_for(slots_, prefix, used_);  // they are there
    --live_;
    const bool misleads = places->may_have_longer(prefix);
    const Changing changing(*this, misleads ? counter_of(prefix) : nullptr);
    places->store(prefix, WGS_HASH6_NOBODY);
}

// False: the slots do not reach, with this seed.
bool Hash6::copy_to(const Slots6& next, std::uint64_t& shorter, std::size_t& used) const {
    bool copied = true;
    for_each([&](const Prefix6& prefix, std::uint32_t owner) {
        if (prefix.length == 0) return;
        const auto places = places_for(next, prefix, used);
        if (places) places->store(prefix, owner);
        copied = copied && places;
        if (prefix.length < kHalf) shorter |= unit_of(prefix.length);
    });
    return copied;
}

// Where so many chunks are free side by side: before or behind those in use.
std::optional<std::uint32_t> Hash6::room_for(std::size_t count) const {
    if (count <= slots_.first_chunk() || slots_.chunk_count() == 0) return 0;
    const std::uint32_t behind = slots_.first_chunk() + slots_.chunk_count();
    if (behind + count <= chunks_.limit()) return behind;
    return std::nullopt;
}

// Copies what is there to a new table with room for `wanted` slots, and then half as many again;
// then lets readers see that one instead.
Status Hash6::rebuild(std::size_t wanted) {
    std::size_t signposts = 0;
    slots_.for_each([&](const wgs_bucket6& bucket) {
        for (std::size_t i = 0; i < WGS_BUCKET6_SLOTS; ++i)
            signposts += is_signpost(bucket.word[i], bucket.lower[i]) ? 1U : 0U;
    });
    const std::size_t count = chunks_for(wanted + signposts);
    const auto first = room_for(count);
    if (!first || *first + count > chunks_.limit()) return full();
    const std::uint64_t seed = randombytes_random();
    publish(head_.replaced[0], head_.table);
    publish(head_.replaced[1], *first | std::uint64_t{count} << 16 | seed << 32);
    WGS_TRY(chunks_.add(*first, static_cast<std::uint32_t>(count)));
    Slots6 next(chunks_, head_.replaced[1]);
    std::uint64_t shorter = 0;
    std::size_t used = 0;
    if (!copy_to(next, shorter, used)) return remove_leftovers();
    {
        const Changing everything(*this, &head_.changes);
        publish(head_.table, next.table());
        publish(head_.shorter, shorter);
    }
    slots_ = std::move(next);
    used_ = used;
    return remove_leftovers();
}

// A writer may have died in a change, or before a table was part of this or no longer was.
Status Hash6::recover() {
    head_.changes += head_.changes & 1;
    for (__u32& changes : head_.changes_in)
        changes += changes & 1;
    WGS_TRY(chunks_.find(slots_.first_chunk(), slots_.chunk_count()));
    slots_ = Slots6(chunks_, head_.table);
    if (!slots_.is_whole())
        return make_error(std::errc::invalid_argument,
                          "the IPv6 steer table is damaged; `wgsteer cleanup` removes it");
    WGS_TRY(remove_leftovers());
    if (slots_.chunk_count() == 0) return rebuild(0);
    slots_.for_each([&](const wgs_bucket6& bucket) {
        for (const std::uint32_t word : bucket.word) {
            used_ += word != 0 ? 1U : 0U;
            live_ += owner_in(word) != 0 ? 1U : 0U;
        }
    });
    live_ += head_.any != 0 ? 1U : 0U;
    return {};
}

// The one of two tables that did not take over from the other, or no longer was to be there.
Status Hash6::remove_leftovers() {
    for (__u64& table : head_.replaced) {
        if (table != head_.table) {
            const Slots6 left(chunks_, table);
            WGS_TRY(chunks_.remove(left.first_chunk(), left.chunk_count()));
        }
        publish(table, 0);
    }
    return {};
}

}  // namespace wgs
