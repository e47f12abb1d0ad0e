// SPDX-License-Identifier: Apache-2.0
#include "bench/stream/suite.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <memory>

#include "bench/lab/sandbox.h"
#include "bench/measure/turns.h"
#include "bench/stream/pair.h"
#include "bench/stream/tcp_stream.h"
#include "tests/support/environment.h"
#include "tests/support/workspace.h"

namespace wgs::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kWarmUp = 300ms;

// Seconds that all CPUs together have not been idle since boot (proc_stat(5)).
double busy_seconds() {
    std::ifstream file("/proc/stat");
    std::string word;
    file >> word;
    double ticks = 0;
    for (int column = 0; column < 8; ++column) {
        double value = 0;
        file >> value;
        const bool is_idle = column == 3 || column == 4;
        if (!is_idle) ticks += value;
    }
    return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// Gbit/s; adds what it has cost to `cpu`.
double sample(const Pair& pair, const Plan& plan, Measurement& cpu) {
    TcpStream stream(pair.sender().pod(), pair.receiver().pod(), pair.receiver().pod_address());
    stream.measure(kWarmUp);
    const double busy = busy_seconds();
    const double rate = stream.measure(plan.stream) / 1e3;
    const double gigabytes = rate / 8 * std::chrono::duration<double>(plan.stream).count();
    cpu.samples.push_back((busy_seconds() - busy) / gigabytes);
    return rate;
}

void compare(const std::vector<std::pair<Labels, std::unique_ptr<Pair>>>& pairs, const Plan& plan,
             Run& run) {
    std::vector<Turn> turns;
    std::vector<Measurement*> costs;
    for (const auto& [labels, pair] : pairs) {
        Measurement& cpu = run.add("stream cpu", labels, "s/GB");
        costs.push_back(&cpu);
        turns.push_back({.result = &run.add("stream", labels, "Gbit/s"),
                         .sample = [&, &one = *pair] { return sample(one, plan, cpu); }});
    }
    take_turns(turns, plan.stream_rounds);
    for (Measurement* cpu : costs)
        cpu->samples.erase(cpu->samples.begin());  // of the round that does not count
}

std::string backend_of(const Pair& pair) {
    return pair.sender().backend() == BackendKind::kernel ? "kernel" : "wireguard-go";
}

}  // namespace

void measure_streams(const Plan& plan, Run& run) {
    if (!test::kernel_has_link_type("wireguard") && !test::has_tool("wireguard-go")) {
        run.notes.emplace_back("streams, because there is no WireGuard here");
        return;
    }
    plan.progress("TCP streams");
    const Sandbox sandbox;
    const test::Workspace workspace;  // ends wireguard-go, whatever happens to us
    std::vector<std::pair<Labels, std::unique_ptr<Pair>>> pairs;
    for (const Rules rules : {Rules::none, Rules::netfilter}) {
        if (rules == Rules::netfilter && !test::has_tool("nft")) continue;
        for (const Steering steering :
             {Steering::plain, Steering::calico, Steering::transparent, Steering::fast}) {
            const Labels labels{{"steering", to_string(steering)}, {"rules", to_string(rules)}};
            pairs.emplace_back(
                labels, std::make_unique<Pair>(
                            steering, rules, workspace.directory() / std::to_string(pairs.size())));
            if (steering != Steering::plain)
                run.settings["wireguard"] = backend_of(*pairs.back().second);
        }
    }
    compare(pairs, plan, run);
}

}  // namespace wgs::bench
