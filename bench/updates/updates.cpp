// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <functional>

#include "bench/lab/names.h"
#include "bench/measure/turns.h"
#include "bench/updates/suite.h"
#include "bench/updates/ways.h"

namespace wgs::bench {
namespace {

using Prefixes = std::vector<OwnedPrefix>;

struct Way {
    const char* name;
    std::function<double(Sandbox&, const Prefixes&)> measure;
};

const std::vector<Way>& ways() {
    static const std::vector<Way> all{
        {"wgsteer, bulk", &fill_ours_in_bulk},
        {"wgsteer, one by one", &fill_ours_singly},
        {"wgsteer, removal", &empty_ours},
        {"LPM_TRIE, one by one",
         [](Sandbox&, const Prefixes& some) { return fill_lpm_singly(some); }},
        {"LPM_TRIE, batches",
         [](Sandbox&, const Prefixes& some) { return fill_lpm_in_batches(some); }}};
    return all;
}

void compare_ways(const Plan& plan, Sandbox& sandbox, const Prefixes& prefixes,
                  const Labels& labels, Run& run) {
    std::vector<Turn> turns;
    for (const Way& way : ways()) {
        turns.push_back({.result = &run.add("update", with(labels, "way", way.name), "prefixes/s"),
                         .sample = [&] { return way.measure(sandbox, prefixes); }});
    }
    take_turns(turns, plan.rounds);
    if (prefixes.size() > plan.route_limit) return;
    // Once: it takes longer than all the others together.
    run.add("update", with(labels, "way", "ip -batch"), "prefixes/s")
        .samples.push_back(fill_routes(prefixes));
}

void measure_memory(Sandbox& sandbox, const Prefixes& prefixes, Run& run) {
    const Labels size{{"size", std::to_string(prefixes.size())}};
    run.add("memory", with(size, "kind", "wgsteer"), "MiB")
        .samples.push_back(memory_of_ours(sandbox, prefixes));
    run.add("memory", with(size, "kind", "LPM_TRIE, without its inner nodes"), "MiB")
        .samples.push_back(memory_of_lpm(prefixes));
}

}  // namespace

void measure_updates(const Plan& plan, Run& run) {
    Sandbox sandbox;
    const OnCpu pinned(usable_cpus().front());
    measure_memory(sandbox, {}, run);
    for (const Family family : {Family::v4, Family::v6}) {
        for (const std::size_t size : plan.update_sizes) {
            plan.progress(fmt::format("updates: {}, {} prefixes", name_of(family), size));
            const auto prefixes = make_prefixes(family, size, 8);
            const Labels labels{{"family", name_of(family)}, {"size", std::to_string(size)}};
            compare_ways(plan, sandbox, prefixes, labels, run);
            if (family == Family::v4) measure_memory(sandbox, prefixes, run);
        }
    }
}

}  // namespace wgs::bench
