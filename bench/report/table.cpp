// SPDX-License-Identifier: Apache-2.0
#include "bench/report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bench/report/targets.h"

namespace wgs::bench {
namespace {

// One label of the measurements makes the rows, another one the columns.
struct View {
    const char* title;
    const char* subject;
    Labels filter;
    const char* row;
    const char* column;
};

const std::vector<View>& views() {
    static const std::vector<View> kAll{
        {"Lookup alone, IPv4, hot set, ns",
         "lookup",
         {{"family", "IPv4"}, {"set", "hot"}},
         "kind",
         "size"},
        {"Lookup alone, IPv4, random, ns",
         "lookup",
         {{"family", "IPv4"}, {"set", "random"}},
         "kind",
         "size"},
        {"Lookup alone, IPv6, hot set, ns",
         "lookup",
         {{"family", "IPv6"}, {"set", "hot"}},
         "kind",
         "size"},
        {"Lookup alone, IPv6, random, ns",
         "lookup",
         {{"family", "IPv6"}, {"set", "random"}},
         "kind",
         "size"},
        {"wgs_nic_out over an empty program, IPv4, hot set, ns",
         "program",
         {{"family", "IPv4"}, {"set", "hot"}},
         "kind",
         "size"},
        {"wgs_nic_out over an empty program, IPv4, random, ns",
         "program",
         {{"family", "IPv4"}, {"set", "random"}},
         "kind",
         "size"},
        {"wgs_nic_out over an empty program, IPv6, hot set, ns",
         "program",
         {{"family", "IPv6"}, {"set", "hot"}},
         "kind",
         "size"},
        {"wgs_nic_out over an empty program, IPv6, random, ns",
         "program",
         {{"family", "IPv6"}, {"set", "random"}},
         "kind",
         "size"},
        {"Each program over an empty one, by verdict, ns", "verdict", {}, "verdict", "program"},
        {"wgs_nic_out over an empty program, with events and timing and without, ns",
         "extra",
         {},
         "kind",
         "packet"},
        {"Pod to tunnel device, ns a packet", "path", {{"rules", "none"}}, "steering", "set"},
        {"Pod to tunnel device, ns a packet, with netfilter rules and conntrack",
         "path",
         {{"rules", "netfilter"}},
         "steering",
         "set"},
        {"What a packet outside every prefix pays, ns over no steering",
         "tax",
         {},
         "steering",
         "direction"},
        {"TCP from pod to pod by way of netfilter rules, Gbit/s",
         "stream",
         {},
         "steering",
         "rules"},
        {"CPU for it, seconds a gigabyte", "stream cpu", {}, "steering", "rules"},
        {"Updates, IPv4, prefixes a second", "update", {{"family", "IPv4"}}, "way", "size"},
        {"Updates, IPv6, prefixes a second", "update", {{"family", "IPv6"}}, "way", "size"},
        {"Memory, IPv4, MiB", "memory", {}, "kind", "size"},
        {"Lookup beside a writer at full speed, IPv4, 100,000 random, ns",
         "writer",
         {},
         "kind",
         "table"},
        {"Control path, by nodes with ten prefixes each, µs", "control", {}, "what", "nodes"},
        {"The whole agent beside a WireGuard in memory, by nodes with ten prefixes each",
         "agent",
         {},
         "what",
         "nodes"}};
    return kAll;
}

std::vector<std::string> values_of(const std::vector<const Measurement*>& some, const char* label) {
    std::vector<std::string> values;
    for (const Measurement* one : some) {
        const std::string& value = one->labels.at(label);
        if (std::ranges::find(values, value) == values.end()) values.push_back(value);
    }
    return values;
}

std::string cell(const Measurement* one) {
    if (!one) return "";
    if (one->samples.size() == 1) return to_words(one->median());
    return fmt::format("{} ±{:.0f}%", to_words(one->median()), 100 * one->spread());
}

Grid grid_of(const Run& run, const View& view) {
    const auto measured = run.all(view.subject, view.filter);
    const auto columns = values_of(measured, view.column);
    Grid grid{.title = view.title, .rows = {{view.row}}};
    grid.rows.front().insert(grid.rows.front().end(), columns.begin(), columns.end());
    for (const std::string& row : values_of(measured, view.row)) {
        std::vector<std::string> cells{row};
        for (const std::string& column : columns)
            cells.push_back(cell(run.find(
                view.subject, with(with(view.filter, view.row, row), view.column, column))));
        grid.rows.push_back(std::move(cells));
    }
    return grid;
}

std::string verdict_on(const Target& target, std::optional<double> value) {
    if (!value) return "not measured";
    return is_reached(target, *value) ? "ok" : "missed";
}

}  // namespace

std::vector<Grid> figures_of(const Run& run) {
    std::vector<Grid> grids;
    for (const View& view : views())
        if (run.find(view.subject, view.filter)) grids.push_back(grid_of(run, view));
    return grids;
}

Grid targets_of(const Run& run) {
    Grid grid{.title = "Targets", .rows = {{"what", "target", "measured", ""}}};
    for (const Target& target : targets()) {
        const auto value = target.value(run);
        grid.rows.push_back({target.what,
                             fmt::format("{} {} {}", target.bound == Bound::at_least ? "≥" : "≤",
                                         to_words(target.limit), target.unit),
                             value ? to_words(*value) : "", verdict_on(target, value)});
    }
    return grid;
}

bool reaches_all(const Run& run) {
    return std::ranges::all_of(targets(), [&](const Target& target) {
        const auto value = target.value(run);
        return !value || is_reached(target, *value);
    });
}

std::string render_run(const Run& run) {
    std::string text;
    for (const auto& [name, value] : run.machine)
        text += fmt::format("{}: {}\n", name, value);
    for (const Grid& grid : figures_of(run))
        text += "\n" + to_text(grid);
    for (const std::string& note : run.notes)
        text += "\nnot measured: " + note + "\n";
    return text + "\n" + to_text(targets_of(run));
}

}  // namespace wgs::bench
