// SPDX-License-Identifier: Apache-2.0
// Lookups by the program in the kernel on one CPU while the tables change at full speed on the
// other: each answer must be one that was right at some moment of the lookup. WGS_SEED=N repeats
// the changes, WGS_TORTURE_SECONDS=N goes on for longer.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "loading.h"
#include "packet.h"
#include "rounds.h"
#include "skeletons/test_run.h"
#include "tests/table/reference_lpm.h"

namespace wgs {
namespace {

constexpr std::size_t kChanges = 100'000;  // of one round
constexpr std::size_t kLookups = 20'000;   // at most, of one round

template <class Number>
struct Change {
    Block<Number> block;
    std::uint32_t peer = 0;  // 0: erase
};

// What the program said, and how many changes had ended before it was asked and begun after.
template <class Number>
struct Answer {
    Number address = 0;
    std::uint32_t peer = 0;
    std::size_t ended = 0;
    std::size_t begun = 0;
};

void stay_on(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    ::sched_setaffinity(0, sizeof(set), &set);
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text != nullptr ? std::stoull(text) : otherwise;
}

struct InKernel4 : Ipv4 {
    static Table& table(const Programs& programs) { return programs.tables().steer.ipv4(); }
    static Bytes packet() { return (ethernet{} / ipv4{} / udp{}).bytes(); }
    static constexpr std::size_t kDestination = 30;  // in the packet
    static bool is_looked_up(Number address) {
        return address < 0xe0000000 && address >> 16 != 0xa9fe;
    }
};

struct InKernel6 : Ipv6 {
    static Table& table(const Programs& programs) { return programs.tables().steer.ipv6(); }
    static Bytes packet() { return (ethernet{} / ipv6{} / udp{}).bytes(); }
    static constexpr std::size_t kDestination = 38;
    static bool is_looked_up(Number address) {
        return address >> 120 != 0xff && address >> 118 != 0xfe80 >> 6;
    }
};

template <class Family>
class Torture {
  public:
    using Number = typename Family::Number;

    Torture(const Programs& programs, std::uint64_t seed)
        : programs_(programs),
          table_(Family::table(programs)),
          random_(seed),
          blocks_(random_),
          packet_(Family::packet()) {}

    void round() {
        plan();
        std::atomic<std::size_t> begun = 0;
        std::atomic<std::size_t> ended = 0;
        std::thread writer([&] {
            stay_on(0);
            for (std::size_t i = 0; i < kChanges; ++i) {
                begun = i + 1;
                carry_out(changes_[i]);
                ended = i + 1;
            }
        });
        stay_on(1);
        answers_.clear();
        while (ended < kChanges && answers_.size() < kLookups) {
            Answer<Number> answer{.address = addresses_[random_() % addresses_.size()]};
            answer.ended = ended;
            answer.peer = ask(answer.address);
            answer.begun = begun;
            answers_.push_back(answer);
        }
        writer.join();
        judge();
    }

    [[nodiscard]] std::size_t judged() const { return judged_; }
    // Of those, how many were asked while something changed that could matter to them.
    [[nodiscard]] std::size_t contested() const { return contested_; }

  private:
    void plan() {
        std::vector<Block<Number>> universe;
        while (universe.size() < 48)
            universe.push_back(blocks_.block());
        addresses_.clear();
        for (const Block<Number>& block : universe) {
            for (const Number address : edges(block)) {
                if (Family::is_looked_up(address)) addresses_.push_back(address);
            }
        }
        if (addresses_.empty()) return plan();
        changes_.clear();
        while (changes_.size() < kChanges) {
            const auto peer = static_cast<std::uint32_t>(random_() % 1000) + WGS_PEER_FIRST;
            changes_.push_back({.block = universe[random_() % universe.size()],
                                .peer = random_() % 2 == 0 ? 0 : peer});
        }
    }

    void carry_out(const Change<Number>& change) {
        const auto prefix = Family::prefix(change.block);
        if (change.peer == 0)
            table_.erase(prefix);
        else
            must(table_.set(prefix, WGS_OWNER(change.peer, WGS_CLASS_POD)));
    }

    std::uint32_t ask(Number address) {
        for (std::size_t i = 0; i < sizeof(address); ++i)
            packet_[Family::kDestination + i] =
                static_cast<std::uint8_t>(address >> (8 * (sizeof(address) - 1 - i)));
        const PacketContext probe{.cb = {0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4}};
        const auto run = test_run(programs_.at(WGS_HOOK_NIC_OUT).fd.get(), packet_, probe);
        if (!run) throw std::runtime_error(run.error().message);
        return run->context.cb[1];
    }

    // Replays the changes beside the answers.
    void judge() {
        std::size_t replayed = 0;
        for (const Answer<Number>& answer : answers_) {
            for (; replayed < answer.ended; ++replayed)
                apply(changes_[replayed], reference_);
            judge(answer);
            if (testing::Test::HasFailure()) return;
        }
        for (; replayed < kChanges; ++replayed)
            apply(changes_[replayed], reference_);
    }

    void judge(const Answer<Number>& answer) {
        ++judged_;
        ReferenceLpm<Number> now;  // what of the reference can matter
        for (const auto& [block, peer] : reference_.rows()) {
            if (contains(block, answer.address)) now.set(block, peer);
        }
        bool right = now.find(answer.address) == answer.peer;
        std::size_t changes = 0;
        for (std::size_t i = answer.ended; i < answer.begun; ++i) {
            if (!contains(changes_[i].block, answer.address)) continue;
            apply(changes_[i], now);
            right = right || now.find(answer.address) == answer.peer;
            ++changes;
        }
        if (changes > 0) ++contested_;
        EXPECT_TRUE(right) << "peer " << answer.peer << " between changes " << answer.ended
                           << " and " << answer.begun;
    }

    static void apply(const Change<Number>& change, ReferenceLpm<Number>& reference) {
        if (change.peer == 0)
            reference.erase(change.block);
        else
            reference.set(change.block, change.peer);
    }

    const Programs& programs_;
    typename Family::Table& table_;
    std::mt19937_64 random_;
    BlockGenerator<Number> blocks_;
    Bytes packet_;
    std::vector<Number> addresses_;
    std::vector<Change<Number>> changes_;
    std::vector<Answer<Number>> answers_;
    ReferenceLpm<Number> reference_;  // as of the end of the last round
    std::size_t judged_ = 0;
    std::size_t contested_ = 0;
};

class SteerTorture : public LoadingTest {
  protected:
    template <class Family>
    void run() {
        if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two CPUs";
        const std::uint64_t seed = number_from("WGS_SEED", std::random_device()());
        fmt::print("WGS_SEED={}\n", seed);
        const Programs programs = load(bpffs_);
        Torture<Family> torture(programs, seed);
        const auto end = std::chrono::steady_clock::now() +
                         std::chrono::seconds(number_from("WGS_TORTURE_SECONDS", 8));
        do {
            torture.round();
        } while (!HasFailure() && std::chrono::steady_clock::now() < end);
        fmt::print("{} lookups, {} of them while it mattered\n", torture.judged(),
                   torture.contested());
        EXPECT_GT(torture.contested(), 50U);
    }
};

// Tables that grow to many times their size and shrink again: other addresses do not notice.
class SteerGrowth : public LoadingTest {
  protected:
    static constexpr std::uint32_t kPeer = WGS_PEER_FIRST;
    const std::uint32_t kCount = static_cast<std::uint32_t>(rounds(150'000));

    // Two prefixes that stay, a /26 and a /122, at the beginning of what grows.
    static void set_steady(const SteerTables& tables) {
        must(tables.ipv4().set({.address = 0x0a020000, .length = 26}, kPeer));
        must(tables.ipv6().set(Prefix6::around(0xfd10'0002'0000'0000, 0, 122), kPeer));
    }
    void grow(const SteerTables& tables) const {
        for (std::uint32_t n = 1; n <= kCount; ++n) {
            must(tables.ipv4().set({.address = 0x0a020000 + (n << 6), .length = 26}, n));
            must(tables.ipv6().set(Prefix6::around(0xfd10'0002'0000'0000, n << 6, 122), n));
        }
    }
    void shrink(const SteerTables& tables) const {
        for (std::uint32_t n = 1; n <= kCount; ++n) {
            tables.ipv4().erase({.address = 0x0a020000 + (n << 6), .length = 26});
            tables.ipv6().erase(Prefix6::around(0xfd10'0002'0000'0000, n << 6, 122));
        }
    }
    static std::uint32_t peer_of(const Programs& programs, const Packet& packet) {
        const PacketContext probe{.cb = {0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4}};
        const auto run = test_run(programs.at(WGS_HOOK_NIC_OUT).fd.get(), packet.bytes(), probe);
        return run ? run->context.cb[1] : 0;
    }
};

TEST_F(SteerGrowth, IsNotSeenByThoseWhoLookUp) {
    const Programs programs = load(bpffs_);
    const SteerTables& tables = programs.tables().steer;
    set_steady(tables);
    constexpr std::size_t kEnough = 1000;
    std::atomic<std::size_t> lookups = 0;
    std::atomic<bool> done = false;
    std::thread writer([&] {
        for (int round = 0; round < 2 || lookups < kEnough; ++round) {
            grow(tables);
            shrink(tables);
        }
        done = true;
    });
    for (; !done; ++lookups) {
        EXPECT_EQ(peer_of(programs, ethernet{} / ipv4{.dst = "10.2.0.1"} / udp{}), kPeer);
        EXPECT_EQ(peer_of(programs, ethernet{} / ipv6{.dst = "fd10:2::1"} / udp{}), kPeer);
    }
    writer.join();
}

// The pins and nothing else hold the tables between two agents.
TEST_F(SteerGrowth, IsFoundByTheNextAgent) {
    {
        const Programs programs = load_and_pin(bpffs_);
        set_steady(programs.tables().steer);
        grow(programs.tables().steer);
    }
    const Programs programs = load(bpffs_);
    const SteerTables& tables = programs.tables().steer;
    EXPECT_EQ(tables.ipv4().prefixes().size(), kCount + 1);
    EXPECT_EQ(tables.ipv6().size(), kCount + 1);
    EXPECT_EQ(peer_of(programs, ethernet{} / ipv4{.dst = "10.2.0.65"} / udp{}), 1U);
    EXPECT_EQ(peer_of(programs, ethernet{} / ipv6{.dst = "fd10:2::41"} / udp{}), 1U);
    shrink(tables);
    EXPECT_EQ(tables.ipv4().prefixes().size(), 1U);
    EXPECT_EQ(peer_of(programs, ethernet{} / ipv4{.dst = "10.2.0.1"} / udp{}), kPeer);
    EXPECT_EQ(peer_of(programs, ethernet{} / ipv6{.dst = "fd10:2::41"} / udp{}), 0U);
}

TEST_F(SteerTorture, Ipv4AnswersAreNeverHalfMade) {
    run<InKernel4>();
}

TEST_F(SteerTorture, Ipv6AnswersAreNeverHalfMade) {
    run<InKernel6>();
}

}  // namespace
}  // namespace wgs
