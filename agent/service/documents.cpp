// SPDX-License-Identifier: Apache-2.0
#include "service/documents.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/version.h"
#include "service/agent.h"
#include "service/counters.h"

namespace wgs {
namespace {

using Json = nlohmann::ordered_json;

// Names come from files and the kernel: what is not UTF-8 is replaced, never thrown on.
std::string text(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string device_name(const Agent& agent, std::uint32_t ifindex) {
    const ActualState& actual = agent.reconciler().actual();
    if (actual.tunnel && actual.tunnel->ifindex == ifindex) return agent.config().wireguard.device;
    for (const Underlay& underlay : actual.underlays) {
        if (underlay.ifindex == ifindex) return underlay.name;
    }
    return std::to_string(ifindex);
}

std::string_view policy_name(Policy policy) {
    return policy == Policy::require ? "require" : "prefer";
}

Json peer_counts(const Agent& agent) {
    const auto& states = agent.reconciler().last_plan().states;
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

Json tunnels(const Agent& agent) {
    const auto& tunnel = agent.reconciler().actual().tunnel;
    Json list = Json::array();
    if (!tunnel) return list;
    list.push_back({{"device", agent.config().wireguard.device},
                    {"backend", to_string(agent.backend())},
                    {"public_key", tunnel->public_key.to_base64()},
                    {"port", tunnel->port},
                    {"mtu", tunnel->mtu},
                    {"fwmark", tunnel->fwmark},
                    {"up", tunnel->up}});
    return list;
}

Json hooks(const Agent& agent, const std::vector<HookStatus>& attached) {
    Json list = Json::array();
    for (const HookStatus& hook : attached) {
        list.push_back({{"device", device_name(agent, hook.hook.ifindex)},
                        {"hook", hook.hook.point == HookPoint::nic_out ? "egress" : "ingress"},
                        {"kind", hook.kind},
                        {"program", hook.program},
                        {"attached", hook.current}});
    }
    return list;
}

Json verdicts(const std::vector<VerdictTotal>& totals) {
    Json counts;
    for (const ReasonInfo& reason : kReasons) {
        if (reason.number == WGS_REASON_none) continue;
        std::uint64_t packets = 0;
        for (const VerdictTotal& total : totals) {
            if (total.reason == reason.number) packets += total.counter.packets;
        }
        counts[std::string(reason.name)] = packets;
    }
    return counts;
}

Json problems(const Agent& agent) {
    Json list = Json::array();
    for (const Problem& problem : agent.problems()) {
        list.push_back({{"object", problem.object}, {"message", problem.message}});
    }
    return list;
}

const PeerSlot* slot_of(const Agent& agent, const std::string& name, PeerId& id) {
    for (const auto& [slot_id, slot] : agent.reconciler().actual().steering.slots) {
        if (slot.record.name == name) {
            id = slot_id;
            return &slot;
        }
    }
    return nullptr;
}

const Session* session_of(const Agent& agent, const CachedPeer& peer) {
    const auto& tunnel = agent.reconciler().actual().tunnel;
    if (!tunnel || !peer.info.public_key) return nullptr;
    const auto found = tunnel->sessions.find(*peer.info.public_key);
    return found == tunnel->sessions.end() ? nullptr : &found->second;
}

Json seconds_or_null(const Session* session) {
    if (session == nullptr || !session->last_handshake) return nullptr;
    return std::chrono::duration_cast<std::chrono::seconds>(
               session->last_handshake->time_since_epoch())
        .count();
}

std::optional<Endpoint> endpoint_of(const CachedPeer& peer, const Session* session) {
    return session != nullptr && session->endpoint ? session->endpoint : peer.endpoint;
}

Result<Json> peer_entry(Agent& agent, const std::string& name, const CachedPeer& peer) {
    PeerId id = 0;
    wgs_peer_stats stats{};
    if (slot_of(agent, name, id) != nullptr) stats = WGS_TRY(agent.steering().peer_stats(id));
    const Session* session = session_of(agent, peer);
    const auto endpoint = endpoint_of(peer, session);

    const auto& states = agent.reconciler().last_plan().states;
    const auto state = states.find(name);
    Json entry{{"name", name},
               {"state", to_string(state == states.end() ? PeerState::waiting : state->second)}};
    entry["public_key"] =
        peer.info.public_key ? Json(peer.info.public_key->to_base64()) : Json(nullptr);
    entry["endpoint"] = endpoint ? Json(endpoint->to_string()) : Json(nullptr);
    entry["prefixes"] = Json::array();
    for (const auto& [prefix, prefix_class] : peer.prefixes) {
        if (prefix_class == PrefixClass::pod) entry["prefixes"].push_back(prefix.to_string());
    }
    entry["addresses"] = Json::array();
    for (const IpAddress& address : peer.info.addresses) {
        entry["addresses"].push_back(address.to_string());
    }
    entry["last_handshake"] = seconds_or_null(session);
    entry["rx_bytes"] = session != nullptr ? session->rx_bytes : 0;
    entry["tx_bytes"] = session != nullptr ? session->tx_bytes : 0;
    const PeerTotals totals = peer_totals(stats);
    entry["steered_packets"] = totals.steered;
    entry["dropped_packets"] = totals.dropped;
    entry["clear_packets"] = totals.clear;
    entry["decrypted_packets"] = totals.decrypted;
    return entry;
}

// The longest prefix in the tables that holds the address.
std::optional<Prefix> matching_prefix(const Agent& agent, const IpAddress& address) {
    std::optional<Prefix> best;
    for (const auto& [prefix, owner] : agent.reconciler().actual().steering.prefixes) {
        if (prefix.contains(address) && (!best || prefix.length() > best->length())) best = prefix;
    }
    return best;
}

std::string owner_name(const Agent& agent, PeerId id) {
    switch (id) {
        case WGS_PEER_SELF:
            return agent.config().node;
        case WGS_PEER_CLUSTER:
            return "(no node)";
        case WGS_PEER_GONE:
            return "(departed node)";
        default:
            break;
    }
    const auto& slots = agent.reconciler().actual().steering.slots;
    const auto slot = slots.find(id);
    return slot == slots.end() ? std::to_string(id) : slot->second.record.name;
}

}  // namespace

Result<std::string> status_document(Agent& agent) {
    const auto totals = WGS_TRY(agent.steering().verdict_totals());
    const auto attached = WGS_TRY(agent.steering().hooks());
    Json status{{"node", agent.config().node},
                {"version", kVersion},
                {"policy", policy_name(agent.config().policy)},
                {"hosts", agent.config().hosts},
                {"in_sync", agent.reconciler().in_sync()},
                {"source_complete", agent.cache().complete()}};
    status["peers"] = peer_counts(agent);
    status["tunnels"] = tunnels(agent);
    status["hooks"] = hooks(agent, attached);
    status["verdicts"] = verdicts(totals);
    status["leaks"] = nullptr;  // nothing watches the wire independently
    status["problems"] = problems(agent);
    return text(status);
}

Result<std::string> peers_document(Agent& agent) {
    Json list = Json::array();
    for (const auto& [name, peer] : agent.cache().peers()) {
        list.push_back(WGS_TRY(peer_entry(agent, name, peer)));
    }
    return text(list);
}

Result<std::string> explain_document(Agent& agent, const Flow& flow) {
    const Explanation answer = WGS_TRY(agent.steering().explain(first_packet(flow)));
    const auto prefix = matching_prefix(agent, flow.destination);
    Json document{{"verdict", to_string(answer.verdict)}};
    document["reason"] = reason_info(answer.reason).name;
    document["text"] = reason_info(answer.reason).text;
    document["peer"] = answer.peer != WGS_PEER_NONE ? Json(owner_name(agent, answer.peer)) : Json();
    document["prefix"] = prefix ? Json(prefix->to_string()) : Json();
    document["tunnel"] =
        answer.verdict == Verdict::steer ? Json(agent.config().wireguard.device) : Json();
    return text(document);
}

std::string version_document() {
    return text({{"version", kVersion}});
}

std::string error_document(const Error& error) {
    return text({{"error", error.message}});
}

}  // namespace wgs
