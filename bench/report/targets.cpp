// SPDX-License-Identifier: Apache-2.0
#include "bench/report/targets.h"

namespace wgs::bench {
namespace {

using Value = std::function<std::optional<double>(const Run&)>;

// Names one measurement of a run.
struct Which {
    std::string subject;
    Labels labels;
};

std::optional<double> median_in(const Run& run, const Which& which) {
    const Measurement* found = run.find(which.subject, which.labels);
    if (!found) return std::nullopt;
    return found->median();
}

Value median(Which which) {
    return [which = std::move(which)](const Run& run) { return median_in(run, which); };
}

// How many times as much the first one is.
Value ratio(Which upper, Which lower) {
    return [upper = std::move(upper), lower = std::move(lower)](const Run& run) {
        const auto above = median_in(run, upper);
        const auto below = median_in(run, lower);
        return above && below && *below != 0 ? std::optional(*above / *below) : std::nullopt;
    };
}

// How much more the first one is.
Value difference(Which more, Which less) {
    return [more = std::move(more), less = std::move(less)](const Run& run) {
        const auto above = median_in(run, more);
        const auto below = median_in(run, less);
        return above && below ? std::optional(*above - *below) : std::nullopt;
    };
}

// Of the other one, in percent.
Value share(Value part, Value whole) {
    return [part = std::move(part), whole = std::move(whole)](const Run& run) {
        const auto some = part(run);
        const auto all = whole(run);
        return some && all && *all != 0 ? std::optional(100 * *some / *all) : std::nullopt;
    };
}

// LPM_TRIE's time over ours, in one place.
Value gain(const std::string& subject, const Labels& where) {
    return ratio({subject, with(where, "kind", "LPM_TRIE")},
                 {subject, with(where, "kind", "wgsteer")});
}

Labels place(const char* family, const char* size, const char* set) {
    return {{"family", family}, {"size", size}, {"set", set}};
}

Which ours(const char* family, const char* size, const char* set) {
    return {"program", with(place(family, size, set), "kind", "wgsteer")};
}

Which path(const char* steering, const char* set, const char* rules) {
    return {"path", {{"size", "100000"}, {"steering", steering}, {"set", set}, {"rules", rules}}};
}

Value path_gain(const char* steering, const char* rules) {
    return ratio(path("Calico's rule", "random", rules), path(steering, "random", rules));
}

Which update(const char* way, const char* size) {
    return {"update", {{"family", "IPv4"}, {"way", way}, {"size", size}}};
}

Target at_least(std::string what, double limit, const char* unit, Value value) {
    return {.what = std::move(what),
            .bound = Bound::at_least,
            .limit = limit,
            .unit = unit,
            .value = std::move(value)};
}

Target at_most(std::string what, double limit, const char* unit, Value value) {
    return {.what = std::move(what),
            .bound = Bound::at_most,
            .limit = limit,
            .unit = unit,
            .value = std::move(value)};
}

void add_lookup_targets(std::vector<Target>& all) {
    const std::string program = "wgs_nic_out against itself over LPM_TRIE, ";
    all.push_back(at_least(program + "IPv4, 1,000,000 random", 10, "×",
                           gain("program", place("IPv4", "1000000", "random"))));
    all.push_back(at_least(program + "IPv4, 100,000 random", 8, "×",
                           gain("program", place("IPv4", "100000", "random"))));
    all.push_back(at_least(program + "IPv4, 1,000 random", 1.8, "×",
                           gain("program", place("IPv4", "1000", "random"))));
    all.push_back(at_least(program + "IPv4, 1,000,000 hot", 3, "×",
                           gain("program", place("IPv4", "1000000", "hot"))));
    all.push_back(at_least(program + "IPv6, 100,000 random", 6, "×",
                           gain("program", place("IPv6", "100000", "random"))));
    all.push_back(at_least("lookup against LPM_TRIE, IPv4, 100,000 random", 25, "×",
                           gain("lookup", place("IPv4", "100000", "random"))));
    all.push_back(at_least("lookup against LPM_TRIE, IPv6, 100,000 random", 12, "×",
                           gain("lookup", place("IPv6", "100000", "random"))));
    all.push_back(at_most("wgs_nic_out at 1,000,000 against at 10, hot", 1.15, "×",
                          ratio(ours("IPv4", "1000000", "hot"), ours("IPv4", "10", "hot"))));
    all.push_back(at_most("wgs_nic_out over an empty program, hot", 45, "ns",
                          median(ours("IPv4", "100000", "hot"))));
}

void add_path_targets(std::vector<Target>& all) {
    all.push_back(at_most("all NIC hooks, a packet that is not ours, egress", 75, "ns",
                          median({"tax", {{"direction", "egress"}, {"steering", "transparent"}}})));
    all.push_back(
        at_most("all NIC hooks, a packet that is not ours, ingress", 75, "ns",
                median({"tax", {{"direction", "ingress"}, {"steering", "transparent"}}})));
    all.push_back(at_least("pod to tunnel, fast against Calico's rule, 100,000 random", 2.8, "×",
                           path_gain("fast", "none")));
    all.push_back(at_least("the same, with netfilter", 6, "×", path_gain("fast", "netfilter")));
    all.push_back(at_least("pod to tunnel, transparent against Calico's rule, 100,000 random", 1.7,
                           "×", path_gain("transparent", "none")));
    all.push_back(
        at_least("the same, with netfilter", 1.4, "×", path_gain("transparent", "netfilter")));
    all.push_back(
        at_most("pod to tunnel, transparent against plain forwarding", 1.08, "×",
                ratio(path("transparent", "random", "none"), path("plain", "random", "none"))));
}

void add_extra_targets(std::vector<Target>& all) {
    const auto extra = [](const char* packet, const char* kind) {
        return Which{"extra", {{"packet", packet}, {"kind", kind}}};
    };
    all.push_back(at_most(
        "events that nobody asks for, over none in the program", 1, "ns",
        difference(extra("steered", "nobody listens"), extra("steered", "no events in it"))));
    all.push_back(at_most("one packet in 1,000 told, of the way from pod to tunnel", 2, "%",
                          share(difference(extra("steered", "one in 1,000 is told"),
                                           extra("steered", "nobody listens")),
                                median(path("transparent", "random", "none")))));
    for (const char* packet : {"steered", "our own outer packet"})
        all.push_back(at_most(
            std::string("one packet in 128 timed, over none: ") + packet, 1, "ns",
            difference(extra(packet, "one in 128 is timed"), extra(packet, "nobody listens"))));
}

void add_update_targets(std::vector<Target>& all) {
    all.push_back(at_least("bulk fill, 100,000", 25e6, "prefixes/s",
                           median(update("wgsteer, bulk", "100000"))));
    all.push_back(at_least("bulk fill, 1,000,000", 10e6, "prefixes/s",
                           median(update("wgsteer, bulk", "1000000"))));
    all.push_back(
        at_least("bulk fill against ip -batch, 100,000", 200, "×",
                 ratio(update("wgsteer, bulk", "100000"), update("ip -batch", "100000"))));
    all.push_back(at_most("lookup while a writer is at full speed against a quiet table", 1.5, "×",
                          ratio({"writer", {{"kind", "wgsteer"}, {"table", "busy"}}},
                                {"writer", {{"kind", "wgsteer"}, {"table", "quiet"}}})));
    for (const auto& [size, words, limit] : {std::tuple{"0", "empty", 0.5},
                                             {"100000", "100,000", 3.0},
                                             {"1000000", "1,000,000", 24.0}})
        all.push_back(at_most(std::string("memory of the table, IPv4, ") + words, limit, "MiB",
                              median({"memory", {{"kind", "wgsteer"}, {"size", size}}})));
}

void add_control_targets(std::vector<Target>& all) {
    const auto control = [](const char* what) {
        return median({"control", {{"what", what}, {"nodes", "10000"}}});
    };
    all.push_back(at_most("one prefix added, from the event to the table, 10,000 nodes", 50, "µs",
                          control("one prefix more, median")));
    all.push_back(at_most("full sync of the tables, 10,000 nodes, 100,000 prefixes", 500'000, "µs",
                          control("full sync of the tables")));
}

void add_agent_targets(std::vector<Target>& all) {
    const auto agent = [](const char* what) {
        return median({"agent", {{"what", what}, {"nodes", "10000"}}});
    };
    all.push_back(at_most("agent, 10,000 nodes: from its start to all of it written", 2000, "ms",
                          agent("from its start to all peers ready, ms")));
    all.push_back(
        at_most("agent, 10,000 nodes: resident memory", 64, "MiB", agent("resident memory, MiB")));
    all.push_back(at_most("agent, 10,000 nodes: CPU while nothing happens", 0.5, "%",
                          agent("CPU while nothing happens, %")));
    all.push_back(at_most("agent, 10,000 nodes: one node changed, to the answer from the tables",
                          10, "ms", agent("one node changed, to the answer from the tables, ms")));
}

}  // namespace

const std::vector<Target>& targets() {
    static const std::vector<Target> kAll = [] {
        std::vector<Target> list;
        add_lookup_targets(list);
        add_path_targets(list);
        add_extra_targets(list);
        add_update_targets(list);
        add_control_targets(list);
        add_agent_targets(list);
        return list;
    }();
    return kAll;
}

bool is_reached(const Target& target, double value) {
    return target.bound == Bound::at_least ? value >= target.limit : value <= target.limit;
}

}  // namespace wgs::bench
