// SPDX-License-Identifier: Apache-2.0
#include "service/documents.h"

#include <algorithm>
#include <string_view>

#include "base/version.h"
#include "service/json_text.h"

namespace wgs {
namespace {

std::string_view policy_name(Policy policy) {
    return policy == Policy::require ? "require" : "prefer";
}

Json peer_counts(const AgentView& agent) {
    const auto& states = agent.states;
    const auto count = [&](PeerState state) {
        return std::ranges::count_if(states,
                                     [&](const auto& peer) { return peer.second == state; });
    };
    Json counts{{"total", states.size()}};
    for (const PeerState state : {PeerState::ready, PeerState::waiting, PeerState::no_key,
                                  PeerState::conflict, PeerState::stalled}) {
        counts[std::string(to_string(state))] = count(state);
    }
    return counts;
}

Json tunnels(const AgentView& agent) {
    Json list = Json::array();
    for (const auto& [index, tunnel] : agent.actual.tunnels) {
        list.push_back({{"device", text_or_null(device_of(agent, index))},
                        {"backend", to_string(agent.backend)},
                        {"public_key", tunnel.public_key.to_base64()},
                        {"port", tunnel.port},
                        {"mtu", tunnel.mtu},
                        {"fwmark", tunnel.fwmark},
                        {"up", tunnel.up}});
    }
    return list;
}

std::string_view hook_name(HookPoint point) {
    switch (point) {
        case HookPoint::nic_out:
        case HookPoint::leak_watch:
            return "egress";
        case HookPoint::nic_guard:
            return "xdp";
        default:
            return "ingress";
    }
}

Json hooks(const std::vector<HookStatus>& attached) {
    Json list = Json::array();
    for (const HookStatus& hook : attached) {
        list.push_back({{"device", hook.device},
                        {"hook", hook_name(hook.hook.point)},
                        {"kind", hook.kind},
                        {"program", hook.program},
                        {"attached", hook.current}});
    }
    return list;
}

// A decrypted packet meets two hooks, of which wg_in sees each one.
bool is_second_count(const VerdictTotal& total) {
    return total.point == HookPoint::nic_in && total.reason == WGS_REASON_decrypted;
}

// Packets by reason, each packet once.
Json verdicts(const std::vector<VerdictTotal>& totals) {
    Json counts;
    for (const ReasonInfo& reason : kReasons) {
        if (reason.number == WGS_REASON_none) continue;
        std::uint64_t packets = 0;
        for (const VerdictTotal& total : totals) {
            if (total.reason == reason.number && !is_second_count(total))
                packets += total.counter.packets;
        }
        counts[std::string(reason.name)] = packets;
    }
    return counts;
}

Json leak_flows(const AgentView& agent) {
    Json list = Json::array();
    for (const LeakFlow& leak : agent.leaks.flows()) {
        list.push_back({{"source", leak.flow.source.to_string()},
                        {"destination", leak.flow.destination.to_string()},
                        {"protocol", leak.flow.protocol},
                        {"source_port", leak.flow.source_port},
                        {"destination_port", leak.flow.destination_port},
                        {"device", leak.device},
                        {"packets", leak.packets},
                        {"bytes", leak.bytes},
                        {"first", epoch_seconds(leak.first)},
                        {"last", epoch_seconds(leak.last)},
                        {"text", to_string(leak)}});
    }
    return list;
}

Json self_test(const AgentView& agent) {
    if (!agent.config.leak_watch) return nullptr;
    return to_string(agent.leaks.self_test().outcome);
}

Json problem_list(const std::vector<Problem>& problems) {
    Json list = Json::array();
    for (const Problem& problem : problems) {
        list.push_back({{"object", problem.object}, {"message", problem.message}});
    }
    return list;
}

Json alarm_list(const std::vector<Alarm>& alarms) {
    Json list = Json::array();
    for (const Alarm& alarm : alarms)
        list.push_back(to_json(alarm));
    return list;
}

}  // namespace

std::string status_document(const AgentView& agent, const std::vector<VerdictTotal>& totals,
                            const std::vector<HookStatus>& attached) {
    const bool watched = agent.config.leak_watch;
    return to_text({{"node", agent.config.node},
                    {"version", kVersion},
                    {"policy", policy_name(agent.config.policy)},
                    {"hosts", agent.config.hosts},
                    {"path", agent.config.path == Path::fast ? "fast" : "transparent"},
                    {"fast_pods", agent.actual.steering.pods.size()},
                    {"starting", agent.starting},
                    {"in_sync", agent.in_sync},
                    {"source_complete", agent.source_complete},
                    {"secrets", agent.secrets.ids()},
                    {"peers", peer_counts(agent)},
                    {"tunnels", tunnels(agent)},
                    {"hooks", hooks(attached)},
                    {"verdicts", verdicts(totals)},
                    {"leaks", watched ? Json(agent.leaks.total().packets) : Json()},
                    {"leak_flows", leak_flows(agent)},
                    {"leak_watch", {{"enabled", watched}, {"self_test", self_test(agent)}}},
                    {"alarms", alarm_list(agent.alarms)},
                    {"problems", problem_list(agent.problems)},
                    {"notes", problem_list(agent.notes)}});
}

std::string leak_test_document(const AgentView& agent) {
    const bool watched = agent.config.leak_watch;
    return to_text({{"enabled", watched},
                    {"self_test", self_test(agent)},
                    {"detail", watched ? agent.leaks.self_test().detail : "leak_watch is off"}});
}

std::string version_document() {
    return to_text({{"version", kVersion}});
}

std::string error_document(const Error& error) {
    return to_text({{"error", error.message}});
}

}  // namespace wgs
