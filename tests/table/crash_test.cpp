// SPDX-License-Identifier: Apache-2.0
// A writer that is killed at any point leaves a table whose answers are right, before another
// writer has looked at it and after. WGS_SEED=N repeats a run.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "reference_lpm.h"

namespace wgs {
namespace {

constexpr int kKills = 150;
constexpr std::size_t kSteps = 2000;

template <class Number>
struct Step {
    Block<Number> block;
    std::uint32_t owner = 0;  // 0: erase
};

template <class Number>
std::vector<Step<Number>> make_steps(std::mt19937_64& random) {
    BlockGenerator<Number> blocks(random);
    std::vector<Step<Number>> steps;
    for (std::size_t i = 0; i < kSteps; ++i) {
        const bool again = i > 0 && random() % 2 == 0;
        const Block<Number> block = again ? steps[random() % i].block : blocks.block();
        steps.push_back({.block = block, .owner = random() % 3 == 0 ? 0 : blocks.owner()});
    }
    return steps;
}

template <class Number>
void apply(const Step<Number>& step, ReferenceLpm<Number>& reference) {
    if (step.owner == 0)
        reference.erase(step.block);
    else
        reference.set(step.block, step.owner);
}

template <class Family>
void apply(const Step<typename Family::Number>& step, typename Family::Table& table) {
    if (step.owner == 0)
        table.erase(Family::prefix(step.block));
    else if (!table.set(Family::prefix(step.block), step.owner))
        ::abort();
}

// A process that carries out the steps until it is killed, and tells how many it has ended.
template <class Family>
class Writer {
  public:
    Writer(TableMemory& memory, const std::vector<Step<typename Family::Number>>& steps,
           std::atomic<std::size_t>& ended) {
        child_ = ::fork();
        if (child_ != 0) return;
        MemoryChunks chunks(memory);
        typename Family::Table table = Family::make(memory, chunks);
        if (!table.recover()) ::_exit(1);
        for (const auto& step : steps) {
            apply<Family>(step, table);
            ++ended;
        }
        ::_exit(0);
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    void kill() const {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    ~Writer() = default;

  private:
    pid_t child_;
};

template <class Family>
class TableCrash : public testing::Test {
  protected:
    using Number = typename Family::Number;
    using Steps = std::vector<Step<Number>>;

    // Of every address the answer is that before the step or that after it.
    static void check_either(const typename Family::Table& table,
                             const ReferenceLpm<Number>& before, const ReferenceLpm<Number>& after,
                             const Steps& steps) {
        for (const Step<Number>& step : steps) {
            for (const Number address : edges(step.block)) {
                const std::uint32_t found = Family::find(table, address);
                if (found == before.find(address)) continue;
                ASSERT_EQ(found, after.find(address));
            }
        }
    }

    // What an agent does after a restart: everything it wants is there, and nothing else.
    static void converge(typename Family::Table& table, const ReferenceLpm<Number>& wanted) {
        const auto there = Family::rows(table);
        for (const auto& [block, owner] : wanted.rows()) {
            const auto row = there.find(block);
            if (row != there.end() && row->second == owner) continue;
            ASSERT_TRUE(table.set(Family::prefix(block), owner));
        }
        for (const auto& [block, owner] : there) {
            if (!wanted.rows().contains(block)) table.erase(Family::prefix(block));
        }
    }
};
using Families = testing::Types<Ipv4, Ipv6>;
TYPED_TEST_SUITE(TableCrash, Families);

TYPED_TEST(TableCrash, EveryAnswerIsRightWhereverTheWriterDies) {
    const char* text = std::getenv("WGS_SEED");
    const std::uint64_t seed = text != nullptr ? std::stoull(text) : std::random_device()();
    std::cout << "WGS_SEED=" << seed << '\n';
    std::mt19937_64 random(seed);
    for (int i = 0; i < kKills && !this->HasFailure(); ++i) {
        SCOPED_TRACE(i);
        const auto steps = make_steps<typename TypeParam::Number>(random);
        SharedTableMemory memory;
        SharedTableMemory counter;  // its first bytes
        auto& ended = *new (&*counter) std::atomic<std::size_t>(0);
        const Writer<TypeParam> writer(*memory, steps, ended);
        while (ended < random() % 120) {
        }
        writer.kill();

        ReferenceLpm<typename TypeParam::Number> before;
        const std::size_t count = std::min(ended.load(), kSteps);
        for (std::size_t k = 0; k < count; ++k)
            apply(steps[k], before);
        ReferenceLpm<typename TypeParam::Number> after = before;
        if (count < kSteps) apply(steps[count], after);
        const typename TestFixture::Steps touched(
            steps.begin(),
            steps.begin() + static_cast<std::ptrdiff_t>(std::min(count + 1, kSteps)));

        MemoryChunks chunks(*memory);
        typename TypeParam::Table table = TypeParam::make(*memory, chunks);
        this->check_either(table, before, after, touched);
        ASSERT_TRUE(table.recover());
        this->check_either(table, before, after, touched);
        this->converge(table, after);
        this->check_either(table, after, after, touched);
    }
}

}  // namespace
}  // namespace wgs
