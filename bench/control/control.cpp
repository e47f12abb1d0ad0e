// SPDX-License-Identifier: Apache-2.0
#include "bench/control/control.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "bench/control/memory_wireguard.h"
#include "plan/reconciler.h"
#include "service/bpf_steering.h"

namespace wgs {
namespace {

using Steady = std::chrono::steady_clock;

std::array<std::uint8_t, 4> bytes_of(std::uint32_t number) {
    return {static_cast<std::uint8_t>(number >> 24U), static_cast<std::uint8_t>(number >> 16U),
            static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
}

PublicKey key(std::uint32_t number) {
    std::array<std::uint8_t, PublicKey::kSize> key{};
    key.front() = 1;
    std::ranges::copy(bytes_of(number), key.begin() + 1);
    return PublicKey(key);
}

// The n-th /26 from 16.0.0.0 upwards.
Prefix block(std::uint32_t n) {
    return {IpAddress::v4(bytes_of((16U << 24U) + (n << 6U))), 26};
}

// Node 0 is self.
NodeInfo node(std::uint32_t number, std::uint32_t prefixes) {
    NodeInfo node{.name = "node-" + std::to_string(number),
                  .addresses = {IpAddress::v4(bytes_of((10U << 24U) + number + 1))},
                  .public_key = key(number)};
    for (std::uint32_t i = 0; i < prefixes; ++i)
        node.prefixes.push_back(block(number * prefixes + i));
    return node;
}

// One device, which is there: loopback.
class OneLink final : public Links {
  public:
    Result<std::vector<Underlay>> underlays(const std::vector<std::string>&,
                                            const std::vector<IpAddress>&) override {
        return std::vector<Underlay>{{.name = "lo", .ifindex = 1, .mtu = 1500, .up = true}};
    }
    Result<std::set<std::uint16_t>> foreign_tunnels() override { return std::set<std::uint16_t>{}; }
    Result<std::optional<std::uint32_t>> route(const IpAddress&) override { return std::nullopt; }
    Result<LocalPods> pods(const std::vector<std::string>&, const std::vector<Prefix>&) override {
        return LocalPods{};
    }
};

class Scene {
  public:
    Scene(const ControlLoad& load, BpfSteering& steering)
        : load_(load),
          config_{.node = "node-0", .max_peers = load.nodes + 1},
          cache_(node(0, load.prefixes_per_node), {.max_peers = load.nodes + 1}),
          wireguard_(key(0)),
          reconciler_(config_, {key(0)}, cache_, {{wireguard_}, steering, links_}) {}

    Result<ControlNumbers> play() {
        ControlNumbers numbers;
        numbers.load = fill();
        numbers.full_sync = WGS_TRY(timed(Look::everywhere));
        wireguard_.shake_hands(Clock::now());
        numbers.all_ready = WGS_TRY(timed(Look::everywhere));
        numbers.longest_run = longest_run_;
        numbers.look = WGS_TRY(timed(Look::everywhere));
        const std::vector<std::chrono::nanoseconds> changes = WGS_TRY(change_prefixes());
        numbers.change = changes[changes.size() / 2];
        numbers.change_p99 = changes[changes.size() * 99 / 100];
        return numbers;
    }

  private:
    std::chrono::nanoseconds fill() {
        const auto begin = Steady::now();
        for (std::uint32_t i = 1; i <= load_.nodes; ++i)
            cache_.upsert(node(i, load_.prefixes_per_node));
        cache_.mark_complete();
        static_cast<void>(cache_.peers());
        return Steady::now() - begin;
    }

    Result<std::chrono::nanoseconds> timed(Look look) {
        const auto begin = Steady::now();
        auto last = begin;
        do {
            WGS_TRY(reconciler_.run({.steady = last, .wall = Clock::now()}, look));
            look = Look::nowhere;
            longest_run_ = std::max<std::chrono::nanoseconds>(longest_run_, Steady::now() - last);
            last = Steady::now();
        } while (reconciler_.busy());
        return last - begin;
    }

    // Each to another node, here and there in the tables; sorted by duration.
    Result<std::vector<std::chrono::nanoseconds>> change_prefixes() {
        std::vector<std::chrono::nanoseconds> durations;
        const std::uint32_t taken = (load_.nodes + 1) * load_.prefixes_per_node;
        for (std::uint32_t i = 0; i < load_.changes; ++i) {
            NodeInfo grown = node(1 + i * 7919U % load_.nodes, load_.prefixes_per_node);
            grown.prefixes.push_back(block(taken + i));
            const auto begin = Steady::now();
            cache_.upsert(grown);
            WGS_TRY(reconciler_.run({.steady = begin, .wall = Clock::now()}, Look::nowhere));
            durations.emplace_back(Steady::now() - begin);
        }
        std::ranges::sort(durations);
        return durations;
    }

    ControlLoad load_;
    Config config_;
    PeerCache cache_;
    MemoryWireguard wireguard_;
    OneLink links_;
    Reconciler reconciler_;
    std::chrono::nanoseconds longest_run_{0};
};

}  // namespace

Result<ControlNumbers> measure_control(const ControlLoad& load) {
    const BpfSteering::Settings settings{.bpffs = "/tmp/bpf", .max_peers = load.nodes + 1};
    auto steering = WGS_TRY(BpfSteering::load(settings));
    auto numbers = Scene(load, *steering).play();
    steering.reset();
    WGS_TRY(BpfSteering::clean_up(settings.bpffs));
    return numbers;
}

}  // namespace wgs
