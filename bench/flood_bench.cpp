// SPDX-License-Identifier: Apache-2.0
// What a flood of forged handshakes leaves of an established tunnel, with the guard off and on: two
// nodes in network namespaces, TCP from pod to pod, the flood on the receiver's NIC. Quiet and
// flooded, off and on take turns; medians count. All runs on one machine, so what the flood costs
// its sender is in the loss as well.
//
//   flood_bench [native|generic [PACKETS-PER-SECOND [ADDRESSES [ROUNDS]]]]
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "bench/measure/measurement.h"
#include "bench/stream/tcp_stream.h"
#include "tests/support/cluster.h"
#include "tests/support/environment.h"
#include "tests/support/flood.h"

namespace wgs::test {
namespace {

constexpr Millis kMeasured = 3s;
constexpr Millis kWarmUp = 500ms;

struct Options {
    std::string mode = "native";
    int per_second = 100'000;
    std::uint32_t addresses = 1;
    int rounds = 5;
};

class Bench {
  public:
    explicit Bench(Options options) : options_(std::move(options)), cluster_({.nodes = 2}) {
        cluster_.start_agents();
        if (!cluster_.wait_ready()) broken("the mesh did not form");
        target_.mac = mac_of(target().ns(), "eth0");
        std::ranges::copy(target().host_address(Family::v4).bytes(), target_.address.begin());
    }

    void run() {
        for (int round = 0; round < options_.rounds; ++round) {
            for (const std::string& guard : {std::string("off"), options_.mode}) {
                switch_guard(guard);
                quiet_[guard].push_back(throughput());
                HandshakeFlood flood(cluster_.underlay(), "port1", target_,
                                     {.count = options_.addresses}, options_.per_second);
                flooded_[guard].push_back(throughput());
                sent_ += flood.stop();
            }
        }
    }

    void report() {
        fmt::print("{} handshakes/s from {} addresses, {} rounds, medians in Mbit/s\n",
                   options_.per_second, options_.addresses, options_.rounds);
        fmt::print("{:<8}  {:>7}  {:>7}  {:>5}\n", "guard", "quiet", "flooded", "kept");
        for (const std::string& guard : {std::string("off"), options_.mode}) {
            const double quiet = bench::median_of(quiet_[guard]);
            const double flooded = bench::median_of(flooded_[guard]);
            fmt::print("{:<8}  {:>7.0f}  {:>7.0f}  {:>4.0f}%\n", guard, quiet, flooded,
                       100 * flooded / quiet);
        }
        const auto verdicts = target().agent().status()["verdicts"];
        fmt::print("{} sent, {} dropped by the guard\n", sent_, verdicts["flood"].dump());
    }

  private:
    Node& target() { return cluster_.node(1); }

    void switch_guard(const std::string& guard) {
        target().agent().settings().guard = guard;
        target().agent().kill9();
        target().agent().start();
        if (!target().agent().wait_ready(1)) broken("the agent did not come back");
    }

    double throughput() {
        bench::TcpStream stream(cluster_.node(2).pod(), target().pod(),
                                target().pod_address(Family::v4));
        stream.measure(kWarmUp);
        return stream.measure(kMeasured);
    }

    Options options_;
    Cluster cluster_;
    FloodTarget target_;
    std::map<std::string, std::vector<double>> quiet_;
    std::map<std::string, std::vector<double>> flooded_;
    std::uint64_t sent_ = 0;
};

Options parse(const std::vector<std::string>& words) {
    Options options;
    if (!words.empty()) options.mode = words[0];
    if (words.size() > 1) options.per_second = std::stoi(words[1]);
    if (words.size() > 2) options.addresses = static_cast<std::uint32_t>(std::stoul(words[2]));
    if (words.size() > 3) options.rounds = std::stoi(words[3]);
    return options;
}

int main_with(const std::vector<std::string>& words) {
    if (const auto obstacle = mesh_obstacle()) {
        fmt::print(stderr, "flood_bench: {}\n", *obstacle);
        return 1;
    }
    Bench bench(parse(words));
    bench.run();
    bench.report();
    return 0;
}

}  // namespace
}  // namespace wgs::test

int main(int argc, char** argv) try {
    return wgs::test::main_with({argv + 1, argv + argc});
} catch (const std::exception& failure) {
    fmt::print(stderr, "flood_bench: {}\n", failure.what());
    return 1;
}
