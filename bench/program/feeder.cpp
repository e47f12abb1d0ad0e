// SPDX-License-Identifier: Apache-2.0
#include "bench/program/feeder.h"

#include <feed.skel.h>
#include <feed_xdp.skel.h>

#include "bench/lab/must.h"
#include "skeletons/test_run.h"

namespace wgs::bench {
namespace {

const char* program_of(Feed feed) {
    switch (feed) {
        case Feed::ipv4:
            return "wgs_feed4";
        case Feed::ipv6:
            return "wgs_feed6";
        default:
            return "wgs_same";
    }
}

}  // namespace

Feeder::Feeder(const Destinations& destinations) : object_(image<feed_bpf>()) {
    destinations.lend_to(object_);
    object_.load();
}

double Feeder::time(int program, const Stream& stream, std::size_t packets) const {
    const wgs_feed feed{.mask = WGS_DESTINATIONS - 1, .mark = stream.mark};
    write_row(object_.map("wgs_feed"), 0, &feed);
    write_row(object_.map("wgs_subject"), 0, &program);
    const TestRun run = must(test_run(object_.program(program_of(stream.feed)), stream.packet, {},
                                      static_cast<int>(packets)));
    return static_cast<double>(run.duration.count());
}

XdpFeeder::XdpFeeder() : object_(image<feed_xdp_bpf>()) {
    object_.load();
}

double XdpFeeder::time(int program, const std::vector<std::uint8_t>& packet,
                       std::size_t packets) const {
    write_row(object_.map("wgs_subject"), 0, &program);
    const TestRun run =
        must(test_run_xdp(object_.program("wgs_same"), packet, static_cast<int>(packets)));
    return static_cast<double>(run.duration.count());
}

}  // namespace wgs::bench
