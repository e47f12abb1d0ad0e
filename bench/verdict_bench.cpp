// SPDX-License-Identifier: Apache-2.0
// What wgs_nic_out costs a packet, by verdict and by size of the tables: the program in the kernel,
// by BPF_PROG_TEST_RUN, in namespaces of its own. The kernel's time for an empty run is included.
#include <benchmark/benchmark.h>
#include <fmt/core.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <sys/mount.h>

#include <cstdlib>
#include <filesystem>

#include "model/config.h"
#include "service/flow.h"
#include "skeletons/bpffs.h"
#include "skeletons/programs.h"
#include "skeletons/test_run.h"

namespace wgs {
namespace {

constexpr int kRepeat = 100'000;
constexpr std::uint32_t kPeer = WGS_PEER_FIRST;

[[noreturn]] void die(const std::string& message) {
    fmt::print(stderr, "verdict_bench: {}\n", message);
    std::exit(1);
}

template <class T>
T must(Result<T> result) {
    if (!result) die(result.error().message);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

IpAddress ip(const char* text) {
    return must(IpAddress::parse(text));
}

// The n-th /26 from 10.0.0.0 upwards.
Prefix4 block(std::uint32_t n) {
    return {.address = (10U << 24) + (n << 6), .length = 26};
}

// `prefixes` blocks of one ready peer; 192.168.50.1 is self.
void fill(const Tables& tables, std::uint32_t prefixes) {
    must(tables.steer.ipv4().set({.address = 0xc0a83201, .length = 32},
                                 WGS_OWNER(WGS_PEER_SELF, WGS_CLASS_NODE)));
    for (std::uint32_t n = 0; n < prefixes; ++n)
        must(tables.steer.ipv4().set(block(n), WGS_OWNER(kPeer, WGS_CLASS_POD)));
    must(tables.tunnels.store(0, {.ifindex = 1, .port = 51820, .reserved = 0}));
    must(tables.peers.store(kPeer,
                            {.state = WGS_STATE_READY, .mtu = 1440, .tunnel = 0, .underlay = 0}));
}

void run(benchmark::State& state, const char* destination, std::uint32_t mark) {
    const Bpffs bpffs("/tmp/bpf");
    must(bpffs.prepare());
    const Programs programs =
        must(Programs::load(bpffs, {.fwmark = kDefaultFwmark,
                                    .decrypted_mark = kDecryptedMark,
                                    .mark_mask = kDefaultFwmark | kDecryptedMark,
                                    .max_peers = 1}));
    fill(programs.tables(), static_cast<std::uint32_t>(state.range(0)));
    const auto packet = first_packet({.source = ip("192.168.50.1"),
                                      .destination = ip(destination),
                                      .protocol = 17,
                                      .source_port = 51820});
    const int program = programs.at(WGS_HOOK_NIC_OUT).fd.get();
    for (auto _ : state) {
        const TestRun result = must(test_run(program, packet, {.mark = mark}, kRepeat));
        state.SetIterationTime(std::chrono::duration<double>(result.duration).count());
    }
    must(bpffs.remove());
}

void steered(benchmark::State& state) {
    run(state, "10.0.0.1", 0);
}
void not_ours(benchmark::State& state) {
    run(state, "172.16.0.1", 0);
}
void outer(benchmark::State& state) {
    run(state, "10.0.0.1", kDefaultFwmark);
}

// One iteration is kRepeat packets already.
void measured(benchmark::internal::Benchmark* bench) {
    bench->UseManualTime()->Iterations(3)->Repetitions(5)->ReportAggregatesOnly();
}
BENCHMARK(steered)->Arg(10)->Arg(1'000)->Arg(100'000)->Apply(measured);
BENCHMARK(not_ours)->Arg(10)->Arg(1'000)->Arg(100'000)->Apply(measured);
BENCHMARK(outer)->Arg(10)->Apply(measured);

// Nothing that is made here outlasts the process.
void enter_private_namespaces() {
    if (::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0) die("needs root");
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("wgs-bench", "/tmp", "tmpfs", 0, nullptr) != 0) {
        die("cannot mount");
    }
}

}  // namespace
}  // namespace wgs

int main(int argc, char** argv) {
    wgs::enter_private_namespaces();
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
