// SPDX-License-Identifier: Apache-2.0
#include "bench/report/plots.h"

#include <algorithm>
#include <string>
#include <vector>

#include "bench/report/svg.h"

namespace wgs::bench {
namespace {

// One line for each value of `line`, by size.
struct Drawing {
    const char* file;
    const char* title;
    const char* y_axis;
    const char* subject;
    Labels filter;
    const char* line;
};

const std::vector<Drawing>& drawings() {
    static const std::vector<Drawing> kAll{{"lookup-ipv4-random.svg",
                                            "Lookup alone, IPv4, random destinations",
                                            "ns",
                                            "lookup",
                                            {{"family", "IPv4"}, {"set", "random"}},
                                            "kind"},
                                           {"lookup-ipv4-hot.svg",
                                            "Lookup alone, IPv4, hot set",
                                            "ns",
                                            "lookup",
                                            {{"family", "IPv4"}, {"set", "hot"}},
                                            "kind"},
                                           {"lookup-ipv6-random.svg",
                                            "Lookup alone, IPv6, random destinations",
                                            "ns",
                                            "lookup",
                                            {{"family", "IPv6"}, {"set", "random"}},
                                            "kind"},
                                           {"lookup-ipv6-hot.svg",
                                            "Lookup alone, IPv6, hot set",
                                            "ns",
                                            "lookup",
                                            {{"family", "IPv6"}, {"set", "hot"}},
                                            "kind"},
                                           {"program-ipv4-random.svg",
                                            "wgs_nic_out over an empty program, IPv4, random",
                                            "ns",
                                            "program",
                                            {{"family", "IPv4"}, {"set", "random"}},
                                            "kind"},
                                           {"program-ipv6-random.svg",
                                            "wgs_nic_out over an empty program, IPv6, random",
                                            "ns",
                                            "program",
                                            {{"family", "IPv6"}, {"set", "random"}},
                                            "kind"},
                                           {"updates-ipv4.svg",
                                            "Filling the table, IPv4",
                                            "prefixes a second",
                                            "update",
                                            {{"family", "IPv4"}},
                                            "way"}};
    return kAll;
}

Line& line_named(std::vector<Line>& lines, const std::string& name) {
    const auto found = std::ranges::find(lines, name, &Line::name);
    return found != lines.end() ? *found : lines.emplace_back(Line{.name = name, .points = {}});
}

Plot plot_of(const Run& run, const Drawing& drawing) {
    Plot plot{.title = drawing.title, .x_axis = "prefixes", .y_axis = drawing.y_axis, .lines = {}};
    for (const Measurement* one : run.all(drawing.subject, drawing.filter)) {
        const double value = one->median();
        if (value <= 0) continue;  // has no place on a logarithmic axis
        line_named(plot.lines, one->labels.at(drawing.line))
            .points.emplace_back(std::stod(one->labels.at("size")), value);
    }
    return plot;
}

}  // namespace

std::map<std::string, std::string> draw_plots(const Run& run) {
    std::map<std::string, std::string> images;
    for (const Drawing& drawing : drawings()) {
        const Plot plot = plot_of(run, drawing);
        if (!plot.lines.empty()) images[drawing.file] = to_svg(plot);
    }
    return images;
}

}  // namespace wgs::bench
