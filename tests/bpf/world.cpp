// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>

#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <tuple>

#include "sandbox.h"
#include "skeletons/test_run.h"

namespace wgs {
namespace {

constexpr std::uint32_t kGoneNode = 20;
constexpr std::uint32_t kPeers = kOutsideTable - WGS_PEER_FIRST;  // so that the last is outside
constexpr std::array<std::uint32_t, 5> kProbe{0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4};

// Every counter there is, by name; those that are zero are left out.
using Counters = std::map<std::string, std::uint64_t>;

void add(Counters& counters, const std::string& name, const wgs_counter& counter) {
    if (counter.packets) counters[name + " packets"] += counter.packets;
    if (counter.bytes) counters[name + " bytes"] += counter.bytes;
}

std::string total_name(std::size_t hook, std::size_t reason) {
    return fmt::format("hook {} reason {}", hook, reason);
}

std::string peer_name(std::size_t peer, std::size_t reason) {
    return fmt::format("peer {} reason {}", peer, reason);
}

std::string dropped_name(std::size_t peer) {
    return fmt::format("peer {} dropped", peer);
}

Counters read_counters(const Tables& tables) {
    Counters counters;
    const auto totals = tables.verdicts.sums().value();
    for (std::size_t i = 0; i < totals.size(); ++i)
        add(counters, total_name(i / WGS_REASON_COUNT, i % WGS_REASON_COUNT), totals[i]);
    const auto peers = tables.stats.sums().value();
    for (std::size_t peer = 0; peer < peers.size(); ++peer) {
        for (std::size_t reason = 0; reason < WGS_REASON_COUNT; ++reason)
            add(counters, peer_name(peer, reason), peers[peer].by_reason[reason]);
        add(counters, dropped_name(peer), peers[peer].dropped);
    }
    return counters;
}

void append_node(std::vector<PrefixRow>& rows, std::uint32_t node, std::uint32_t peer) {
    rows.push_back({fmt::format("10.{}.0.0/24", node), WGS_OWNER(peer, WGS_CLASS_POD)});
    rows.push_back({fmt::format("fd10:{}::/64", node), WGS_OWNER(peer, WGS_CLASS_POD)});
    rows.push_back({fmt::format("192.168.50.{}/32", node), WGS_OWNER(peer, WGS_CLASS_NODE)});
    rows.push_back({fmt::format("fd50::{}/128", node), WGS_OWNER(peer, WGS_CLASS_NODE)});
}

}  // namespace

std::vector<PrefixRow> world_prefixes() {
    std::vector<PrefixRow> rows{{"10.0.0.0/8", WGS_OWNER(WGS_PEER_CLUSTER, WGS_CLASS_POD)},
                                {"fd10::/16", WGS_OWNER(WGS_PEER_CLUSTER, WGS_CLASS_POD)},
                                {"10.3.0.128/25", WGS_OWNER(kReady, WGS_CLASS_POD)}};
    append_node(rows, 1, WGS_PEER_SELF);
    for (std::uint32_t peer = kReady; peer <= kOutsideTable; ++peer)
        append_node(rows, peer - kReady + 2, peer);
    append_node(rows, kGoneNode, WGS_PEER_GONE);
    return rows;
}

wgs_peer world_peer(std::uint32_t id) {
    switch (id) {
        case kReady:
            return {.state = WGS_STATE_READY, .mtu = kMtu, .tunnel = 0, .underlay = 0};
        case kWaiting:
            return {.state = WGS_STATE_WAITING, .mtu = kMtu, .tunnel = 0, .underlay = 0};
        case kNoKey:
            return {.state = WGS_STATE_NO_KEY, .mtu = 0, .tunnel = 0, .underlay = 0};
        case kConflict:
            return {.state = WGS_STATE_CONFLICT, .mtu = 0, .tunnel = 0, .underlay = 0};
        case kStalled:
            return {.state = WGS_STATE_STALLED, .mtu = kMtu, .tunnel = 0, .underlay = 0};
        case kTunnelMissing:
            return {.state = WGS_STATE_READY,
                    .mtu = kMtu,
                    .tunnel = kMissingTunnel,
                    .underlay = kMissingUnderlay};
        default:
            return {.state = WGS_STATE_UNUSED, .mtu = 0, .tunnel = 0, .underlay = 0};
    }
}

std::string options_name(const testing::TestParamInfo<World::Options>& info) {
    return std::string(info.param.require ? "require" : "prefer") +
           (info.param.hosts ? "_hosts" : "") + (info.param.overlay ? "_overlay" : "");
}

World::World(Options options) : options_(options), bpffs_(new_bpffs_path()) {
    must(bpffs_.prepare());
    auto loaded = Programs::load(bpffs_, {.policy_require = options.require,
                                          .hosts = options.hosts,
                                          .overlay = options.overlay,
                                          .fast = options.fast,
                                          .fwmark = kFwmark,
                                          .decrypted_mark = kDecrypted,
                                          .mark_mask = kMask,
                                          .max_peers = kPeers,
                                          .tunnels = options.tunnels,
                                          .guard_sees_decrypted = options.guard_sees_decrypted,
                                          .crypto_latency = options.crypto_latency});
    if (!loaded) throw std::runtime_error(loaded.error().message);
    programs_ = std::move(*loaded);
    fill_tables();
}

void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

World& World::with(Options options) {
    static std::map<std::tuple<bool, bool, bool>, std::unique_ptr<World>> worlds;
    auto& world = worlds[{options.require, options.hosts, options.overlay}];
    if (!world) world = std::make_unique<World>(options);
    return *world;
}

void World::fill_tables() const {
    const Tables& tables = programs_->tables();
    for (const auto& [prefix, owner] : world_prefixes())
        add_prefix(prefix, owner);
    for (std::uint32_t id = kReady; id < kOutsideTable; ++id)
        must(tables.peers.store(id, world_peer(id)));
    must(tables.tunnels.store(0, {.ifindex = kTunnelIfindex, .port = kPort, .reserved = 0}));
    if (options_.tunnels > 1)
        must(tables.tunnels.store(
            1, {.ifindex = kTunnelIfindex + 1, .port = kSecondPort, .reserved = 0}));
    must(
        tables.underlays.store(0, {.ifindex = 1, .mac = {0x02, 0, 0, 0, 0, 0x0a}, .reserved = {}}));
    must(tables.bypass.store({.protocol = IPPROTO_TCP, .reserved = 0, .port = kBypassedPort}, 1));
    must(tables.bypass.store({.protocol = IPPROTO_ICMP, .reserved = 0, .port = 0}, 1));
    must(tables.bypass.store({.protocol = IPPROTO_ICMPV6, .reserved = 0, .port = 0}, 1));
}

void World::add_prefix(const std::string& prefix, std::uint32_t owner) const {
    const Tables& tables = programs_->tables();
    if (prefix.find(':') == std::string::npos)
        must(tables.steer.ipv4().set(Prefix4::of(to_key<wgs_prefix4>(AF_INET, prefix)), owner));
    else
        must(tables.steer.ipv6().set(Prefix6::of(to_key<wgs_prefix6>(AF_INET6, prefix)), owner));
}

void World::check(wgs_hook hook, const Bytes& in, std::uint32_t mark,
                  const Expected& expected) const {
    const int program = programs_->at(hook).fd.get();
    Counters counters = read_counters(programs_->tables());

    const auto run = test_run(program, in, {.mark = mark});
    ASSERT_TRUE(run) << run.error().message;
    EXPECT_EQ(run->verdict, expected.action);
    EXPECT_TRUE(same_bytes(expected.packet.value_or(in), run->packet));
    EXPECT_EQ(run->context, (PacketContext{.mark = expected.mark.value_or(mark)}));

    const wgs_counter counted{.packets = 1, .bytes = in.size() - expected.l3_offset};
    add(counters, total_name(hook, expected.reason), counted);
    if (expected.peer >= WGS_PEER_FIRST && expected.peer < kOutsideTable) {
        add(counters, peer_name(expected.peer, expected.reason), counted);
        if (expected.action == TC_ACT_SHOT) add(counters, dropped_name(expected.peer), counted);
    }
    EXPECT_EQ(read_counters(programs_->tables()), counters);

    const auto probe = test_run(program, in, {.mark = mark, .cb = kProbe});
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_EQ(probe->verdict, expected.action);
    EXPECT_EQ(probe->context.cb[0], expected.reason);
    EXPECT_EQ(probe->context.cb[1], expected.peer);
    EXPECT_EQ(read_counters(programs_->tables()), counters) << "a probe was counted";
}

}  // namespace wgs
