// SPDX-License-Identifier: Apache-2.0
#include "explain.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "explain_event.h"
#include "output.h"
#include "query_options.h"
#include "render.h"
#include "service/counters.h"

namespace wgs::cli {
namespace {

using Json = nlohmann::ordered_json;
using Query = std::map<std::string, std::string>;

// What was asked, or the exit code.
tl::expected<std::string, int> ask(const Client& client, const Query& query) {
    const Result<Reply> reply = client.get("/v1/explain", query);
    if (!reply) return tl::unexpected(fail(kExitUnreachable, reply.error().message));
    if (reply->status == 400) return tl::unexpected(fail(kExitUsage, error_text(*reply)));
    if (reply->status != 200) return tl::unexpected(fail(kExitBad, error_text(*reply)));
    if (Json::accept(reply->body)) return reply->body;
    return tl::unexpected(fail(kExitUnreachable, "the agent's answer is not JSON"));
}

// The first line that is an event.
std::optional<std::string> read_event(std::istream& input) {
    for (std::string line; std::getline(input, line);) {
        if (parse_event_line(line).event) return line;
    }
    return std::nullopt;
}

Json words_of(const std::string& name) {
    for (const ReasonInfo& reason : kReasons) {
        if (reason.name == name) return {{"text", reason.text}, {"advice", reason.advice}};
    }
    return {{"text", "a reason that this command does not know"}, {"advice", ""}};
}

// {"event": with its reason in words, "now": the explanation or null, "same": or null}
tl::expected<Json, int> explain_line(const Client& client, const std::string& line) {
    const Event event = *parse_event_line(line).event;
    Json document = Json::object();
    document["event"] = Json::parse(line);
    document["event"].erase("snapshot");
    document["event"].update(words_of(event.reason));
    document["now"] = nullptr;
    document["same"] = nullptr;
    const auto query = question_of(event);
    if (!query) return document;
    const auto body = ask(client, *query);
    if (!body) return tl::unexpected(body.error());
    document["now"] = Json::parse(*body);
    document["same"] = is_as_then(event, nlohmann::json::parse(*body));
    return document;
}

int explain_event(const Client& client, const std::string& name, bool json) {
    std::ifstream file;
    if (name != "-") file.open(name);
    if (name != "-" && !file) return fail(kExitUsage, "cannot read " + name);
    const auto line = read_event(name == "-" ? std::cin : file);
    if (!line) return fail(kExitUsage, "no line of 'wgsteer monitor -o json' in the input");
    const auto document = explain_line(client, *line);
    if (!document) return document.error();
    print(json ? document->dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
               : render_past(*document, *parse_event_line(*line).event, colour_of_stdout()));
    return kExitFine;
}

int explain_flow(const Client& client, const Query& query, bool json) {
    if (!query.contains("src") || !query.contains("dst"))
        return fail(kExitUsage, "--src and --dst are needed, or --event");
    const auto body = ask(client, query);
    if (!body) return body.error();
    print(json ? *body : render_explanation(nlohmann::json::parse(*body), colour_of_stdout()));
    return kExitFine;
}

}  // namespace

void add_explain_options(CLI::App& app, ExplainOptions& options) {
    QueryOptions query(app, options.query);
    query.add("src", "Source address");
    query.add("dst", "Destination address");
    query.add("proto", "tcp (default), udp, icmp or a protocol number");
    query.add("sport", "Source port, or a range: 1024-65535");
    query.add("dport", "Destination port, likewise; not both of them");
    query.add("size", "Bytes of the packet from its IP header on, which may not be fragmented");
    query.add_flag("fragment", "It may be");
    query.add("way", "out or in; else by who owns the addresses");
    query.add_flag("both", "What the answer would meet as well");
    app.add_option("--event", options.event,
                   "What happened, and would now, to the packet of a line of 'monitor -o json', "
                   "from a file or standard input")
        ->expected(0, 1)
        ->default_str("-");
}

int explain(const Client& client, const ExplainOptions& options, bool json) {
    try {
        if (!options.event) return explain_flow(client, options.query, json);
        if (!options.query.empty()) return fail(kExitUsage, "--event says which packet it is");
        return explain_event(client, options.event->empty() ? "-" : *options.event, json);
    } catch (const nlohmann::json::exception& error) {
        return fail(kExitUnreachable,
                    std::string("the agent's answer has an unknown shape: ") + error.what());
    }
}

}  // namespace wgs::cli
