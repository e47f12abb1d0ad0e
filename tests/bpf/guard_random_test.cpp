// SPDX-License-Identifier: Apache-2.0
// Random frames, most of them WireGuard messages with something wrong: the guard in the kernel must
// agree with the reference. WGS_SEED=N repeats a run.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <cstdlib>
#include <map>
#include <random>

#include "guard_reference.h"
#include "rounds.h"
#include "skeletons/test_run.h"
#include "world.h"

namespace wgs {
namespace {

constexpr int kFramesPerWorld = 100'000;

class Generator {
  public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    Bytes frame() {
        for (;;) {
            Bytes bytes = shape().bytes();
            if (below(4) == 0) flip_bytes(bytes);
            if (below(6) == 0) bytes.resize(14 + below(bytes.size() - 13));
            if (below(10) == 0) bytes.resize(bytes.size() + below(40));
            if (bytes.size() >= 14) return bytes;
        }
    }

  private:
    std::size_t below(std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
    }
    bool once_in(std::size_t times) { return below(times) == 0; }

    template <class T, std::size_t N>
    const T& one_of(const std::array<T, N>& choices) {
        return choices[below(N)];
    }

    void flip_bytes(Bytes& bytes) {
        for (std::size_t n = 1 + below(3); n > 0; --n)
            bytes[12 + below(std::min<std::size_t>(bytes.size() - 12, 90))] =
                static_cast<std::uint8_t>(below(256));
    }

    Packet shape() {
        Packet packet = ethernet{};
        for (std::size_t tags = below(6); tags > 3; --tags)
            packet = packet / vlan{.tag_type = std::uint16_t(once_in(2) ? 0x8100 : 0x88a8)};
        packet = once_in(2) ? packet / new_ipv4() : new_ipv6(std::move(packet));
        if (once_in(12)) return packet / tcp{.dport = kPort} / payload{below(30)};
        if (once_in(20)) return packet / icmp6{.type = 135};
        return packet / new_udp() / message();
    }

    ipv4 new_ipv4() {
        static const std::array<std::string, 6> kSources{
            "192.168.50.2", "192.168.50.9", "198.51.100.7", "10.2.0.5", "10.77.0.1", "10.20.0.1"};
        static const std::array<std::string, 5> kDestinations{
            "192.168.50.1", "192.168.50.1", "10.1.0.5", "192.168.50.2", "203.0.113.1"};
        ipv4 header{.src = one_of(kSources), .dst = one_of(kDestinations)};
        if (once_in(5)) header.option_words = static_cast<std::uint8_t>(below(11));
        if (once_in(8)) header.fragment_offset = static_cast<std::uint16_t>(below(100));
        header.more_fragments = once_in(8);
        return header;
    }

    Packet new_ipv6(Packet packet) {
        static const std::array<std::string, 5> kSources{"fd50::2", "fd50::9", "2001:db8::7",
                                                         "fd10:2::5", "fd10:77::1"};
        static const std::array<std::string, 4> kDestinations{"fd50::1", "fd50::1", "fd10:1::5",
                                                              "fd50::2"};
        packet = packet / ipv6{.src = one_of(kSources),
                               .dst = one_of(kDestinations),
                               .hop_limit = std::uint8_t(once_in(2) ? 255 : 64)};
        for (std::size_t n = once_in(3) ? below(8) : 0; n > 0; --n) {
            if (once_in(3))
                packet = packet / fragment{.offset = std::uint16_t(once_in(3) ? below(50) : 0),
                                           .more_fragments = once_in(2)};
            else if (once_in(3))
                packet = packet / authentication{.length = std::uint8_t(below(12))};
            else
                packet = packet / extension{.length = std::uint8_t(below(4))};
        }
        return packet;
    }

    udp new_udp() {
        udp header{.dport = once_in(8) ? std::uint16_t{53} : kPort};
        if (once_in(6)) header.length = static_cast<std::uint16_t>(below(200));
        return header;
    }

    wireguard message() {
        static const std::array<std::size_t, 7> kSizes{148, 92, 64, 32, 96, 1452, 1472};
        wireguard message{.type = static_cast<std::uint8_t>(once_in(3) ? below(6) : 4),
                          .size = once_in(3) ? below(700) : one_of(kSizes)};
        if (message.type == 1 && once_in(2)) message.size = 148;
        message.size = std::max<std::size_t>(message.size, 4);
        if (once_in(8)) message.reserved[below(3)] = static_cast<std::uint8_t>(below(3));
        return message;
    }

    std::mt19937_64 random_;
};

// What the kernel did: which drop it counted, if it dropped.
class Guard {
  public:
    explicit Guard(const World& world) : world_(world) {}

    std::optional<wgs_reason> drop_reason(const Bytes& frame) {
        const auto run = test_run_xdp(world_.programs().at(WGS_HOOK_NIC_GUARD).fd.get(), frame);
        if (!run) throw std::runtime_error(run.error().message);
        EXPECT_EQ(run->packet, frame);
        if (run->verdict == XDP_PASS) return std::nullopt;
        for (const wgs_reason reason :
             {WGS_REASON_bad_message, WGS_REASON_flood, WGS_REASON_clear_in})
            if (has_grown(reason)) return reason;
        return WGS_REASON_none;
    }

  private:
    bool has_grown(wgs_reason reason) {
        const auto index =
            static_cast<std::uint32_t>(WGS_VERDICT_INDEX(WGS_HOOK_NIC_GUARD, reason));
        const std::uint64_t now = world_.programs().tables().verdicts.sum(index)->packets;
        return std::exchange(seen_[reason], now) != now;
    }

    const World& world_;
    std::map<wgs_reason, std::uint64_t> seen_;
};

bool agree(Fate fate, std::optional<wgs_reason> dropped) {
    switch (fate) {
        case Fate::pass:
            return !dropped;
        case Fate::initiation:
            return !dropped || dropped == WGS_REASON_flood;
        case Fate::bad_message:
            return dropped == WGS_REASON_bad_message;
        case Fate::clear_text:
            return dropped == WGS_REASON_clear_in;
    }
    return false;
}

class RandomGuard : public testing::TestWithParam<World::Options> {};

std::string options_name(const testing::TestParamInfo<World::Options>& info) {
    return std::string(info.param.require ? "require" : "prefer") +
           (info.param.hosts ? "_hosts" : "") + (info.param.overlay ? "_overlay" : "");
}

INSTANTIATE_TEST_SUITE_P(, RandomGuard, testing::ValuesIn(kAllOptions), options_name);

TEST_P(RandomGuard, AgreesWithTheReference) {
    const char* text = std::getenv("WGS_SEED");
    const std::uint64_t seed = text ? std::stoull(text) : std::random_device()();
    const World world(GetParam());
    const GuardReference reference(GetParam());
    Generator generator(seed);
    Guard guard(world);
    std::map<Fate, int> seen;
    for (int i = 0; i < rounds(kFramesPerWorld); ++i) {
        const Bytes frame = generator.frame();
        const Fate fate = reference.fate(frame);
        const auto dropped = guard.drop_reason(frame);
        ASSERT_TRUE(agree(fate, dropped))
            << fmt::format("WGS_SEED={} fate {} dropped for {}\n{}", seed, static_cast<int>(fate),
                           dropped ? static_cast<int>(*dropped) : -1, hex_dump(frame));
        ++seen[fate];
    }
    EXPECT_GT(seen[Fate::pass], rounds(1000));
    EXPECT_GT(seen[Fate::initiation], rounds(300));
    EXPECT_GT(seen[Fate::bad_message], rounds(1000));
    EXPECT_EQ(seen[Fate::clear_text] > rounds(1000), GetParam().require);
}

}  // namespace
}  // namespace wgs
