// SPDX-License-Identifier: Apache-2.0
#include "monitor.h"

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "flow_table.h"
#include "output.h"

namespace wgs::cli {
namespace {

int monitor_lines(const Client& client, const MonitorOptions& options, bool json) {
    const Colour colour = colour_of_stdout();
    if (!json && !write_all(STDOUT_FILENO, event_headings())) return kExitFine;
    return read_events(client, options.events, [&](const Event& event, std::string_view line) {
        return write_all(STDOUT_FILENO,
                         json ? std::string(line) + "\n" : render_event(event, colour));
    });
}

int monitor_flows(const Client& client, const MonitorOptions& options, bool json) {
    FlowTable flows;
    const int code = read_events(client, options.events, [&](const Event& event, std::string_view) {
        flows.add(event);
        return true;
    });
    if (code == kExitFine) write_all(STDOUT_FILENO, json ? flows.json() : flows.text());
    return code;
}

int show_recent_drops(const Client& client, bool json) {
    const Result<Reply> reply = client.get("/v1/recent-drops");
    if (!reply) return fail(kExitUnreachable, reply.error().message);
    if (reply->status != 200) return fail(kExitBad, error_text(*reply));
    if (json) {
        write_all(STDOUT_FILENO, reply->body);
        return kExitFine;
    }
    const Colour colour = colour_of_stdout();
    std::string text = event_headings();
    std::string_view left = reply->body;
    for (std::size_t end = left.find('\n'); end != std::string_view::npos; end = left.find('\n')) {
        if (const auto parsed = parse_event_line(left.substr(0, end)); parsed.event)
            text += render_event(*parsed.event, colour);
        left.remove_prefix(end + 1);
    }
    write_all(STDOUT_FILENO, text);
    return kExitFine;
}

}  // namespace

void add_monitor_options(CLI::App& app, MonitorOptions& options) {
    add_event_options(app, options.events);
    app.add_flag("--flows", options.flows, "Sums by flow at the end, instead of packets");
    app.add_flag("--recent", options.recent,
                 "The last drops that the agent remembers, each the first of its flow, and end");
}

int monitor(const Client& client, const MonitorOptions& options, bool json) {
    end_on_signals();
    if (options.recent) return show_recent_drops(client, json);
    return options.flows ? monitor_flows(client, options, json)
                         : monitor_lines(client, options, json);
}

}  // namespace wgs::cli
