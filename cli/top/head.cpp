// SPDX-License-Identifier: Apache-2.0
#include "cli/top/head.h"

#include <fmt/format.h>

#include "cli/text.h"

namespace wgs::cli {

TopLine top_title(const TopModel& model, std::size_t width) {
    const TopSpan node{.text = model.node(), .style = TopStyle::bold};
    const TopSpan sync = model.in_sync() ? TopSpan{.text = "in sync", .style = TopStyle::good}
                                         : TopSpan{.text = "NOT IN SYNC", .style = TopStyle::bad};
    const auto states = model.states();
    TopLine all{node, {.text = "  policy " + model.policy() + "  "}, sync};
    TopLine some{node, {.text = " "}, sync};
    TopLine most{node, {.text = " " + model.policy() + " "}, sync};
    std::string before = fmt::format("  {} peers: ", model.size());
    std::string short_before = fmt::format(" {}: ", model.size());
    for (const auto& [state, count] : states) {
        const TopSpan counted{.text = fmt::format("{} {}", count, state),
                              .style = count > 0 ? style_of_state(state) : TopStyle::plain};
        const std::string between = std::exchange(before, ", ");
        all.insert(all.end(), {{.text = between}, counted});
        most.insert(most.end(), {{.text = between}, counted});
        some.insert(some.end(), {{.text = std::exchange(short_before, " ")}, counted});
    }
    const TopLine few{node,
                      {.text = " "},
                      sync,
                      {.text = fmt::format(" {}/{} ready", states.back().second, model.size())}};
    return fitting({all, most, some, few}, width);
}

TopLine top_totals(const TopModel& model, std::size_t width) {
    if (model.interval() <= 0) return {{.text = "rates come with the next look"}};
    const TopRates total = model.total();
    const TopStyle drops = total.drops > 0 ? TopStyle::bad : TopStyle::plain;
    const TopStyle clear = total.clear > 0 ? TopStyle::warning : TopStyle::plain;
    const std::string out_bits = scaled(total.out_bits);
    const std::string in_bits = scaled(total.in_bits);
    const std::string packets =
        fmt::format("out {} p/s {} b/s  in {} p/s {} b/s", scaled(total.out_packets), out_bits,
                    scaled(total.in_packets), in_bits);
    const std::string bits = fmt::format("out {} in {} b/s", out_bits, in_bits);
    const std::string dropped = fmt::format("  {} drops/s", scaled(total.drops));
    const std::string cleared = fmt::format("  {} in clear/s", scaled(total.clear));
    return fitting(
        {{{.text = packets}, {.text = dropped, .style = drops}, {.text = cleared, .style = clear}},
         {{.text = packets}, {.text = dropped, .style = drops}},
         {{.text = bits}, {.text = dropped, .style = drops}}},
        width);
}

TopLine top_alarm(const TopModel& model, std::size_t width) {
    const auto& alarms = model.alarms();
    if (alarms.empty()) return {{.text = "no alarms", .style = TopStyle::good}};
    const TopAlarm& worst = alarms.front();
    const std::string count =
        alarms.size() == 1 ? "" : fmt::format("{} alarms (a): ", alarms.size());
    return cut({{.text = count + (worst.problem ? "PROBLEM " : "WARNING ") + worst.object + ": " +
                         worst.message,
                 .style = worst.problem ? TopStyle::bad : TopStyle::warning}},
               width);
}

}  // namespace wgs::cli
