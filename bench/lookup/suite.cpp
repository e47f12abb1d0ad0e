// SPDX-License-Identifier: Apache-2.0
#include "bench/lookup/suite.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/lab/must.h"
#include "bench/lab/names.h"
#include "bench/lab/sandbox.h"
#include "bench/lookup/ours.h"
#include "bench/measure/turns.h"

namespace wgs::bench {
namespace {

using Chases = std::vector<std::unique_ptr<Chase>>;

constexpr std::uint32_t kOwners = 8;  // which of them it is costs a lookup nothing

// The empty loop first.
Chases make_chases(const Plan& plan, const Destinations& destinations,
                   const std::vector<OwnedPrefix>& prefixes) {
    const bool is_v4 = prefixes.front().prefix.family() == Family::v4;
    Chases chases;
    chases.push_back(make_empty(destinations));
    chases.push_back(std::make_unique<OurChase>(destinations, prefixes));
    chases.push_back(make_lpm(destinations, prefixes));
    chases.push_back(make_hash(destinations, prefixes));
    if (prefixes.size() <= (is_v4 ? plan.route_limit4 : plan.route_limit6))
        chases.push_back(make_fib(destinations, prefixes));
    return chases;
}

void check_answers(const Chases& chases, Family family, std::size_t lookups) {
    const Answers ours = chases.at(1)->run(family, lookups).answers;
    if (ours.hits != lookups) throw Broken(fmt::format("{} of {} found", ours.hits, lookups));
    for (const auto& chase : std::span(chases).subspan(2))
        if (chase->run(family, lookups).answers != ours)
            throw Broken("other answers from " + chase->kind());
}

void compare(const Chases& chases, const Plan& plan, Family family, const Labels& labels,
             Run& run) {
    check_answers(chases, family, plan.lookups);
    std::vector<Turn> turns;
    std::vector<Measurement> raw(chases.size());
    for (std::size_t i = 0; i < chases.size(); ++i) {
        turns.push_back({.result = &raw[i], .sample = [&, i] {
                             return chases[i]->run(family, plan.lookups).nanoseconds;
                         }});
    }
    take_turns(turns, plan.rounds);
    const double loop = raw.front().median();
    for (std::size_t i = 1; i < chases.size(); ++i) {
        Measurement& net = run.add("lookup", with(labels, "kind", chases[i]->kind()), "ns");
        for (const double sample : raw[i].samples)
            net.samples.push_back(std::max(0.0, sample - loop));
    }
}

}  // namespace

void measure_lookups(const Plan& plan, Run& run) {
    const Sandbox sandbox;
    const OnCpu pinned(usable_cpus().front());
    const Destinations destinations;
    for (const Family family : {Family::v4, Family::v6}) {
        for (const std::size_t size : sizes_for(plan, family, plan.lookup_sizes)) {
            plan.progress(fmt::format("lookup: {}, {} prefixes", name_of(family), size));
            const auto prefixes = make_prefixes(family, size, kOwners);
            const Chases chases = make_chases(plan, destinations, prefixes);
            for (const Choice choice : {Choice::hot, Choice::random}) {
                destinations.choose(family, make_destinations(prefixes, choice));
                compare(chases, plan, family,
                        {{"family", name_of(family)},
                         {"size", std::to_string(size)},
                         {"set", to_string(choice)}},
                        run);
            }
        }
    }
}

}  // namespace wgs::bench
