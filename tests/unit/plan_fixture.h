// SPDX-License-Identifier: Apache-2.0
// A small mesh as seen from node-a, on the kernel in memory.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "fake_kernel.h"
#include "plan/reconciler.h"

namespace wgs::test {

inline IpAddress ip(std::string_view text) {
    return *IpAddress::parse(text);
}
inline Prefix prefix(std::string_view text) {
    return *Prefix::parse(text);
}

// A key that is told by one byte; keys sort by it.
inline PublicKey key(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = number;
    return PublicKey(bytes);
}

// node-b is number 2: 192.0.2.2, 10.2.0.0/24, key(2).
inline NodeInfo node(std::uint8_t number) {
    return {.name = std::string("node-") + static_cast<char>('a' + number - 1),
            .addresses = {IpAddress::v4(std::array<std::uint8_t, 4>{192, 0, 2, number})},
            .prefixes = {Prefix(IpAddress::v4(std::array<std::uint8_t, 4>{10, number, 0, 0}), 24)},
            .public_key = key(number)};
}

// The same with addresses of both families, and a tunnel for each: fd50::2, fd10:2::/64,
// key(202).
inline NodeInfo dual_node(std::uint8_t number) {
    NodeInfo info = node(number);
    info.addresses.push_back(ip("fd50::" + std::to_string(number)));
    info.prefixes.push_back(prefix("fd10:" + std::to_string(number) + "::/64"));
    info.public_key_v6 = key(static_cast<std::uint8_t>(200 + number));
    return info;
}

class PlanFixture : public testing::Test {
  protected:
    static constexpr std::uint8_t kSelf = 1;

    explicit PlanFixture(Policy policy = Policy::prefer, bool per_family = false)
        : kernel(own_keys(per_family)) {
        config.policy = policy;
        config.wireguard.per_family = per_family;
    }

    static std::vector<PublicKey> own_keys(bool per_family) {
        const NodeInfo self = dual_node(kSelf);
        if (per_family) return {*self.public_key, *self.public_key_v6};
        return {*self.public_key};
    }
    [[nodiscard]] std::vector<PublicKey> own_keys() const {
        return own_keys(config.wireguard.per_family);
    }
    // As the mesh has them.
    [[nodiscard]] NodeInfo a_node(std::uint8_t number) const {
        return config.wireguard.per_family ? dual_node(number) : node(number);
    }
    [[nodiscard]] auto make_node() const {
        return [this](std::uint8_t number) { return a_node(number); };
    }
    // Everything an agent holds in memory; gone when it restarts, unlike the kernel.
    void start_agent() {
        reconciler.reset();
        cache = std::make_unique<PeerCache>(
            a_node(kSelf), PeerCache::Limits{.max_peers = config.max_peers,
                                             .per_family = config.wireguard.per_family});
        auto devices = kernel.wireguard();
        devices.erase(devices.begin() + static_cast<int>(own_keys().size()), devices.end());
        reconciler = std::make_unique<Reconciler>(
            config, own_keys(), *cache,
            Reconciler::Environment{std::move(devices), kernel.tables(), kernel.links()});
    }
    void SetUp() override {
        start_agent();
        cache->mark_complete();
    }
    Status run(Look look = Look::everywhere) {
        now.steady += std::chrono::milliseconds(100);
        now.wall += std::chrono::milliseconds(100);
        return run_at_once(look);
    }
    // All slices of a plan, at a standstill: no peer gets impatient, so that only changes cause
    // steps.
    Status run_at_once(Look look) {
        Status status = reconciler->run(now, look);
        while (status && reconciler->busy())
            status = reconciler->run(now, Look::nowhere);
        return status;
    }
    // Joins with a completed handshake.
    void join(std::uint8_t number) {
        cache->upsert(node(number));
        ASSERT_TRUE(run());
        kernel.handshake(key(number), now.wall);
        ASSERT_TRUE(run());
    }
    [[nodiscard]] Outcome to(std::string_view address) const {
        return kernel.outcome(ip(address), config.policy);
    }
    [[nodiscard]] static Outcome encrypted_to(std::uint8_t number) {
        return {.kind = Outcome::Kind::encrypted, .peer = key(number)};
    }
    static constexpr Outcome kClear{.kind = Outcome::Kind::clear, .peer = {}};
    static constexpr Outcome kDropped{.kind = Outcome::Kind::dropped, .peer = {}};

    Config config;
    Now now{.steady = {}, .wall = Clock::time_point(std::chrono::hours(24))};
    FakeKernel kernel;
    std::unique_ptr<PeerCache> cache;
    std::unique_ptr<Reconciler> reconciler;
};

class RequirePlanFixture : public PlanFixture {
  protected:
    RequirePlanFixture() : PlanFixture(Policy::require) {}
};

}  // namespace wgs::test
