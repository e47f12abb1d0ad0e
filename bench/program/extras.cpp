// SPDX-License-Identifier: Apache-2.0
// What wgs_nic_out pays for what it does beside steering: one set of tables, one flow, twins of the
// program in turns.
#include <netinet/in.h>
#include <nic_out_mute.skel.h>

#include <ctime>
#include <limits>

#include "bench/lab/sandbox.h"
#include "bench/program/comparison.h"
#include "bench/program/counted.h"
#include "bench/program/feeder.h"
#include "bench/program/suite.h"
#include "maps/names.h"
#include "model/config.h"
#include "service/flow.h"

namespace wgs::bench {
namespace {

constexpr std::size_t kListener = 1;  // any
constexpr std::uint32_t kOneIn = 1'000;
constexpr int kMoreRounds = 3;  // differences of a nanosecond are looked for

IpAddress ip(const char* text) {
    return must(IpAddress::parse(text));
}

struct Traffic {
    const char* name;
    Stream stream;
    wgs_reason reason;
};

Stream stream_of(const char* source, const char* destination, std::uint16_t port,
                 std::uint32_t mark) {
    return {.feed = Feed::same,
            .packet = first_packet({.source = ip(source),
                                    .destination = ip(destination),
                                    .protocol = IPPROTO_UDP,
                                    .source_port = port,
                                    .destination_port = 2000}),
            .mark = mark};
}

std::vector<Traffic> traffic() {
    return {{.name = "steered",
             .stream = stream_of("192.168.100.2", "192.168.102.2", 1000, 0),
             .reason = WGS_REASON_steered},
            {.name = "our own outer packet",
             .stream = stream_of("192.168.50.1", "192.168.50.2", kTunnelPort, kDefaultFwmark),
             .reason = WGS_REASON_outer}};
}

void furnish(const Dataplane& dataplane) {
    const auto peer = [](const char* address, std::uint32_t prefix_class) {
        return OwnedPrefix{.prefix = Prefix(ip(address)),
                           .owner = WGS_OWNER(WGS_PEER_FIRST, prefix_class)};
    };
    dataplane.fill({own_prefix(Prefix(ip("192.168.50.1")), WGS_CLASS_NODE),
                    own_prefix(Prefix(ip("192.168.100.2")), WGS_CLASS_POD),
                    peer("192.168.50.2", WGS_CLASS_NODE), peer("192.168.102.2", WGS_CLASS_POD)});
}

// Nanoseconds a packet of this thread's CPU time: the kernel's own figure has no fractions.
double time(const Feeder& feeder, int program, const Stream& stream, std::size_t packets) {
    const auto now = [] {
        timespec time{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return 1e9 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec);
    };
    const double before = now();
    feeder.time(program, stream, packets);
    return (now() - before) / static_cast<double>(packets);
}

// A listener who hears of one packet in kOneIn.
void listen(const EventTap& events) {
    events.set(kListener,
               {.until = std::numeric_limits<std::uint64_t>::max(),
                .reasons = ~std::uint64_t{0},
                .verdicts = ~0U,
                .hooks = ~0U,
                .chance = std::numeric_limits<std::uint32_t>::max() / kOneIn,
                .serial = 1},
               0);
}

// Measures the program while somebody listens, who has read everything before the next one.
double time_heard(const Feeder& feeder, const EventTap& events, int program, const Stream& stream,
                  std::size_t packets) {
    listen(events);
    const double taken = time(feeder, program, stream, packets);
    events.clear(kListener);
    while (must(events.read(packets, [](const wgs_event&, auto) {})) > 0) {
    }
    return taken;
}

void check_tells(const Feeder& feeder, const EventTap& events, int program, const Stream& stream) {
    listen(events);
    feeder.time(program, stream, 20 * kOneIn);
    events.clear(kListener);
    std::size_t told = 0;
    while (must(events.read(kOneIn, [&](const wgs_event&, auto) { ++told; })) > 0) {
    }
    if (told == 0 || told > 100) throw Broken(fmt::format("{} of 20 events were told", told));
}

}  // namespace

void measure_extras(const Plan& plan, Run& run) {
    plan.progress("extras");
    Sandbox sandbox;
    const OnCpu pinned(usable_cpus().front());
    const Dataplane dataplane(sandbox.new_bpffs(), {});
    furnish(dataplane);
    BpfObject mute(image<nic_out_mute_bpf>());
    mute.share_pinned(dataplane.bpffs());
    mute.load();
    // On the same tables.
    const Programs timed = must(Programs::load(dataplane.bpffs(), settings_of({.timed = true})));
    // The same program once more, by which the sampler knows that somebody is to listen.
    const Programs heard = must(Programs::load(dataplane.bpffs(), settings_of({})));
    const Destinations destinations;
    const Feeder feeder(destinations);
    const EventTap& events = dataplane.tables().events;
    const int heard_program = heard.at(WGS_HOOK_NIC_OUT).fd.get();
    for (const auto& [name, stream, reason] : traffic()) {
        const std::vector<std::pair<const char*, int>> twins{
            {"no events in it", mute.program(WGS_PROG_NIC_OUT)},
            {"nobody listens", dataplane.program(WGS_HOOK_NIC_OUT)},
            {"one in 1,000 is told", heard_program},
            {"one in 128 is timed", timed.at(WGS_HOOK_NIC_OUT).fd.get()}};
        for (const auto& [kind, program] : twins)
            expect_counted(dataplane, WGS_HOOK_NIC_OUT, reason, plan.packets,
                           [&] { feeder.time(program, stream, plan.packets); });
        check_tells(feeder, events, heard_program, stream);
        Comparison comparison(feeder.empty(), [&](int program) {
            return program == heard_program
                       ? time_heard(feeder, events, program, stream, plan.packets)
                       : time(feeder, program, stream, plan.packets);
        });
        for (const auto& [kind, program] : twins)
            comparison.add(program, run.add("extra", {{"packet", name}, {"kind", kind}}, "ns"));
        comparison.run(kMoreRounds * plan.rounds);
    }
}

}  // namespace wgs::bench
