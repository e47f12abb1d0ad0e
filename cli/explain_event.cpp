// SPDX-License-Identifier: Apache-2.0
#include "explain_event.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "service/flow.h"
#include "text.h"

namespace wgs::cli {
namespace {

// What these packets were lies in bytes, or in a past, that an event does not tell.
bool is_beyond_repetition(const std::string& reason) {
    static const std::set<std::string> kReasons{"none",      "outer",    "not_ip", "neighbour",
                                                "truncated", "outer_in", "flood",  "bad_message"};
    return kReasons.contains(reason);
}

bool is_by_size(const std::string& reason) {
    return reason == "too_big" || reason == "in_pieces" || reason == "oversize";
}

// Some of a conversation's packets are delivered, others take the long way.
std::string kind_of(const std::string& reason) {
    return reason == "delivered" ? "decrypted" : reason;
}

bool is_same_step(const Event& event, const Json& step) {
    const std::string name = step.at("step");
    const bool in_clear = name == "in_clear" && event.reason != "decrypted";
    const std::string hook = event.hook == "nic_guard" ? "nic_in" : event.hook;
    return (name == hook || (hook == "nic_in" && in_clear)) &&
           text_or_dash(step.at("verdict")) == event.verdict &&
           kind_of(text_or_dash(step.at("reason"))) == kind_of(event.reason);
}

}  // namespace

std::optional<std::map<std::string, std::string>> question_of(const Event& event) {
    if (event.source.empty() || event.protocol == 255 || is_beyond_repetition(event.reason))
        return std::nullopt;
    const bool arrives =
        event.hook == "wg_in" || event.hook == "nic_in" || event.hook == "nic_guard";
    std::map<std::string, std::string> query{{"src", event.source},
                                             {"dst", event.destination},
                                             {"proto", std::to_string(event.protocol)},
                                             {"sport", std::to_string(event.source_port)},
                                             {"dport", std::to_string(event.destination_port)},
                                             {"way", arrives ? "in" : "out"}};
    // Others may have been larger than what goes to the wire, and cut by a device.
    if (is_by_size(event.reason))
        query["size"] = std::to_string(std::min(event.length, kMostTestBytes));
    if (event.reason == "in_pieces") query["fragment"] = "1";
    return query;
}

bool is_as_then(const Event& event, const Json& explanation) {
    if (event.hook == "leak_watch") return explanation.at("verdict") == "pass";
    if (event.hook == "nic_out" || event.hook == "pod_out")
        return explanation.at("verdict") == event.verdict &&
               explanation.at("reason") == event.reason;
    const Json::array_t& steps = items(explanation.at("path"));
    return std::ranges::any_of(steps, [&](const Json& step) { return is_same_step(event, step); });
}

}  // namespace wgs::cli
