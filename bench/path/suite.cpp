// SPDX-License-Identifier: Apache-2.0
#include "bench/path/suite.h"

#include <fmt/format.h>

#include <array>
#include <memory>

#include "bench/lab/must.h"
#include "bench/lab/sandbox.h"
#include "bench/measure/turns.h"
#include "bench/path/host.h"
#include "bench/path/injector.h"
#include "tests/support/environment.h"

namespace wgs::bench {
namespace {

using Hosts = std::vector<std::unique_ptr<Host>>;

constexpr std::array kAllSteerings{Steering::dropped, Steering::plain, Steering::calico,
                                   Steering::transparent, Steering::fast};
constexpr double kTolerated = 0.01;  // of the packets may get lost

struct Traffic {
    From from = From::pod;
    std::size_t frames = 0;
    std::size_t flows = 0;
};

std::unique_ptr<Host> make_host(Steering steering, Rules rules, const Plan& plan, Sandbox& sandbox,
                                const std::vector<OwnedPrefix>& prefixes, int sink) {
    return std::make_unique<Host>(HostOptions{.steering = steering,
                                              .rules = rules,
                                              .bpffs = sandbox.new_bpffs(),
                                              .peers = plan.nodes},
                                  prefixes, sink);
}

// Time for each packet; all but a few of them reach `device`, if it is named.
double send_to(const Injector& injector, const Host& host, const Traffic& traffic,
               const std::string& device) {
    const std::uint64_t before = device.empty() ? 0 : host.transmitted(device);
    const double time = injector.send(host, traffic.from, traffic.frames, traffic.flows);
    if (device.empty()) return time;
    const std::uint64_t arrived = host.transmitted(device) - before;
    if (static_cast<double>(arrived) < (1 - kTolerated) * static_cast<double>(traffic.frames))
        throw Broken(fmt::format("{} of {} packets reach {} with steering {}", arrived,
                                 traffic.frames, device, to_string(host.options().steering)));
    return time;
}

// One packet each way, so that conntrack takes the flows for established ones.
void establish(const Injector& injector, const Host& host, std::size_t flows) {
    injector.send(host, From::pod, flows, flows);
    injector.send(host, From::wire, flows, flows);
}

void compare(const Injector& injector, const Hosts& hosts, const Plan& plan, Choice choice,
             const Labels& labels, Run& run) {
    const Traffic traffic{.from = From::pod,
                          .frames = plan.frames,
                          .flows = choice == Choice::hot ? WGS_DESTINATIONS : plan.flows};
    std::vector<Turn> turns;
    for (const auto& host : hosts) {
        if (host->options().rules == Rules::netfilter)
            establish(injector, *host, std::min(plan.flows, traffic.flows));
        Labels mine = with(labels, "steering", to_string(host->options().steering));
        mine["rules"] = to_string(host->options().rules);
        Measurement& result = run.add("path", mine, "ns");
        turns.push_back({.result = &result, .sample = [&, &one = *host] {
                             return send_to(injector, one, traffic, one.goal());
                         }});
    }
    take_turns(turns, plan.path_rounds);
}

std::vector<Rules> possible_rules(Run& run) {
    if (test::has_tool("nft")) return {Rules::none, Rules::netfilter};
    run.notes.emplace_back("paths with netfilter rules, because nft is not installed");
    return {Rules::none};
}

void measure_choice(const Plan& plan, Choice choice, std::size_t size, Run& run) {
    plan.progress(fmt::format("path: {} prefixes, {}", size, to_string(choice)));
    Sandbox sandbox;
    const OnCpu pinned(usable_cpus().front());
    const auto prefixes = make_prefixes(Family::v4, size, plan.nodes);
    const Destinations destinations;
    destinations.choose(Family::v4, make_destinations(prefixes, choice, plan.flows));
    const Injector injector(destinations);
    Hosts hosts;
    for (const Rules rules : possible_rules(run))
        for (const Steering steering : kAllSteerings)
            hosts.push_back(make_host(steering, rules, plan, sandbox, prefixes, injector.sink()));
    compare(injector, hosts, plan, choice,
            {{"size", std::to_string(size)}, {"set", to_string(choice)}}, run);
}

// Differences between neighbours in time.
void add_tax(const Measurement& plain, const Measurement& steered, const Labels& labels, Run& run) {
    Measurement& tax = run.add("tax", labels, "ns");
    for (std::size_t i = 0; i < plain.samples.size(); ++i)
        tax.samples.push_back(steered.samples[i] - plain.samples[i]);
}

void tax_foreigners(const Injector& injector, const Hosts& hosts, const Plan& plan, From from,
                    Run& run) {
    const Traffic traffic{.from = from, .frames = plan.frames, .flows = WGS_DESTINATIONS};
    const std::string device = from == From::pod ? "eth0" : "pod0";
    std::vector<Measurement> results(hosts.size());
    std::vector<Turn> turns;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        turns.push_back({.result = &results[i], .sample = [&, i] {
                             return send_to(injector, *hosts[i], traffic, device);
                         }});
    }
    take_turns(turns, plan.path_rounds);
    for (std::size_t i = 1; i < hosts.size(); ++i)
        add_tax(results[0], results[i],
                {{"direction", from == From::pod ? "egress" : "ingress"},
                 {"steering", to_string(hosts[i]->options().steering)}},
                run);
}

}  // namespace

void measure_paths(const Plan& plan, Run& run) {
    measure_choice(plan, Choice::hot, plan.path_size / 100, run);
    measure_choice(plan, Choice::random, plan.path_size, run);
}

void measure_tax(const Plan& plan, Run& run) {
    plan.progress("tax on packets that are not ours");
    Sandbox sandbox;
    const OnCpu pinned(usable_cpus().front());
    const auto prefixes = make_prefixes(Family::v4, plan.path_size / 100, plan.nodes);
    const Destinations destinations;
    destinations.choose(Family::v4, make_foreign_destinations(Family::v4));
    const Injector injector(destinations);
    Hosts hosts;
    for (const Steering steering :
         {Steering::plain, Steering::calico, Steering::transparent, Steering::fast})
        hosts.push_back(make_host(steering, Rules::none, plan, sandbox, prefixes, injector.sink()));
    for (const From from : {From::pod, From::wire})
        tax_foreigners(injector, hosts, plan, from, run);
}

}  // namespace wgs::bench
