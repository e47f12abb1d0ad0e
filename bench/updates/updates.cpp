// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "bench/lab/names.h"
#include "bench/lab/sandbox.h"
#include "bench/measure/turns.h"
#include "bench/updates/suite.h"
#include "bench/updates/ways.h"

namespace wgs::bench {
namespace {

using Prefixes = std::vector<OwnedPrefix>;

// One sample is enough of what takes seconds.
enum class Pace { quick, slow };
constexpr std::size_t kMany = 100'000;

struct Way {
    const char* name;
    Pace pace;  // with more than kMany prefixes
    double (*measure)(const Prefixes&);
};

const std::vector<Way>& ways() {
    static const std::vector<Way> kAll{{"wgsteer, bulk", Pace::quick, &fill_ours_in_bulk},
                                       {"wgsteer, one by one", Pace::quick, &fill_ours_singly},
                                       {"wgsteer, removal", Pace::quick, &empty_ours},
                                       {"LPM_TRIE, one by one", Pace::slow, &fill_lpm_singly},
                                       {"LPM_TRIE, batches", Pace::slow, &fill_lpm_in_batches}};
    return kAll;
}

std::size_t route_limit(const Plan& plan, const Prefixes& prefixes) {
    return prefixes.front().prefix.family() == Family::v4 ? plan.route_limit4 : plan.route_limit6;
}

void compare_ways(const Plan& plan, const Prefixes& prefixes, const Labels& labels, Run& run) {
    std::vector<Turn> often;
    std::vector<Turn> once;
    for (const Way& way : ways()) {
        const bool is_slow = way.pace == Pace::slow && prefixes.size() > kMany;
        (is_slow ? once : often)
            .push_back({.result = &run.add("update", with(labels, "way", way.name), "prefixes/s"),
                        .sample = [&] { return way.measure(prefixes); }});
    }
    if (prefixes.size() <= route_limit(plan, prefixes))
        once.push_back(
            {.result = &run.add("update", with(labels, "way", "ip -batch"), "prefixes/s"),
             .sample = [&] { return fill_routes(prefixes); }});
    take_turns(often, plan.rounds);
    for (const Turn& turn : once)
        turn.result->samples.push_back(turn.sample());
}

void measure_memory(const Prefixes& prefixes, Run& run) {
    const Labels size{{"size", std::to_string(prefixes.size())}};
    run.add("memory", with(size, "kind", "wgsteer"), "MiB")
        .samples.push_back(memory_of_ours(prefixes));
    run.add("memory", with(size, "kind", "LPM_TRIE, without its inner nodes"), "MiB")
        .samples.push_back(memory_of_lpm(prefixes));
}

}  // namespace

void measure_updates(const Plan& plan, Run& run) {
    const Sandbox sandbox;
    const OnCpu pinned(usable_cpus().front());
    measure_memory({}, run);
    for (const Family family : {Family::v4, Family::v6}) {
        for (const std::size_t size : sizes_for(plan, family, plan.update_sizes)) {
            plan.progress(fmt::format("updates: {}, {} prefixes", name_of(family), size));
            const auto prefixes = make_prefixes(family, size, 8);
            const Labels labels{{"family", name_of(family)}, {"size", std::to_string(size)}};
            compare_ways(plan, prefixes, labels, run);
            if (family == Family::v4) measure_memory(prefixes, run);
        }
    }
}

}  // namespace wgs::bench
