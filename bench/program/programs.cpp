// SPDX-License-Identifier: Apache-2.0
#include <nic_out_lpm.skel.h>

#include "bench/lab/lpm.h"
#include "bench/lab/names.h"
#include "bench/lab/sandbox.h"
#include "bench/program/comparison.h"
#include "bench/program/counted.h"
#include "bench/program/feeder.h"
#include "bench/program/suite.h"
#include "maps/names.h"
#include "service/flow.h"

namespace wgs::bench {
namespace {

IpAddress own_address(Family family) {
    return must(IpAddress::parse(family == Family::v4 ? "192.168.100.2" : "fd99::2"));
}

// A datagram from here to wherever it is fed to.
Stream stream_of(Family family) {
    const IpAddress self = own_address(family);
    const Flow flow{.source = self,
                    .destination = self,
                    .protocol = 17,
                    .source_port = 1000,
                    .destination_port = 2000};
    return {.feed = family == Family::v4 ? Feed::ipv4 : Feed::ipv6, .packet = first_packet(flow)};
}

// wgs_nic_out over LPM_TRIE with the same prefixes; everything else is that of the real one.
BpfObject make_twin(const Dataplane& dataplane, std::vector<OwnedPrefix> prefixes,
                    const OwnedPrefix& own) {
    prefixes.push_back(own);
    BpfObject twin(image<nic_out_lpm_bpf>());
    size_lpm(twin, prefixes);
    twin.share_pinned(dataplane.bpffs());
    twin.load();
    LpmRows(prefixes).fill(twin);
    return twin;
}

void check_steers(const Dataplane& dataplane, const Feeder& feeder, int program,
                  const Stream& stream, std::size_t packets) {
    expect_counted(dataplane, WGS_HOOK_NIC_OUT, WGS_REASON_steered, packets,
                   [&] { feeder.time(program, stream, packets); });
}

void compare(const Plan& plan, Family family, std::size_t size, Sandbox& sandbox, Run& run) {
    const auto prefixes = make_prefixes(family, size, plan.nodes);
    const OwnedPrefix own = own_prefix(Prefix(own_address(family)), WGS_CLASS_POD);
    Dataplane dataplane(sandbox.new_bpffs(), {.peers = plan.nodes});
    dataplane.fill(prefixes);
    dataplane.fill({own});
    const BpfObject twin = make_twin(dataplane, prefixes, own);
    const Destinations destinations;
    const Feeder feeder(destinations);
    const Stream stream = stream_of(family);
    const int real = dataplane.program(WGS_HOOK_NIC_OUT);
    const int copy = twin.program(WGS_PROG_NIC_OUT);
    for (const Choice choice : {Choice::hot, Choice::random}) {
        destinations.choose(family, make_destinations(prefixes, choice));
        for (const int program : {real, copy})
            check_steers(dataplane, feeder, program, stream, plan.packets);
        const Labels labels{{"family", name_of(family)},
                            {"size", std::to_string(size)},
                            {"set", to_string(choice)}};
        Comparison comparison(feeder.empty(), [&](int program) {
            return feeder.time(program, stream, plan.packets);
        });
        comparison.add(real, run.add("program", with(labels, "kind", "wgsteer"), "ns"));
        comparison.add(copy, run.add("program", with(labels, "kind", "LPM_TRIE"), "ns"));
        comparison.run(plan.rounds);
    }
}

}  // namespace

void measure_programs(const Plan& plan, Run& run) {
    Sandbox sandbox;
    const OnCpu pinned(usable_cpus().front());
    for (const Family family : {Family::v4, Family::v6}) {
        for (const std::size_t size : sizes_for(plan, family, plan.program_sizes)) {
            plan.progress(fmt::format("program: {}, {} prefixes", name_of(family), size));
            compare(plan, family, size, sandbox, run);
        }
    }
}

}  // namespace wgs::bench
