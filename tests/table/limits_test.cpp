// SPDX-License-Identifier: Apache-2.0
// Tables that are full, that cannot grow, that are changed for long, or that hold nonsense.
#include <gtest/gtest.h>

#include "reference_lpm.h"

namespace wgs {
namespace {

// Distinct prefixes that need as much memory as any: every IPv4 one a block of its own.
template <class Family>
Block<typename Family::Number> nth(std::uint32_t n) {
    using Number = typename Family::Number;
    if constexpr (Family::kBits == 32)
        return {.length = 32, .first = (10U << 24) + (n << 6)};
    else
        return {.length = 122, .first = (Number{0xfd10} << 112) + (Number{n} << 6)};
}

template <class Family>
class TableLimits : public testing::Test {
  protected:
    using Table = typename Family::Table;

    // Sets prefixes until it fails; returns how many there are.
    static std::uint32_t fill(Table& table) {
        for (std::uint32_t n = 0;; ++n) {
            const Status set = table.set(Family::prefix(nth<Family>(n)), n + 1);
            if (set) continue;
            error_ = set.error();
            return n;
        }
    }
    static void expect_all(const Table& table, std::uint32_t count) {
        for (std::uint32_t n = 0; n < count; ++n)
            ASSERT_EQ(Family::find(table, nth<Family>(n).first), n + 1);
        EXPECT_EQ(Family::find(table, nth<Family>(count).first), 0U);
    }

    static inline Error error_;
    SharedTableMemory memory_;
};
using Families = testing::Types<Ipv4, Ipv6>;
TYPED_TEST_SUITE(TableLimits, Families);

TYPED_TEST(TableLimits, AFullTableIsAnErrorThatKeepsWhatIsThere) {
    MemoryChunks chunks(*this->memory_, 4);
    auto table = TypeParam::make(*this->memory_, chunks);
    ASSERT_TRUE(table.recover());
    const std::uint32_t count = this->fill(table);
    EXPECT_GT(count, 500U);
    EXPECT_TRUE(this->error_.is(std::errc::no_space_on_device)) << this->error_.message;
    this->expect_all(table, count);

    table.erase(TypeParam::prefix(nth<TypeParam>(0)));
    EXPECT_EQ(TypeParam::find(table, nth<TypeParam>(0).first), 0U);
    ASSERT_TRUE(table.set(TypeParam::prefix(nth<TypeParam>(0)), 1));
    this->expect_all(table, count);
}

TYPED_TEST(TableLimits, GrowthThatFailsChangesNothing) {
    for (int n = 1; n < 5; ++n) {
        SharedTableMemory memory;
        MemoryChunks chunks(*memory);
        auto table = TypeParam::make(*memory, chunks);
        ASSERT_TRUE(table.recover());
        chunks.fail_add(n);
        const std::uint32_t count = this->fill(table);
        EXPECT_TRUE(this->error_.is(std::errc::not_enough_memory)) << this->error_.message;
        this->expect_all(table, count);
        ASSERT_TRUE(table.set(TypeParam::prefix(nth<TypeParam>(count)), count + 1));
        this->expect_all(table, count + 1);
    }
}

// What is given back is used again, and only after the readers were waited for.
TYPED_TEST(TableLimits, ChurnNeedsNoMoreMemoryThanItsContent) {
    MemoryChunks chunks(*this->memory_);
    auto table = TypeParam::make(*this->memory_, chunks);
    ASSERT_TRUE(table.recover());
    for (std::uint32_t n = 0; n < 200'000; ++n) {
        ASSERT_TRUE(table.set(TypeParam::prefix(nth<TypeParam>(n)), n + 1));
        if (n >= 100) table.erase(TypeParam::prefix(nth<TypeParam>(n - 100)));
    }
    EXPECT_LE(chunks.there(), 3U);
    if constexpr (TypeParam::kBits == 32) {
        EXPECT_GT(chunks.waits(), 100);
    }
}

TEST(Trie4Test, ManyAtOnceTakeTheMemoryOfTheirBlocks) {
    SharedTableMemory memory;
    MemoryChunks chunks(*memory);
    Trie4 table = Ipv4::make(*memory, chunks);
    ASSERT_TRUE(table.recover());
    std::vector<Trie4::Row> rows;
    for (std::uint32_t n = 0; n < 16 * 1024; ++n)  // sixteen /16, of which all blocks are /26
        rows.push_back({.prefix = {.address = (10U << 24) + (n << 6), .length = 26}, .owner = 9});
    ASSERT_TRUE(table.set_all(rows));
    EXPECT_EQ(chunks.there(), 1U);
}

TEST(Trie4Test, RefusesCellsThatNoWriterHasLeft) {
    const std::uint32_t pointer = WGS_TRIE4_POINTER;
    for (const std::uint32_t cell : {pointer, pointer | 16 * 4096, wgs_trie4_leaf(5, 24),
                                     wgs_trie4_leaf(0, 8), wgs_trie4_leaf(5, 40)}) {
        SharedTableMemory memory;
        MemoryChunks chunks(*memory);
        memory->root.cells[0x0a00] = cell;
        Trie4 table = Ipv4::make(*memory, chunks);
        const Status recovered = table.recover();
        ASSERT_FALSE(recovered) << std::hex << cell;
        EXPECT_NE(recovered.error().message.find("damaged"), std::string::npos);
    }
}

TEST(Trie4Test, RefusesABlockThatTwoCellsName) {
    SharedTableMemory memory;
    MemoryChunks chunks(*memory);
    ASSERT_TRUE(chunks.add(0, 1));
    memory->root.cells[1] = memory->root.cells[2] = WGS_TRIE4_POINTER;
    Trie4 table = Ipv4::make(*memory, chunks);
    EXPECT_FALSE(table.recover());
}

TEST(Hash6Test, RefusesATableWithoutItsChunks) {
    SharedTableMemory memory;
    MemoryChunks chunks(*memory);
    memory->head.table = 3 | 2 << 16;
    Hash6 table = Ipv6::make(*memory, chunks);
    EXPECT_FALSE(table.recover());
}

// All of them begin at one address, and a lookup must not stop at the first.
TEST(Hash6Test, HoldsEveryLengthOfOneAddress) {
    SharedTableMemory memory;
    MemoryChunks chunks(*memory);
    Hash6 table = Ipv6::make(*memory, chunks);
    ASSERT_TRUE(table.recover());
    const Ipv6::Number first = Ipv6::Number{0xfd10} << 112;
    for (std::uint32_t length = 0; length <= 128; ++length) {
        const Block<Ipv6::Number> block{
            .length = static_cast<int>(length),
            .first = first & mask_of<Ipv6::Number>(static_cast<int>(length))};
        ASSERT_TRUE(table.set(Ipv6::prefix(block), length + 1));
    }
    for (std::uint32_t length = 16; length <= 128; ++length) {
        const Ipv6::Number flipped = length == 128 ? 0 : Ipv6::Number{1} << (127 - length);
        EXPECT_EQ(Ipv6::find(table, first ^ flipped), length + 1);
    }
}

}  // namespace
}  // namespace wgs
