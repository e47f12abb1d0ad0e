// SPDX-License-Identifier: Apache-2.0
// A node of which Felix's driver is all there is: what Felix says goes through the source and the
// peer cache to WireGuard and the tables of a kernel in memory.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "felix/felix_source.h"
#include "plan_fixture.h"
#include "tests/support/felix_wire.h"

namespace wgs::test {

// What the source tells goes into the cache, as in the agent.
class CacheSink final : public SourceSink {
  public:
    explicit CacheSink(PeerCache& cache) : cache_(cache) {}
    void upsert(const NodeInfo& node) override {
        ++told;
        cache_.upsert(node);
    }
    void remove(const std::string& name) override {
        ++told;
        cache_.remove(name);
    }
    void describe_self(const NodeInfo& node) override {
        ++self_told;
        NodeInfo self = cache_.self();
        self.prefixes = node.prefixes;
        if (!node.addresses.empty()) self.addresses = node.addresses;
        cache_.set_self(self);
    }
    void complete() override { cache_.mark_complete(); }
    void report(const Problem& problem) override { reported.push_back(problem); }

    int told = 0;
    int self_told = 0;
    std::vector<Problem> reported;

  private:
    PeerCache& cache_;
};

class FelixFixture : public PlanFixture {
  protected:
    using Parameters = std::map<std::string, std::string>;

    void SetUp() override {}
    void TearDown() override {
        source.reset();
        ::close(to_driver_);
        ::close(from_driver_);
    }

    // Starts the driver with these parameters; Felix has not said anything else yet.
    void start(Generation generation, Parameters parameters = {{"WireguardEnabled", "true"}}) {
        calico.emplace(generation);
        std::array<int, 2> in{};
        std::array<int, 2> out{};
        ASSERT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
        ASSERT_EQ(::pipe2(out.data(), O_CLOEXEC | O_NONBLOCK), 0);
        to_driver_ = in[1];
        from_driver_ = out[0];
        auto pipe = felix::Pipe::open(UniqueFd(in[0]), UniqueFd(out[1]));
        ASSERT_TRUE(pipe);
        say(calico->config(parameters));
        const auto config_update = felix::await_configuration(*pipe);
        ASSERT_TRUE(config_update);
        const auto read = felix::read_parameters(config_update->parameters);
        felix::apply_parameters(read.parameters, config);
        cache = std::make_unique<PeerCache>(
            NodeInfo{.name = "node-a",
                     .addresses = {ip("192.0.2.1")},
                     .prefixes = {},
                     .public_key = key(kSelf)},
            PeerCache::Limits{.cluster_prefixes = {}, .lending = Lending::single_addresses});
        reconciler = std::make_unique<Reconciler>(
            config, own_keys(), *cache,
            Reconciler::Environment{kernel.wireguard(), kernel.tables(), kernel.links()});
        sink = std::make_unique<CacheSink>(*cache);
        source = std::make_unique<felix::FelixSource>(
            felix::FelixOptions{.self = "node-a",
                                .parameters = read.parameters,
                                .on_end = [this](felix::End why, const std::string&) { end = why; },
                                .now = [this] { return clock; }},
            std::move(*pipe), *sink);
        source->start();
    }

    void say(const std::string& frames) {
        ASSERT_EQ(::write(to_driver_, frames.data(), frames.size()),
                  static_cast<ssize_t>(frames.size()));
    }
    // The driver hears it and brings the kernel in line.
    void apply(const std::string& frames = "") {
        say(frames);
        source->dispatch();
        ASSERT_TRUE(run(Look::nowhere));
    }
    // Everything of node `number` (see plan_fixture.h).
    [[nodiscard]] std::string whole(std::uint8_t number) {
        const NodeInfo info = node(number);
        return calico->route(info.prefixes[0].to_string(), info.name, RouteType::remote_workload) +
               calico->endpoint(info.name, key(number).to_base64()) +
               calico->host(info.name, info.addresses[0].to_string());
    }
    // This node and node-b are there, and a handshake with it has completed.
    void form() {
        apply(calico->route("10.1.0.0/24", "node-a", RouteType::local_workload) + whole(2) +
              calico->host("node-a", "192.0.2.1") + calico->in_sync());
        shake_hands(2);
    }
    void shake_hands(std::uint8_t number) {
        kernel.handshake(key(number), now.wall);
        ASSERT_TRUE(run());
    }
    void hang_up() {
        ::close(to_driver_);
        to_driver_ = -1;
    }

    // Writes to the WireGuard device and the tables while this is done.
    template <class Action>
    [[nodiscard]] std::vector<std::string> writes_of(const Action& action) {
        const std::size_t before = kernel.log.size();
        action();
        return {kernel.log.begin() + static_cast<std::ptrdiff_t>(before), kernel.log.end()};
    }
    [[nodiscard]] bool is_peer(std::uint8_t number) const {
        return kernel.tunnel && kernel.tunnel->sessions.contains(key(number));
    }
    [[nodiscard]] std::string allowed_ips(std::uint8_t number) const {
        std::string text;
        for (const Prefix& allowed : kernel.tunnel->sessions.at(key(number)).allowed_ips)
            text += (text.empty() ? "" : " ") + allowed.to_string();
        return text;
    }
    [[nodiscard]] std::string endpoint_of(std::uint8_t number) const {
        return kernel.tunnel->sessions.at(key(number)).endpoint.value().to_string();
    }
    [[nodiscard]] DriverWords heard() {
        std::array<char, 65536> buffer{};
        const ssize_t count = ::read(from_driver_, buffer.data(), buffer.size());
        return parse_driver({buffer.data(), count < 0 ? 0 : static_cast<std::size_t>(count)});
    }

    std::optional<FelixSpeaker> calico;
    std::unique_ptr<CacheSink> sink;
    std::unique_ptr<felix::FelixSource> source;
    std::optional<felix::End> end;
    SteadyTime clock;

    int to_driver_ = -1;
    int from_driver_ = -1;
};

}  // namespace wgs::test
