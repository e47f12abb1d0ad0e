// SPDX-License-Identifier: Apache-2.0
// Random histories of a table, compared with a reference. WGS_SEED=N repeats a run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <vector>

#include "reference_lpm.h"

namespace wgs {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kHistories = 300;  // which take as long as 3000 without
#else
constexpr int kHistories = 3000;
#endif
constexpr int kChanges = 60;

std::uint64_t seed() {
    static const std::uint64_t kValue = [] {
        const char* text = std::getenv("WGS_SEED");
        const std::uint64_t chosen = text != nullptr ? std::stoull(text) : std::random_device()();
        std::cout << "WGS_SEED=" << chosen << '\n';
        return chosen;
    }();
    return kValue;
}

// One table and its reference, changed alike.
template <class Family>
class History {
  public:
    using Number = typename Family::Number;

    explicit History(std::uint64_t number)
        : random_(seed() + number), blocks_(random_), chunks_(*memory_) {
        take_over();
    }

    // Sets a new prefix, or moves or removes an old one; checks where it may have had an effect.
    void change() {
        const bool old = !reference_.rows().empty() && blocks_.below(3) != 0;
        const Block<Number> block = old ? any() : blocks_.block();
        if (old && blocks_.below(2) == 0) {
            reference_.erase(block);
            table_->erase(Family::prefix(block));
        } else {
            set(block, blocks_.owner());
        }
        touched_.push_back(block);
        check(block);
    }

    void set_many() {
        std::vector<typename Family::Table::Row> rows;
        for (int i = 0; i < 100; ++i) {
            const Block<Number> block = blocks_.block();
            rows.push_back({.prefix = Family::prefix(block), .owner = blocks_.owner()});
            reference_.set(block, rows.back().owner);
            touched_.push_back(block);
        }
        ASSERT_TRUE(table_->set_all(rows));
    }

    // Another writer takes over. What it does not find, longer prefixes hid; it is told again.
    void restart() {
        take_over();
        check_all();
        const auto found = Family::rows(*table_);
        for (const auto& [block, owner] : found)
            EXPECT_EQ(reference_.rows().at(block), owner);
        for (const auto& [block, owner] : reference_.rows()) {
            if (!found.contains(block)) set(block, owner);
        }
    }

    void erase_all() {
        while (!reference_.rows().empty()) {
            const Block<Number> block = any();
            reference_.erase(block);
            table_->erase(Family::prefix(block));
        }
    }

    void check_all() const {
        for (const Block<Number>& block : touched_)
            check(block);
    }
    void check_rows() const { EXPECT_EQ(Family::rows(*table_), reference_.rows()); }
    [[nodiscard]] const TableMemory& memory() const { return *memory_; }
    std::size_t below(std::size_t limit) { return blocks_.below(limit); }

  private:
    void take_over() {
        table_.reset();
        table_.emplace(Family::make(*memory_, chunks_));
        ASSERT_TRUE(table_->recover());
    }
    void set(const Block<Number>& block, std::uint32_t owner) {
        reference_.set(block, owner);
        ASSERT_TRUE(table_->set(Family::prefix(block), owner));
    }
    Block<Number> any() {
        return std::next(reference_.rows().begin(),
                         static_cast<std::ptrdiff_t>(blocks_.below(reference_.rows().size())))
            ->first;
    }
    void check(const Block<Number>& block) const {
        for (const Number address : edges(block))
            ASSERT_EQ(Family::find(*table_, address), reference_.find(address))
                << "length " << block.length;
    }

    std::mt19937_64 random_;
    BlockGenerator<Number> blocks_;
    SharedTableMemory memory_;
    MemoryChunks chunks_;
    std::optional<typename Family::Table> table_;
    ReferenceLpm<Number> reference_;
    std::vector<Block<Number>> touched_;
};

template <class Family>
class TableProperty : public testing::Test {};
using Families = testing::Types<Ipv4, Ipv6>;
TYPED_TEST_SUITE(TableProperty, Families);

TYPED_TEST(TableProperty, AnswersWithTheLongestPrefixWhateverTheOrderOfChanges) {
    for (std::uint64_t number = 0; number < kHistories && !this->HasFatalFailure(); ++number) {
        SCOPED_TRACE(number);
        History<TypeParam> history(number);
        for (int i = 0; i < kChanges; ++i)
            history.change();
        history.check_all();
        history.check_rows();
        if (this->HasFailure()) return;
    }
}

TYPED_TEST(TableProperty, AnotherWriterGoesOnWhereOneStopped) {
    for (std::uint64_t number = 0; number < kHistories / 3 && !this->HasFailure(); ++number) {
        SCOPED_TRACE(number);
        History<TypeParam> history(number);
        for (int i = 0; i < kChanges; ++i) {
            history.change();
            if (history.below(8) == 0) history.restart();
        }
        history.check_all();
    }
}

TYPED_TEST(TableProperty, ManyAtOnceAreLikeOneByOne) {
    for (std::uint64_t number = 0; number < kHistories / 30 && !this->HasFailure(); ++number) {
        SCOPED_TRACE(number);
        History<TypeParam> history(number);
        for (int i = 0; i < 5; ++i) {
            history.set_many();
            history.change();
        }
        history.check_all();
        history.check_rows();
    }
}

// Nothing is left that would have to be painted over or could mislead a later block.
TEST(Trie4Test, IsAllZeroAfterEverythingIsErased) {
    for (std::uint64_t number = 0; number < kHistories / 15; ++number) {
        History<Ipv4> history(number);
        for (int i = 0; i < kChanges; ++i)
            history.change();
        history.erase_all();
        const auto& cells = history.memory().root.cells;
        ASSERT_EQ(std::ranges::count(cells, 0U), WGS_TRIE4_ROOT_CELLS);
    }
}

}  // namespace
}  // namespace wgs
