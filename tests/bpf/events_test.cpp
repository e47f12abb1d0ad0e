// SPDX-License-Identifier: Apache-2.0
// What the programs tell of single packets, and to whom.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "bpf/lib/decide.h"
#include "skeletons/test_run.h"
#include "world.h"

namespace wgs {
namespace {

constexpr auto kAlways = std::numeric_limits<std::uint32_t>::max();
constexpr auto kForever = std::numeric_limits<std::uint64_t>::max();

// Hears everything.
wgs_listener everything() {
    static std::uint32_t serial = 0;
    return {.until = kForever,
            .reasons = ~0ULL,
            .verdicts = ~0U,
            .hooks = ~0U,
            .chance = kAlways,
            .serial = ++serial};
}

struct Told {
    wgs_event event;
    Bytes snapshot;
};

Bytes udp4(const std::string& source, const std::string& destination, std::uint16_t port = 2000) {
    return (ethernet{} / ipv4{.src = source, .dst = destination} / udp{.dport = port} / payload{})
        .bytes();
}

class Events : public testing::Test {
  protected:
    void SetUp() override { static_cast<void>(read()); }
    void TearDown() override {
        for (std::size_t i = 0; i < WGS_MAX_LISTENERS; ++i)
            tap().clear(i);
        static_cast<void>(read());
    }

    static const World& world() { return World::with({.require = true, .hosts = true}); }
    static const EventTap& tap() { return world().programs().tables().events; }

    static std::vector<Told> read() {
        std::vector<Told> all;
        const auto count = tap().read(100'000, [&](const wgs_event& event, auto snapshot) {
            all.push_back({event, Bytes(snapshot.begin(), snapshot.end())});
        });
        if (!count) throw std::runtime_error(count.error().message);
        EXPECT_EQ(*count, all.size());
        return all;
    }

    static void run(wgs_hook hook, const Bytes& packet, std::uint32_t mark = 0, int repeat = 1) {
        const int program = world().programs().at(hook).fd.get();
        const auto ran = hook == WGS_HOOK_NIC_GUARD
                             ? test_run_xdp(program, packet, repeat)
                             : test_run(program, packet, {.mark = mark}, repeat);
        ASSERT_TRUE(ran) << ran.error().message;
    }

    // The events of one packet at a hook, for a listener with this filter.
    static std::vector<Told> told(const wgs_listener& listener, const Bytes& packet,
                                  wgs_hook hook = WGS_HOOK_NIC_OUT) {
        tap().set(0, listener, 0);
        run(hook, packet);
        tap().clear(0);
        return read();
    }
};

TEST_F(Events, NobodyIsToldWhileNobodyListens) {
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.2.0.5"));
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.3.0.5"));
    EXPECT_TRUE(read().empty());
}

TEST_F(Events, SayAllThatIsKnownOfAPacket) {
    tap().set(0, everything(), 0);
    const Bytes packet = udp4("10.1.0.5", "10.2.0.5");
    run(WGS_HOOK_NIC_OUT, packet, kForeignMark);
    const auto events = read();
    ASSERT_EQ(events.size(), 1U);
    const wgs_event& event = events[0].event;
    EXPECT_EQ(event.source[0], inet_addr("10.1.0.5"));
    EXPECT_EQ(event.destination[0], inet_addr("10.2.0.5"));
    EXPECT_EQ(event.source_port, 1000);
    EXPECT_EQ(event.destination_port, 2000);
    EXPECT_EQ(event.family, 4);
    EXPECT_EQ(event.protocol, IPPROTO_UDP);
    EXPECT_EQ(event.hook, WGS_HOOK_NIC_OUT);
    EXPECT_EQ(event.verdict, WGS_VERDICT_STEER);
    EXPECT_EQ(event.reason, WGS_REASON_steered);
    EXPECT_EQ(event.peer, kReady);
    EXPECT_EQ(event.length, packet.size() - 14);
    EXPECT_EQ(event.mark, kForeignMark);
    EXPECT_NE(event.flow_hash, 0U);
    EXPECT_NE(event.time, 0U);
    EXPECT_EQ(event.listeners, 1);
    EXPECT_EQ(event.snapshot, 0);
    EXPECT_EQ(event.ifindex, 1U) << "test runs are on the loopback device";
}

TEST_F(Events, SayTheSameOfIpv6) {
    const auto events = told(
        everything(),
        (ethernet{} / ipv6{.src = "fd10:1::5", .dst = "fd10:3::5"} / tcp{.dport = 443}).bytes());
    ASSERT_EQ(events.size(), 1U);
    const wgs_event& event = events[0].event;
    in6_addr source{};
    inet_pton(AF_INET6, "fd10:1::5", &source);
    EXPECT_EQ(std::memcmp(event.source, &source, sizeof source), 0);
    EXPECT_EQ(event.family, 6);
    EXPECT_EQ(event.protocol, IPPROTO_TCP);
    EXPECT_EQ(event.destination_port, 443);
    EXPECT_EQ(event.verdict, WGS_VERDICT_DROP);
    EXPECT_EQ(event.reason, WGS_REASON_waiting);
    EXPECT_EQ(event.peer, kWaiting);
}

TEST_F(Events, ComeFromEveryHook) {
    struct Case {
        wgs_hook hook;
        Bytes packet;
        std::uint32_t mark;
        wgs_verdict verdict;
        wgs_reason reason;
        std::uint32_t peer;
    };
    const Bytes inner = (ipv4{.src = "10.2.0.5", .dst = "10.1.0.5"} / udp{}).bytes();
    const std::vector<Case> cases{
        {WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.4.0.5"), 0, WGS_VERDICT_DROP, WGS_REASON_no_key,
         kNoKey},
        {WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "8.8.8.8"), 0, WGS_VERDICT_PASS, WGS_REASON_no_peer, 0},
        {WGS_HOOK_NIC_IN, udp4("10.2.0.5", "10.1.0.5"), 0, WGS_VERDICT_DROP, WGS_REASON_clear_in,
         kReady},
        {WGS_HOOK_NIC_IN, udp4("10.2.0.5", "10.1.0.5"), kDecrypted, WGS_VERDICT_PASS,
         WGS_REASON_decrypted, 0},
        {WGS_HOOK_NIC_GUARD, udp4("10.2.0.5", "10.1.0.5"), 0, WGS_VERDICT_DROP, WGS_REASON_clear_in,
         kReady},
        {WGS_HOOK_WG_IN, inner, 0, WGS_VERDICT_STEER, WGS_REASON_decrypted, kReady},
    };
    tap().set(3, everything(), WGS_SNAPSHOT_HEADERS);
    for (const Case& one : cases) {
        run(one.hook, one.packet, one.mark);
        const auto events = read();
        ASSERT_EQ(events.size(), 1U) << one.hook;
        const wgs_event& event = events[0].event;
        EXPECT_EQ(event.hook, one.hook);
        EXPECT_EQ(event.verdict, one.verdict) << one.hook;
        EXPECT_EQ(event.reason, one.reason) << one.hook;
        EXPECT_EQ(event.peer, one.peer) << one.hook;
        EXPECT_EQ(event.destination_port, 2000) << one.hook;
        EXPECT_EQ(event.listeners, 1 << 3);
        const std::size_t l3_offset = one.hook == WGS_HOOK_WG_IN ? 0 : 14;
        EXPECT_TRUE(same_bytes(
            Bytes(one.packet.begin() + static_cast<std::ptrdiff_t>(l3_offset), one.packet.end()),
            events[0].snapshot));
    }
}

TEST_F(Events, TellOfALeak) {
    const Tables& tables = world().programs().tables();
    must(tables.watch.store(to_key<wgs_prefix4>(AF_INET, "10.1.0.0/24"),
                            {WGS_WATCH_FROM | WGS_WATCH_POD}));
    must(tables.watch.store(to_key<wgs_prefix4>(AF_INET, "10.2.0.0/24"),
                            {WGS_WATCH_TO | WGS_WATCH_POD}));
    const auto events = told(everything(), udp4("10.1.0.5", "10.2.0.5", 53), WGS_HOOK_LEAK_WATCH);
    must(tables.watch.erase(to_key<wgs_prefix4>(AF_INET, "10.1.0.0/24")));
    must(tables.watch.erase(to_key<wgs_prefix4>(AF_INET, "10.2.0.0/24")));
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].event.reason, WGS_REASON_leak);
    EXPECT_EQ(events[0].event.hook, WGS_HOOK_LEAK_WATCH);
    EXPECT_EQ(events[0].event.destination_port, 53);
    EXPECT_EQ(events[0].event.source[0], inet_addr("10.1.0.5"));
}

TEST_F(Events, DoNotTellOfProbes) {
    tap().set(0, everything(), 0);
    const auto ran =
        test_run(world().programs().at(WGS_HOOK_NIC_OUT).fd.get(), udp4("10.1.0.5", "10.2.0.5"),
                 {.cb = {0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4}});
    ASSERT_TRUE(ran);
    EXPECT_TRUE(read().empty());
}

TEST_F(Events, HaveSnapshotsAsLongAsAsked) {
    const Bytes packet =
        (ethernet{} / ipv4{.src = "10.1.0.5", .dst = "10.2.0.5"} / udp{} / payload{1300}).bytes();
    const Bytes inner(packet.begin() + 14, packet.end());
    for (const std::size_t length : {1U, 20U, 127U, 128U, 129U, 1000U, 2048U, 9000U}) {
        tap().set(0, everything(), static_cast<std::uint32_t>(length));
        run(WGS_HOOK_NIC_OUT, packet);
        const auto events = read();
        ASSERT_EQ(events.size(), 1U);
        const std::size_t wanted = std::min(length, inner.size());
        EXPECT_TRUE(
            same_bytes(Bytes(inner.begin(), inner.begin() + static_cast<std::ptrdiff_t>(wanted)),
                       events[0].snapshot));
        EXPECT_EQ(events[0].event.length, inner.size());
    }
}

TEST_F(Events, AreFilteredByEachPartOfTheFilter) {
    const Bytes packet = udp4("10.1.0.5", "10.3.0.5", 53);  // dropped: waiting
    const auto with = [](const std::function<void(wgs_listener&)>& change) {
        wgs_listener listener = everything();
        change(listener);
        return listener;
    };
    struct Case {
        const char* name;
        std::function<void(wgs_listener&)> fitting;
        std::function<void(wgs_listener&)> other;
    };
    const auto prefix = [](const char* address, const char* mask) {
        return [=](wgs_listener& listener) {
            listener.family = 4;
            listener.address[0] = inet_addr(address);
            listener.mask[0] = inet_addr(mask);
        };
    };
    const std::vector<Case> cases{
        {"verdict", [](auto& l) { l.verdicts = 1U << WGS_VERDICT_DROP; },
         [](auto& l) { l.verdicts = 1U << WGS_VERDICT_STEER | 1U << WGS_VERDICT_PASS; }},
        {"reason", [](auto& l) { l.reasons = 1ULL << WGS_REASON_waiting; },
         [](auto& l) { l.reasons = ~(1ULL << WGS_REASON_waiting); }},
        {"hook", [](auto& l) { l.hooks = 1U << WGS_HOOK_NIC_OUT; },
         [](auto& l) { l.hooks = ~(1U << WGS_HOOK_NIC_OUT); }},
        {"peer", [](auto& l) { l.peer = kWaiting; }, [](auto& l) { l.peer = kReady; }},
        {"peer in its other tunnel",
         [](auto& l) {
             l.peer = kReady;
             l.peer_too = kWaiting;
         },
         [](auto& l) {
             l.peer = kReady;
             l.peer_too = kReady;
         }},
        {"protocol", [](auto& l) { l.protocol = IPPROTO_UDP; },
         [](auto& l) { l.protocol = IPPROTO_TCP; }},
        {"destination port", [](auto& l) { l.port = 53; }, [](auto& l) { l.port = 54; }},
        {"source port", [](auto& l) { l.port = 1000; }, [](auto& l) { l.port = 1001; }},
        {"source prefix", prefix("10.1.0.0", "255.255.255.0"), prefix("10.1.1.0", "255.255.255.0")},
        {"destination prefix", prefix("10.3.0.4", "255.255.255.252"),
         prefix("10.3.0.8", "255.255.255.252")},
        {"family", [](auto& l) { l.family = 4; }, [](auto& l) { l.family = 6; }},
        {"time", [](auto&) {}, [](auto& l) { l.until = 1; }},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(told(with(one.fitting), packet).size(), 1U) << one.name;
        EXPECT_EQ(told(with(one.other), packet).size(), 0U) << "another " << one.name;
    }
}

TEST_F(Events, OfNobodyFitNoPeer) {
    wgs_listener of_peer = everything();
    of_peer.peer = kReady;
    EXPECT_EQ(told(of_peer, udp4("10.1.0.5", "8.8.8.8")).size(), 0U) << "nor a second id of none";
}

TEST_F(Events, ReachEachListenerWhoseFilterFits) {
    wgs_listener drops = everything();
    drops.verdicts = 1U << WGS_VERDICT_DROP;
    wgs_listener steered = everything();
    steered.reasons = 1ULL << WGS_REASON_steered;
    tap().set(1, drops, 0);
    tap().set(2, steered, 0);
    tap().set(7, everything(), 0);
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.3.0.5"));
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.2.0.5"));
    tap().clear(7);
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "8.8.8.8"));
    const auto events = read();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].event.listeners, 1U << 1 | 1U << 7);
    EXPECT_EQ(events[1].event.listeners, 1U << 2 | 1U << 7);
}

TEST_F(Events, CanBeTheFirstOfEachFlow) {
    wgs_listener first = everything();
    first.flags = WGS_LISTEN_FIRST;
    tap().set(0, first, 0);
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.2.0.5", 80), 0, 10);
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.2.0.5", 81), 0, 10);
    run(WGS_HOOK_NIC_IN, udp4("10.1.0.5", "10.2.0.5", 80), 0, 10);
    EXPECT_EQ(read().size(), 3U);
    first.serial = everything().serial;  // somebody else
    tap().set(0, first, 0);
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.2.0.5", 80), 0, 10);
    EXPECT_EQ(read().size(), 1U);
}

TEST_F(Events, SamplingTakesItsPart) {
    wgs_listener sample = everything();
    sample.chance = kAlways / 100;
    tap().set(0, sample, 0);
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.2.0.5"), 0, 20'000);
    const std::size_t taken = read().size();  // 200, with a standard deviation of 14
    EXPECT_GT(taken, 100U);
    EXPECT_LT(taken, 300U);
}

TEST_F(Events, SamplingDoesNotMissTheFirstDropOfAFlow) {
    wgs_listener sample = everything();
    sample.chance = 0;
    sample.flags = WGS_LISTEN_TO_DROPS;
    tap().set(0, sample, 0);
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.3.0.5", 80), 0, 50);
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.3.0.5", 81), 0, 50);
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.2.0.5"), 0, 50);
    EXPECT_EQ(read().size(), 2U);
}

TEST_F(Events, AreLimitedPerSecondIfAsked) {
    wgs_listener limited = everything();
    limited.per_second = 10;
    tap().set(0, limited, 0);
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.2.0.5"), 0, 1000);
    const std::size_t heard = read().size();
    EXPECT_GE(heard, 10U);
    EXPECT_LE(heard, 100U) << "the run is over in much less than ten seconds";
}

TEST_F(Events, ThatFindNoRoomAreCountedForEachListener) {
    constexpr int kPackets = 2000;  // a ring has room for a quarter of them
    wgs_listener drops = everything();
    drops.verdicts = 1U << WGS_VERDICT_DROP;
    tap().set(0, everything(), WGS_SNAPSHOT_FRAME);
    tap().set(1, drops, 0);
    const Bytes packet =
        (ethernet{} / ipv4{.src = "10.1.0.5", .dst = "10.2.0.5"} / udp{} / payload{1000}).bytes();
    run(WGS_HOOK_NIC_OUT, packet, 0, kPackets);
    const std::size_t heard = read().size();
    EXPECT_GT(heard, 100U);
    EXPECT_LT(heard, 1000U);
    EXPECT_EQ(tap().lost(0) + heard, kPackets);
    EXPECT_EQ(tap().lost(1), 0U);
    tap().set(0, everything(), 0);
    EXPECT_EQ(tap().lost(0), 0U) << "a new listener has lost nothing";
    run(WGS_HOOK_NIC_OUT, packet);
    EXPECT_EQ(read().size(), 1U) << "there is room again";
}

TEST_F(Events, AreReadInSlices) {
    tap().set(0, everything(), 0);
    run(WGS_HOOK_NIC_OUT, udp4("10.1.0.5", "10.2.0.5"), 0, 10);
    EXPECT_EQ(tap().read(4, [](const auto&, auto) {}).value(), 4U);
    EXPECT_EQ(read().size(), 6U);
}

TEST_F(Events, OfTheSecondHookCanBeLeftOut) {
    wgs_listener once = everything();
    once.flags = WGS_LISTEN_ONCE;
    tap().set(0, once, 0);
    run(WGS_HOOK_NIC_IN, udp4("10.2.0.5", "10.1.0.5"), kDecrypted);
    EXPECT_TRUE(read().empty());
    run(WGS_HOOK_WG_IN, (ipv4{.src = "10.2.0.5", .dst = "10.1.0.5"} / udp{}).bytes());
    EXPECT_EQ(read().size(), 1U);
}

}  // namespace
}  // namespace wgs
