// SPDX-License-Identifier: Apache-2.0
#include "service/explain.h"

#include <algorithm>

#include "service/counters.h"
#include "service/explain_path.h"
#include "service/json_text.h"

namespace wgs {
namespace {

std::string owner_name(const AgentView& agent, PeerId id) {
    switch (id) {
        case WGS_PEER_SELF:
            return agent.config.node;
        case WGS_PEER_CLUSTER:
            return "(no node)";
        case WGS_PEER_GONE:
            return "(departed node)";
        default:
            break;
    }
    const auto& slots = agent.actual.steering.slots;
    const auto slot = slots.find(id);
    return slot == slots.end() ? std::to_string(id) : slot->second.record.name;
}

Json path_of(const std::vector<PathStep>& steps) {
    Json list = Json::array();
    for (const PathStep& step : steps) {
        list.push_back({{"step", step.step},
                        {"device", text_or_null(step.device)},
                        {"verdict", text_or_null(step.verdict)},
                        {"reason", text_or_null(step.reason)},
                        {"text", step.text}});
    }
    return list;
}

Json words_of(const Explanation& answer) {
    const ReasonInfo& reason = reason_info(answer.reason);
    return {{"verdict", to_string(answer.verdict)},
            {"reason", reason.name},
            {"text", reason.text},
            {"advice", reason.advice}};
}

Way way_of(const AgentView& agent, const Flow& flow) {
    const auto is_ours = [&](const IpAddress& address) {
        const auto owner = owner_of(agent, address);
        return owner && owner->owner.peer == WGS_PEER_SELF;
    };
    return is_ours(flow.destination) && !is_ours(flow.source) ? Way::in : Way::out;
}

bool has_tunnel(Way way, const Explanation& answer) {
    return way == Way::in
               ? answer.reason == WGS_REASON_decrypted || answer.reason == WGS_REASON_delivered
               : answer.verdict == Verdict::steer;
}

Result<Json> explain_one(const AgentView& agent, const Flow& flow, Way way, const Oracle& oracle) {
    const Judgement found = WGS_TRY(way == Way::in ? judge_arriving(agent, flow, oracle)
                                                   : judge_leaving(agent, flow, oracle));
    const Explanation& answer = found.answer;
    const auto owner = owner_of(agent, flow.destination);
    Json document = Json::object();
    document["direction"] = way == Way::in ? "in" : "out";
    document.update(words_of(answer));
    if (!found.advice.empty()) document["advice"] = found.advice;
    document["peer"] = answer.peer != WGS_PEER_NONE ? Json(owner_name(agent, answer.peer)) : Json();
    document["prefix"] = owner ? Json(owner->prefix.to_string()) : Json();
    document["tunnel"] =
        text_or_null(has_tunnel(way, answer) ? device_of(agent, answer.tunnel) : "");
    document["size"] = size_of(flow);
    document["path"] = path_of(found.path);
    return document;
}

// Without the way, as far as that can be.
Result<Explanation> answer_to(const AgentView& agent, const Flow& flow, Way way,
                              const Oracle& oracle) {
    if (way == Way::out) return oracle.judge(first_packet(flow), HookPoint::nic_out);
    return WGS_TRY(judge_arriving(agent, flow, oracle)).answer;
}

// The answers for a range of ports, those that are alike together.
Result<Json> ranges(const AgentView& agent, const ExplainRequest& request, Way way,
                    const Oracle& oracle) {
    const bool of_source = request.source_ports.has_value();
    Flow flow = request.flow;
    const auto special = special_ports(flow.protocol, agent.actual.steering.bypass,
                                       agent.config.wireguard.tunnels());
    Json list = Json::array();
    for (const PortRange& piece :
         pieces_of(of_source ? *request.source_ports : *request.destination_ports, special)) {
        (of_source ? flow.source_port : flow.destination_port) = piece.first;
        Json words = words_of(WGS_TRY(answer_to(agent, flow, way, oracle)));
        if (!list.empty() && list.back()["verdict"] == words["verdict"] &&
            list.back()["reason"] == words["reason"]) {
            list.back()["last"] = piece.last;
            continue;
        }
        Json row{{"first", piece.first}, {"last", piece.last}};
        row.update(words);
        list.push_back(std::move(row));
    }
    return list;
}

}  // namespace

Result<std::string> explain_document(const AgentView& agent, const ExplainRequest& request,
                                     const Oracle& oracle) {
    const Way way = request.way.value_or(way_of(agent, request.flow));
    Json document = WGS_TRY(explain_one(agent, request.flow, way, oracle));
    if (request.source_ports || request.destination_ports) {
        document["range_of"] = request.source_ports ? "sport" : "dport";
        document["ranges"] = WGS_TRY(ranges(agent, request, way, oracle));
    }
    if (request.both)
        document["reply"] = WGS_TRY(
            explain_one(agent, reverse(request.flow), way == Way::in ? Way::out : Way::in, oracle));
    return to_text(document);
}

}  // namespace wgs
