// SPDX-License-Identifier: Apache-2.0
// The watcher asks its tables only where the map of regions says that there may be something: it
// must see what the tables alone would have told it.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "loading.h"
#include "maps/names.h"
#include "packet.h"
#include "rounds.h"
#include "skeletons/test_run.h"
#include "tests/table/reference_lpm.h"

namespace wgs {
namespace {

constexpr std::uint32_t kOwnPod = WGS_WATCH_FROM | WGS_WATCH_POD;
constexpr std::uint32_t kOtherPod = WGS_WATCH_TO | WGS_WATCH_POD;

template <class Key, class Number>
Key key_of(const Block<Number>& block) {
    Key key{.length = static_cast<std::uint32_t>(block.length), .address = {}};
    for (std::size_t i = 0; i < sizeof(Number); ++i)
        key.address[i] = static_cast<std::uint8_t>(block.first >> (8 * (sizeof(Number) - 1 - i)));
    return key;
}

struct Watched4 : Ipv4 {
    using Key = wgs_prefix4;
    static constexpr std::uint32_t kRegions = WGS_REGIONS_IPV4;
    static Key own() { return to_key<Key>(AF_INET, "10.1.0.1/32"); }
    static Bytes packet() { return (ethernet{} / ipv4{} / udp{}).bytes(); }
    static constexpr std::size_t kDestination = 30;  // in the packet
    static bool stays_on_link(Number address) {
        return address >= 0xe0000000 || address >> 16 == 0xa9fe;
    }
    static auto entries(const WatchTables& tables) { return tables.entries4(); }
};

struct Watched6 : Ipv6 {
    using Key = wgs_prefix6;
    static constexpr std::uint32_t kRegions = WGS_REGIONS_IPV6;
    static Key own() { return to_key<Key>(AF_INET6, "fd10:1::1/128"); }
    static Bytes packet() { return (ethernet{} / ipv6{} / udp{}).bytes(); }
    static constexpr std::size_t kDestination = 38;
    static bool stays_on_link(Number address) {
        return address >> 120 == 0xff || address >> 118 == 0xfe80 >> 6;
    }
    static auto entries(const WatchTables& tables) { return tables.entries6(); }
};

template <class Family>
class WatchedRegions : public LoadingTest {
  protected:
    using Number = typename Family::Number;
    using Key = typename Family::Key;

    static bool is_leak(const Programs& programs, Number to) {
        const Key address = key_of<Key>(Block<Number>{.length = 0, .first = to});
        Bytes packet = Family::packet();
        std::ranges::copy(address.address, packet.begin() + Family::kDestination);
        const auto run = test_run(programs.at(WGS_HOOK_LEAK_WATCH).fd.get(), packet,
                                  {.cb = {0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4}});
        if (!run) throw std::runtime_error(run.error().message);
        return run->context.cb[0] == WGS_REASON_leak;
    }

    std::size_t marked_regions() {
        const UniqueFd map(bpf_obj_get((bpffs_.maps() / WGS_MAP_REGIONS).c_str()));
        wgs_regions regions{};
        const std::uint32_t index = Family::kRegions;
        EXPECT_EQ(bpf_map_lookup_elem(map.get(), &index, &regions), 0);
        std::size_t marked = 0;
        for (std::uint32_t region = 0; region < WGS_REGIONS; ++region)
            marked += wgs_has_region(&regions, region) ? 1 : 0;
        return marked;
    }
};

using Families = testing::Types<Watched4, Watched6>;
TYPED_TEST_SUITE(WatchedRegions, Families);

TYPED_TEST(WatchedRegions, HideNothingThatIsWatched) {
    using Number = typename TypeParam::Number;
    using Key = typename TypeParam::Key;
    const Programs programs = load_and_pin(this->bpffs_);
    const WatchTables& tables = programs.tables().watch;
    for (int round = 0; round < rounds(60); ++round) {
        SCOPED_TRACE(round);
        std::mt19937_64 random(static_cast<unsigned>(round));
        BlockGenerator<Number> blocks(random);
        ReferenceLpm<Number> reference;
        must(tables.store(TypeParam::own(), {kOwnPod}));
        for (int step = 0; step < 40; ++step) {
            const Block<Number> block = blocks.block();
            if (blocks.below(3) == 0) {
                must(tables.erase(key_of<Key>(block)));
                reference.erase(block);
            } else {
                const std::uint32_t flags = blocks.below(4) == 0 ? 0 : kOtherPod;
                must(tables.store(key_of<Key>(block), {flags}));
                reference.set(block, flags);
            }
            if (blocks.below(10) == 0) ASSERT_TRUE(TypeParam::entries(tables));
            for (const Number address : edges(block)) {
                if (!TypeParam::stays_on_link(address))
                    ASSERT_EQ(this->is_leak(programs, address), reference.find(address) != 0);
            }
        }
        for (const auto& [block, flags] : reference.rows())
            must(tables.erase(key_of<Key>(block)));
    }
}

TYPED_TEST(WatchedRegions, AreMadeAnewForTablesOfAnEarlierVersion) {
    using Number = typename TypeParam::Number;
    const Block<Number> block{.length = 24, .first = Number{0x0a0203} << (TypeParam::kBits - 24)};
    const auto key = key_of<typename TypeParam::Key>(block);
    must(load_and_pin(this->bpffs_).tables().watch.store(TypeParam::own(), {kOwnPod}));
    must(load_and_pin(this->bpffs_).tables().watch.store(key, {kOtherPod}));
    std::filesystem::remove(this->bpffs_.maps() / WGS_MAP_REGIONS);
    EXPECT_TRUE(this->is_leak(load_and_pin(this->bpffs_), block.first));
}

TYPED_TEST(WatchedRegions, AreForgottenWithTheirPrefixes) {
    using Number = typename TypeParam::Number;
    const Programs programs = load_and_pin(this->bpffs_);
    const WatchTables& tables = programs.tables().watch;
    const auto everything = key_of<typename TypeParam::Key>(Block<Number>{});
    must(tables.store(everything, {kOtherPod}));
    must(tables.store(TypeParam::own(), {kOwnPod}));
    EXPECT_EQ(this->marked_regions(), WGS_REGIONS);
    must(tables.erase(everything));
    ASSERT_TRUE(TypeParam::entries(tables));
    EXPECT_EQ(this->marked_regions(), 1U);
}

}  // namespace
}  // namespace wgs
