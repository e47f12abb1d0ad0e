// SPDX-License-Identifier: Apache-2.0
#include "service/documents.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/version.h"

namespace wgs {
namespace {

using Json = nlohmann::ordered_json;

// Names come from files and the kernel: what is not UTF-8 is replaced, never thrown on.
std::string text(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

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

Json device_of(const AgentView& agent, std::size_t tunnel) {
    const std::vector<TunnelConfig> all = agent.config.wireguard.tunnels();
    return tunnel < all.size() ? Json(all[tunnel].device) : Json();
}

Json tunnels(const AgentView& agent) {
    Json list = Json::array();
    for (const auto& [index, tunnel] : agent.actual.tunnels) {
        list.push_back({{"device", device_of(agent, index)},
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

std::int64_t epoch_seconds(Clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
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

const Session* session_of(const AgentView& agent, const CachedPeer& peer, TunnelIndex index) {
    const TunnelState* tunnel = agent.actual.tunnel(index);
    const auto& public_key = peer.tunnels[index].public_key;
    if (tunnel == nullptr || !public_key) return nullptr;
    const auto found = tunnel->sessions.find(*public_key);
    return found == tunnel->sessions.end() ? nullptr : &found->second;
}

Json seconds_or_null(const Session* session) {
    if (session == nullptr || !session->last_handshake) return nullptr;
    return epoch_seconds(*session->last_handshake);
}

std::optional<Endpoint> endpoint_of(const TunnelPeer& peer, const Session* session) {
    return session != nullptr && session->endpoint ? session->endpoint : peer.endpoint;
}

template <class T>
Json text_or_null(const std::optional<T>& value) {
    return value ? Json(value->to_string()) : Json();
}

// Nothing was seen of a peer until the first plan with it is made.
PeerState state_of(const AgentView& agent, const PeerNameView& name) {
    const auto found = agent.states.find(name);
    return found == agent.states.end() ? PeerState::waiting : found->second;
}

Json pod_prefixes(const CachedPeer& peer, TunnelIndex tunnel) {
    Json list = Json::array();
    for (const auto& [prefix, prefix_class] : prefixes_in(peer, tunnel)) {
        if (prefix_class == PrefixClass::pod) list.push_back(prefix.to_string());
    }
    return list;
}

Json addresses(const CachedPeer& peer) {
    Json list = Json::array();
    for (const IpAddress& address : peer.info.addresses)
        list.push_back(address.to_string());
    return list;
}

Json refused_claims(const AgentView& agent, const std::string& name) {
    Json list = Json::array();
    for (const Rejection& refused :
         std::ranges::equal_range(agent.rejections, name, {}, &Rejection::node)) {
        list.push_back({{"claim", refused.what}, {"reason", refused.reason}});
    }
    return list;
}

Json peer_entry(const AgentView& agent, const PeerNameView& name, const CachedPeer& peer,
                const PeerTotals& totals) {
    const TunnelPeer& in_tunnel = peer.tunnels[name.tunnel];
    const auto& public_key = in_tunnel.public_key;
    const Session* session = session_of(agent, peer, name.tunnel);
    return {{"name", name.node},
            {"tunnel", device_of(agent, name.tunnel)},
            {"state", to_string(state_of(agent, name))},
            {"public_key", public_key ? Json(public_key->to_base64()) : Json()},
            {"endpoint", text_or_null(endpoint_of(in_tunnel, session))},
            {"prefixes", pod_prefixes(peer, name.tunnel)},
            {"addresses", addresses(peer)},
            {"refused", refused_claims(agent, std::string(name.node))},
            {"last_handshake", seconds_or_null(session)},
            {"rx_bytes", session != nullptr ? session->rx_bytes : 0},
            {"tx_bytes", session != nullptr ? session->tx_bytes : 0},
            {"steered_packets", totals.steered},
            {"dropped_packets", totals.dropped},
            {"clear_packets", totals.clear},
            {"decrypted_packets", totals.decrypted}};
}

// The longest prefix in the tables that holds the address.
std::optional<Prefix> matching_prefix(const AgentView& agent, const IpAddress& address) {
    std::optional<Prefix> best;
    for (const auto& [prefix, owner] : agent.actual.steering.prefixes) {
        if (prefix.contains(address) && (!best || prefix.length() > best->length())) best = prefix;
    }
    return best;
}

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

}  // namespace

std::string status_document(const AgentView& agent, const std::vector<VerdictTotal>& totals,
                            const std::vector<HookStatus>& attached) {
    const bool watched = agent.config.leak_watch;
    return text({{"node", agent.config.node},
                 {"version", kVersion},
                 {"policy", policy_name(agent.config.policy)},
                 {"hosts", agent.config.hosts},
                 {"path", agent.config.path == Path::fast ? "fast" : "transparent"},
                 {"fast_pods", agent.actual.steering.pods.size()},
                 {"in_sync", agent.in_sync},
                 {"source_complete", agent.source_complete},
                 {"peers", peer_counts(agent)},
                 {"tunnels", tunnels(agent)},
                 {"hooks", hooks(attached)},
                 {"verdicts", verdicts(totals)},
                 {"leaks", watched ? Json(agent.leaks.total().packets) : Json()},
                 {"leak_flows", leak_flows(agent)},
                 {"leak_watch", {{"enabled", watched}, {"self_test", self_test(agent)}}},
                 {"problems", problem_list(agent.problems)},
                 {"notes", problem_list(agent.notes)}});
}

std::string peers_document(const AgentView& agent, const PeerCounts& counts) {
    Json list = Json::array();
    for (const auto& [node, peer] : agent.peers) {
        for (const TunnelIndex tunnel : tunnels_of(peer)) {
            const PeerNameView name(node, tunnel);
            const auto counted = counts.find(name);
            list.push_back(peer_entry(agent, name, peer,
                                      counted == counts.end() ? PeerTotals() : counted->second));
        }
    }
    return text(list);
}

std::string explain_document(const AgentView& agent, const Flow& flow, const Explanation& answer) {
    const bool steered = answer.verdict == Verdict::steer;
    const bool owned = answer.peer != WGS_PEER_NONE;
    return text({{"verdict", to_string(answer.verdict)},
                 {"reason", reason_info(answer.reason).name},
                 {"text", reason_info(answer.reason).text},
                 {"advice", reason_info(answer.reason).advice},
                 {"peer", owned ? Json(owner_name(agent, answer.peer)) : Json()},
                 {"prefix", text_or_null(matching_prefix(agent, flow.destination))},
                 {"tunnel", steered ? device_of(agent, answer.tunnel) : Json()}});
}

std::string leak_test_document(const AgentView& agent) {
    const bool watched = agent.config.leak_watch;
    return text({{"enabled", watched},
                 {"self_test", self_test(agent)},
                 {"detail", watched ? agent.leaks.self_test().detail : "leak_watch is off"}});
}

std::string version_document() {
    return text({{"version", kVersion}});
}

std::string error_document(const Error& error) {
    return text({{"error", error.message}});
}

}  // namespace wgs
