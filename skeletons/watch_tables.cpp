// SPDX-License-Identifier: Apache-2.0
#include "skeletons/watch_tables.h"

#include <algorithm>
#include <atomic>

#include "maps/names.h"

namespace wgs {
namespace {

std::uint32_t top_of(const std::uint8_t* address) {
    return std::uint32_t{address[0]} << 24 | std::uint32_t{address[1]} << 16 |
           std::uint32_t{address[2]} << 8 | address[3];
}

// Calls `visit` for each region that the prefix reaches into; `bits` of an address tell regions
// apart, which lie at a distance of `step` in `top`.
template <class Region, class Visit>
void visit_regions(std::uint32_t top, std::uint32_t length, std::uint32_t bits, Region region,
                   Visit visit) {
    const std::uint32_t step = 1U << (32 - bits);
    const std::uint32_t open_bits = length < bits ? bits - length : 0;
    // More of them than there are regions: that many in a row are all of them.
    const std::uint32_t count = std::min(1U << std::min(open_bits, 16U), WGS_REGIONS);
    for (std::uint32_t i = 0; i < count; ++i)
        visit(region(top + i * step));
}

template <class Visit>
void visit_regions(const wgs_prefix4& prefix, Visit visit) {
    visit_regions(top_of(prefix.address), prefix.length, 16, wgs_region4, visit);
}

template <class Visit>
void visit_regions(const wgs_prefix6& prefix, Visit visit) {
    visit_regions(top_of(prefix.address), prefix.length, 32, wgs_region6, visit);
}

void store(__u64& word, __u64 value) {
    std::atomic_ref(word).store(value, std::memory_order_release);
}

template <class Key>
void mark_in(wgs_regions& regions, const Key& prefix) {
    visit_regions(prefix, [&](std::uint32_t region) {
        __u64& word = regions.watched[region / 64];
        const __u64 bit = __u64{1} << region % 64;
        if ((word & bit) == 0) store(word, word | bit);
    });
}

// All bits that must be set are set at each moment.
template <class Key>
void tidy(wgs_regions& regions, const WatchTables::Entries<Key>& entries) {
    wgs_regions exact{};
    for (const auto& [prefix, value] : entries)
        mark_in(exact, prefix);
    for (std::size_t i = 0; i < std::size(exact.watched); ++i)
        store(regions.watched[i], exact.watched[i]);
}

}  // namespace

Result<WatchTables> WatchTables::open(Maps maps) {
    Mapping regions = WGS_TRY(
        Mapping::of(maps.regions.get(), WGS_REGIONS_COUNT * sizeof(wgs_regions), WGS_MAP_REGIONS));
    WatchTables tables(
        Map<wgs_prefix4, wgs_watched>(RawMap(std::move(maps.watch4), WGS_MAP_WATCH4)),
        Map<wgs_prefix6, wgs_watched>(RawMap(std::move(maps.watch6), WGS_MAP_WATCH6)),
        std::move(regions));
    WGS_TRY(tables.entries4());
    WGS_TRY(tables.entries6());
    return tables;
}

Result<WatchTables::Entries<wgs_prefix4>> WatchTables::entries4() const {
    auto entries = WGS_TRY(watch4_.entries());
    tidy(regions(WGS_REGIONS_IPV4), entries);
    return entries;
}

Result<WatchTables::Entries<wgs_prefix6>> WatchTables::entries6() const {
    auto entries = WGS_TRY(watch6_.entries());
    tidy(regions(WGS_REGIONS_IPV6), entries);
    return entries;
}

void WatchTables::mark(const wgs_prefix4& prefix) const {
    mark_in(regions(WGS_REGIONS_IPV4), prefix);
}

void WatchTables::mark(const wgs_prefix6& prefix) const {
    mark_in(regions(WGS_REGIONS_IPV6), prefix);
}

}  // namespace wgs
