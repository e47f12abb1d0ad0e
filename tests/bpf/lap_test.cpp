// SPDX-License-Identifier: Apache-2.0
// Packets that are timed (maps/crypto.h). In a test run nothing is encrypted: the test sends the
// encrypted packet itself, with the flow hash that the kernel's WireGuard would have kept.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "maps/crypto.h"
#include "maps/names.h"
#include "skeletons/mapping.h"
#include "skeletons/test_run.h"
#include "world.h"

namespace wgs {
namespace {

constexpr std::uint32_t kAll = WGS_PEER_NONE;
constexpr PacketContext kProbe{.cb = {0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4}};

// Gives a packet a flow hash and hands it to another program.
class WithHash {
  public:
    WithHash(int program, std::uint32_t hash) {
        programs_.reset(bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "wgs_next", 4, 4, 1, nullptr));
        const std::uint32_t first = 0;
        EXPECT_EQ(bpf_map_update_elem(programs_.get(), &first, &program, BPF_ANY), 0);
        const auto move = [](std::uint8_t to, std::uint8_t from) {
            return bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_X,
                            .dst_reg = to,
                            .src_reg = from,
                            .off = 0,
                            .imm = 0};
        };
        const auto put = [](std::uint8_t to, std::uint32_t value) {
            return bpf_insn{.code = BPF_ALU | BPF_MOV | BPF_K,
                            .dst_reg = to,
                            .src_reg = 0,
                            .off = 0,
                            .imm = static_cast<std::int32_t>(value)};
        };
        const auto call = [](std::int32_t helper) {
            return bpf_insn{
                .code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = helper};
        };
        const std::array code{
            move(6, 1),
            put(2, hash),
            call(BPF_FUNC_set_hash),
            move(1, 6),
            bpf_insn{.code = BPF_LD | BPF_DW | BPF_IMM,
                     .dst_reg = 2,
                     .src_reg = BPF_PSEUDO_MAP_FD,
                     .off = 0,
                     .imm = programs_.get()},
            bpf_insn{},
            put(3, 0),
            call(BPF_FUNC_tail_call),
            put(0, TC_ACT_SHOT),
            bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
        program_.reset(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "wgs_with_hash", "GPL", code.data(),
                                     code.size(), nullptr));
        EXPECT_TRUE(program_);
    }
    [[nodiscard]] int get() const { return program_.get(); }

  private:
    UniqueFd programs_;
    UniqueFd program_;
};

Packet inner() {
    return ethernet{} / ipv4{.src = "10.1.0.5", .dst = "10.2.0.5"} / udp{} / payload{};
}

Packet outer() {
    return ethernet{} / ipv4{.src = "192.168.50.1", .dst = "192.168.50.2"} / udp{.sport = kPort};
}

class Lap : public testing::Test {
  protected:
    // Counters that say whose turn it is are those of a CPU.
    static void SetUpTestSuite() {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(::sched_getcpu(), &one);
        ASSERT_EQ(::sched_getaffinity(0, sizeof(before_), &before_), 0);
        ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
    }
    static void TearDownTestSuite() { ::sched_setaffinity(0, sizeof(before_), &before_); }

    void SetUp() override {
        const UniqueFd map(bpf_obj_get((world_.bpffs().maps() / WGS_MAP_LAPS).c_str()));
        auto mapping = Mapping::of(map.get(), sizeof(wgs_laps), WGS_MAP_LAPS);
        ASSERT_TRUE(mapping) << mapping.error().message;
        mapping_ = std::move(*mapping);
    }

    [[nodiscard]] wgs_laps& laps() const { return *static_cast<wgs_laps*>(mapping_.get()); }
    // Hashes of the packets under way.
    [[nodiscard]] std::vector<std::uint32_t> pending() const {
        std::vector<std::uint32_t> hashes;
        for (const std::uint32_t key : laps().keys)
            if (key != 0) hashes.push_back(~key);
        return hashes;
    }
    [[nodiscard]] int nic_out() const { return world_.programs().at(WGS_HOOK_NIC_OUT).fd.get(); }
    void steer(int times = 1) const {
        ASSERT_EQ(test_run(nic_out(), inner().bytes(), {}, times)->verdict, TC_ACT_REDIRECT);
    }
    void leave_with(std::uint32_t hash) const {
        const WithHash program(nic_out(), hash);
        ASSERT_EQ(test_run(program.get(), outer().bytes(), {.mark = kFwmark})->verdict,
                  TC_ACT_UNSPEC);
    }
    [[nodiscard]] wgs_crypto crypto(std::uint32_t peer) const {
        return world_.programs().tables().crypto.find(peer)->value();
    }
    [[nodiscard]] std::uint64_t samples(std::uint32_t peer) const {
        const wgs_crypto row = crypto(peer);
        std::uint64_t count = 0;
        for (const std::uint64_t bucket : row.buckets)
            count += bucket;
        return count;
    }

    explicit Lap(bool timed = true) : world_({.fast = true, .crypto_latency = timed}) {}

    World world_;

  private:
    static cpu_set_t before_;
    Mapping mapping_;
};
cpu_set_t Lap::before_;

TEST_F(Lap, IsBegunByOnePacketOfMany) {
    steer();
    EXPECT_EQ(pending().size(), 1U);
    steer(WGS_LAP_EVERY - 1);
    EXPECT_EQ(pending().size(), 1U);
    steer();
    ASSERT_EQ(pending().size(), 2U);
    for (const std::uint32_t hash : pending()) {
        EXPECT_EQ(laps().keys[wgs_lap_slot(hash)], wgs_lap_key(hash));
        EXPECT_EQ(laps().laps[wgs_lap_slot(hash)].peer, kReady);
    }
    EXPECT_EQ(samples(kAll), 0U);
}

TEST_F(Lap, EndsWhenThePacketLeavesEncrypted) {
    steer();
    const std::uint32_t hash = pending().at(0);
    leave_with(hash);
    EXPECT_EQ(pending().size(), 0U);
    EXPECT_EQ(samples(kReady), 1U);
    EXPECT_EQ(samples(kAll), 1U);
    EXPECT_EQ(samples(kWaiting), 0U);
    EXPECT_GT(crypto(kReady).nanoseconds, 0U);
    EXPECT_EQ(crypto(kReady).nanoseconds, crypto(kAll).nanoseconds);
    leave_with(hash);  // the rest of a packet in segments
    EXPECT_EQ(samples(kReady), 1U);
}

TEST_F(Lap, CountsInTheBucketOfItsLength) {
    steer();
    const std::uint32_t hash = pending().at(0);
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    laps().laps[wgs_lap_slot(hash)].since = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
                                            static_cast<std::uint64_t>(now.tv_nsec) - 530'000'000;
    leave_with(hash);
    const wgs_crypto row = crypto(kReady);
    EXPECT_EQ(row.buckets[20], 1U);  // 0.52 to 1.05 s
    EXPECT_GE(row.nanoseconds, 530'000'000U);
}

TEST_F(Lap, IsNotEndedByOtherPackets) {
    steer();
    const std::uint32_t hash = pending().at(0);
    ASSERT_TRUE(test_run(nic_out(), outer().bytes(), {.mark = kFwmark}));
    for (const std::uint32_t bit : {0U, 9U, 10U, 17U, 18U, 21U, 22U, 31U})
        leave_with(hash ^ 1U << bit);
    // What no tunnel has sent is none of its packets.
    const WithHash program(nic_out(), hash);
    ASSERT_TRUE(test_run(program.get(), outer().bytes(), {}));
    for (const std::uint32_t nobodys : {0U, 0xffffffffU})
        leave_with(nobodys);
    EXPECT_EQ(pending(), std::vector{hash});
    EXPECT_EQ(samples(kAll), 0U);
}

TEST_F(Lap, ThatNobodyEndsMakesRoomForALaterOne) {
    steer();
    const std::uint32_t lost = pending().at(0);
    laps().next += WGS_LAPS - 1;
    steer(WGS_LAP_EVERY);
    const auto now = pending();
    ASSERT_EQ(now.size(), 1U);
    EXPECT_NE(now[0], lost);
    EXPECT_EQ(wgs_lap_slot(now[0]), wgs_lap_slot(lost));
    leave_with(lost);
    EXPECT_EQ(samples(kAll), 0U);
    leave_with(now[0]);
    EXPECT_EQ(samples(kAll), 1U);
}

TEST_F(Lap, IsNotBegunByProbes) {
    for (int i = 0; i < 3; ++i)
        ASSERT_EQ(test_run(nic_out(), inner().bytes(), kProbe)->verdict, TC_ACT_REDIRECT);
    EXPECT_EQ(pending().size(), 0U);
    EXPECT_EQ(laps().next, 0U);
}

// As it is where wireguard-go encrypts, which lets no hash through.
class NoLap : public Lap {
  protected:
    NoLap() : Lap(false) {}
};

TEST_F(NoLap, NoPacketIsTimed) {
    steer(2 * WGS_LAP_EVERY);
    EXPECT_EQ(pending().size(), 0U);
    EXPECT_EQ(laps().next, 0U);
}

TEST_F(Lap, IsBegunWherePodsPacketsAreSteeredPastTheStack) {
    wgs_pod pod{.ifindex = 1, .mac = {2, 0, 0, 0, 0, 1}, .gateway_mac = {2, 0, 0, 0, 0, 2}};
    const wgs_pod_key key{.address = {0, 0, htonl(0xffff), inet_addr("10.1.0.5")}};
    must(world_.programs().tables().pods.store(key, pod));
    const auto run = test_run(world_.programs().at(WGS_HOOK_POD_OUT).fd.get(), inner().bytes(), {});
    ASSERT_TRUE(run) << run.error().message;
    ASSERT_EQ(run->verdict, TC_ACT_REDIRECT);
    ASSERT_EQ(pending().size(), 1U);
    leave_with(pending().at(0));
    EXPECT_EQ(samples(kReady), 1U);
}

}  // namespace
}  // namespace wgs
