// SPDX-License-Identifier: Apache-2.0
#include "render.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

namespace wgs::cli {
namespace {

using Json = nlohmann::json;
using Row = std::vector<std::string>;

// Columns as wide as their widest cell; the last one is not padded.
std::string table(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths;
    for (const Row& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const Row& row : rows) {
        for (std::size_t i = 0; i + 1 < row.size(); ++i) {
            text += fmt::format("{:<{}}  ", row[i], widths[i]);
        }
        text += row.back() + "\n";
    }
    return text;
}

// For loops: nlohmann-json's own would take a single value for a list of one.
const Json::array_t& items(const Json& list) {
    return list.get_ref<const Json::array_t&>();
}

std::string text_or_dash(const Json& value) {
    if (value.is_null()) return "-";
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string joined(const Json& list) {
    std::string text;
    for (const Json& item : items(list))
        text += (text.empty() ? "" : " ") + text_or_dash(item);
    return text.empty() ? "-" : text;
}

std::string age(const Json& handshake, std::chrono::seconds now) {
    if (handshake.is_null()) return "never";
    return fmt::format("{} s ago",
                       std::max<std::int64_t>(0, now.count() - handshake.get<std::int64_t>()));
}

std::string bytes(const Json& count) {
    auto value = count.get<double>();
    for (const char* unit : {"B", "KiB", "MiB", "GiB"}) {
        if (value < 1024) return fmt::format("{:.{}f} {}", value, *unit == 'B' ? 0 : 1, unit);
        value /= 1024;
    }
    return fmt::format("{:.1f} TiB", value);
}

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

std::string render_status(const Json& status) {
    return render_lines("PROBLEM", status.at("problems")) +
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

std::string render_peers(const Json& peers, std::chrono::seconds now_since_epoch) {
    std::vector<Row> rows{{"NAME", "STATE", "ENDPOINT", "HANDSHAKE", "RECEIVED", "SENT", "STEERED",
                           "DROPPED", "PREFIXES"}};
    for (const Json& peer : items(peers)) {
        rows.push_back({text_or_dash(peer.at("name")), text_or_dash(peer.at("state")),
                        text_or_dash(peer.at("endpoint")),
                        age(peer.at("last_handshake"), now_since_epoch), bytes(peer.at("rx_bytes")),
                        bytes(peer.at("tx_bytes")), text_or_dash(peer.at("steered_packets")),
                        text_or_dash(peer.at("dropped_packets")), joined(peer.at("prefixes"))});
    }
    return table(rows);
}

std::string render_explanation(const Json& explanation) {
    std::vector<Row> rows{{"verdict", text_or_dash(explanation.at("verdict"))},
                          {"reason", text_or_dash(explanation.at("reason")) + ": " +
                                         text_or_dash(explanation.at("text"))},
                          {"peer", text_or_dash(explanation.at("peer"))},
                          {"prefix", text_or_dash(explanation.at("prefix"))},
                          {"tunnel", text_or_dash(explanation.at("tunnel"))}};
    const std::string advice = explanation.at("advice").get<std::string>();
    if (!advice.empty()) rows.push_back({"to do", advice});
    return table(rows);
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
