// SPDX-License-Identifier: Apache-2.0
#include "render.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "text.h"

namespace wgs::cli {
namespace {

std::string peer_summary(const Json& peers) {
    std::string text =
        fmt::format("{} of {} ready", peers.at("ready").get<int>(), peers.at("total").get<int>());
    for (const char* state : {"waiting", "no_key", "conflict", "stalled"}) {
        const int count = peers.at(state).get<int>();
        if (count != 0) text += fmt::format(", {} {}", count, state);
    }
    return text;
}

std::string render_lines(const char* label, const Json& problems) {
    std::string text;
    for (const Json& problem : items(problems)) {
        text += fmt::format("{}  {}: {}\n", label, problem.at("object").get<std::string>(),
                            problem.at("message").get<std::string>());
    }
    return text.empty() ? text : text + "\n";
}

std::string render_alarm(const Json& alarm, std::chrono::seconds now) {
    const bool problem = alarm.at("severity") == "problem";
    const std::string since = age(alarm.at("since"), now);
    std::string text =
        fmt::format("{}  {}: {}\n         {}, since {}", problem ? "PROBLEM" : "WARNING",
                    alarm.at("object").get<std::string>(), alarm.at("message").get<std::string>(),
                    alarm.at("kind").get<std::string>(), since);
    const std::string advice = alarm.at("advice").get<std::string>();
    return text + (advice.empty() ? "\n" : "; to do: " + advice + "\n");
}

// Alarms tell more than problems, which are all that an older agent has.
std::string render_troubles(const Json& status, std::chrono::seconds now) {
    const std::string problems = render_lines("PROBLEM", status.at("problems"));
    const auto alarms = status.find("alarms");
    if (alarms == status.end()) return problems;
    std::string text;
    for (const Json& alarm : items(*alarms))
        text += render_alarm(alarm, now);
    return text.empty() ? text : text + "\n";
}

std::string render_tunnels(const Json& tunnels) {
    std::vector<Row> rows;
    for (const Json& tunnel : items(tunnels)) {
        rows.push_back({"tunnel", text_or_dash(tunnel.at("device")),
                        text_or_dash(tunnel.at("backend")),
                        fmt::format("port {}", tunnel.at("port").get<int>()),
                        fmt::format("mtu {}", tunnel.at("mtu").get<int>()),
                        fmt::format("fwmark {:#x}", tunnel.at("fwmark").get<unsigned>()),
                        text_or_dash(tunnel.at("public_key"))});
    }
    return table(rows);
}

std::string render_hooks(const Json& hooks) {
    std::vector<Row> rows;
    for (const Json& hook : items(hooks)) {
        rows.push_back({"hook", text_or_dash(hook.at("device")), text_or_dash(hook.at("hook")),
                        text_or_dash(hook.at("program")), text_or_dash(hook.at("kind")),
                        hook.at("attached").get<bool>() ? "attached" : "OUTDATED"});
    }
    return table(rows);
}

std::string render_verdicts(const Json& verdicts) {
    std::vector<Row> rows;
    for (const auto& [reason, packets] : verdicts.get_ref<const Json::object_t&>()) {
        if (packets.get<std::uint64_t>() == 0) continue;
        rows.push_back({"packets", reason, packets.dump()});
    }
    return table(rows);
}

// The watcher's word counts only if it has passed its test.
std::string leak_summary(const Json& leaks, const Json& watcher) {
    if (leaks.is_null()) return "not watched";
    const std::string test = text_or_dash(watcher.at("self_test"));
    return test == "passed" ? leaks.dump() : leaks.dump() + ", self-test: " + test;
}

std::string render_leak_flows(const Json& flows) {
    std::vector<Row> rows;
    for (const Json& flow : items(flows))
        rows.push_back({"leak", text_or_dash(flow.at("text"))});
    return table(rows);
}

}  // namespace

std::string render_status(const Json& status, std::chrono::seconds now_since_epoch) {
    return render_troubles(status, now_since_epoch) +
           render_lines("NOTE", status.value("notes", Json::array())) +
           table({{"node", text_or_dash(status.at("node"))},
                  {"policy", text_or_dash(status.at("policy"))},
                  {"hosts", status.at("hosts").get<bool>() ? "encrypted" : "off"},
                  {"in sync", status.at("in_sync").get<bool>() ? "yes" : "NO"},
                  {"peers", peer_summary(status.at("peers"))},
                  {"leaks", leak_summary(status.at("leaks"), status.at("leak_watch"))}}) +
           render_leak_flows(status.at("leak_flows")) + "\n" +
           render_tunnels(status.at("tunnels")) + render_hooks(status.at("hooks")) + "\n" +
           render_verdicts(status.at("verdicts"));
}

std::string render_leak_test(const Json& test) {
    return table({{"self-test", text_or_dash(test.at("self_test"))},
                  {"detail", text_or_dash(test.at("detail"))}});
}

bool has_passed(const Json& leak_test) {
    return leak_test.at("self_test") == "passed";
}

bool is_healthy(const Json& status) {
    return status.at("in_sync").get<bool>() && items(status.at("problems")).empty();
}

}  // namespace wgs::cli
