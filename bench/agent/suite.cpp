// SPDX-License-Identifier: Apache-2.0
#include "bench/agent/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "bench/agent/mesh.h"
#include "bench/lab/must.h"
#include "bench/lab/sandbox.h"
#include "tests/support/environment.h"

namespace wgs::bench {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr int kChanges = 20;
constexpr int kRate = 1000;  // changes a second of a storm

double ms(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

void await_owner(const Mesh& mesh, const std::string& address, const std::string& owner) {
    const auto end = Steady::now() + 60s;
    while (mesh.owner_of(address) != owner)
        if (Steady::now() > end) throw Broken(address + " does not come to " + owner);
}

void measure_start(Mesh& mesh, Figures& figures) {
    const auto begin = Steady::now();
    mesh.start();
    mesh.await_ready();
    figures.add("from its start to all peers ready, ms", ms(Steady::now() - begin));
    figures.add("CPU time of that, ms", ms(mesh.cpu_time()));
}

void measure_idling(const Mesh& mesh, std::chrono::milliseconds time, Figures& figures) {
    std::this_thread::sleep_for(1s);
    const auto begin = Steady::now();
    const auto before = mesh.cpu_time();
    std::this_thread::sleep_for(time);
    const auto spent = mesh.cpu_time() - before;
    figures.add("CPU while nothing happens, %", 100 * ms(spent) / ms(Steady::now() - begin));
    figures.add("resident memory, MiB", mesh.resident_mib());
}

// The first question also proves what the following ones cost.
void measure_changes(Mesh& mesh, Figures& figures) {
    for (std::uint32_t change = 0; change < kChanges; ++change) {
        const std::uint32_t node = change * 7919U % mesh.nodes();
        const auto begin = Steady::now();
        const std::string address = mesh.grow(node);
        await_owner(mesh, address, Mesh::name_of(node));
        figures.add("one node changed, to the answer from the tables, ms",
                    ms(Steady::now() - begin));
        std::this_thread::sleep_for(100ms);
    }
}

void measure_documents(const Mesh& mesh, Figures& figures) {
    for (const auto& [path, what] :
         {std::pair{"/v1/status", "status, CPU ms"}, {"/v1/peers", "peers, CPU ms"}}) {
        const auto before = mesh.cpu_time();
        static_cast<void>(mesh.get(path));
        figures.add(what, ms(mesh.cpu_time() - before));
    }
    std::this_thread::sleep_for(1s);
    figures.add("resident memory after that, MiB", mesh.resident_mib());
}

void measure_storm(Mesh& mesh, std::chrono::milliseconds time, Figures& figures) {
    const auto before = mesh.cpu_time();
    const auto begin = Steady::now();
    const auto changes = static_cast<std::uint32_t>(time.count() * kRate / 1000);
    std::string address;
    std::uint32_t node = 0;
    for (std::uint32_t change = 0; change < changes; ++change) {
        node = change * 7919U % mesh.nodes();
        address = mesh.grow(node);
        std::this_thread::sleep_until(begin + change * 1'000'000us / kRate);
    }
    const auto end = Steady::now();
    await_owner(mesh, address, Mesh::name_of(node));
    figures.add("behind a storm of 1,000 changes a second, ms", ms(Steady::now() - end));
    figures.add("CPU in that, %", 100 * ms(mesh.cpu_time() - before) / ms(Steady::now() - begin));
}

}  // namespace

void Figures::add(const std::string& what, double value) {
    auto known = std::ranges::find(all_, what, [](const auto& entry) { return entry.first; });
    if (known == all_.end()) known = all_.insert(known, {what, {}});
    known->second.push_back(value);
}

void measure_life(Mesh& mesh, std::chrono::milliseconds idling, Figures& figures) {
    measure_start(mesh, figures);
    measure_idling(mesh, idling, figures);
    measure_changes(mesh, figures);
}

void measure_agent(const Plan& plan, Run& run) {
    for (const char* program : {"wgsteerd", "memory_wireguard_go"}) {
        if (std::filesystem::exists(test::binary(program))) continue;
        run.notes.push_back(fmt::format("the agent: there is no {} beside this command", program));
        return;
    }
    const Sandbox sandbox;
    for (const std::uint32_t nodes : plan.control_nodes) {
        plan.progress(fmt::format("the whole agent: {} nodes", nodes));
        Figures figures;
        for (int round = 0; round < plan.agent_rounds; ++round) {
            const auto directory = Sandbox::directory() / fmt::format("mesh-{}-{}", nodes, round);
            Directory registry(directory / "mesh");
            Mesh mesh(directory, registry, nodes);
            measure_life(mesh, plan.idling, figures);
            measure_documents(mesh, figures);
            measure_storm(mesh, plan.idling / 4, figures);
        }
        for (const auto& [what, samples] : figures.all()) {
            const Labels labels{{"what", what}, {"nodes", std::to_string(nodes)}};
            run.add("agent", labels, "").samples = samples;
        }
    }
}

}  // namespace wgs::bench
