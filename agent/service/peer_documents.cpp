// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>

#include "service/documents.h"
#include "service/json_text.h"

namespace wgs {
namespace {

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

Json refused_claims(const AgentView& agent, std::string_view name) {
    Json list = Json::array();
    auto refused = std::ranges::lower_bound(agent.rejections, name, {}, &Rejection::node);
    for (; refused != agent.rejections.end() && refused->node == name; ++refused)
        list.push_back({{"claim", refused->what}, {"reason", refused->reason}});
    return list;
}

// The id of the cluster secret of both sides from which the session's pre-shared key is made.
Json secret_in_use(const AgentView& agent, const CachedPeer& peer, TunnelIndex index) {
    const Session* session = session_of(agent, peer, index);
    if (session == nullptr) return nullptr;
    const PublicKey& own = agent.actual.tunnel(index)->public_key;
    const PublicKey& key = *peer.tunnels[index].public_key;
    const ClusterSecret* secret = agent.secrets.common(own, key, peer.info.secrets);
    if (secret == nullptr) return nullptr;
    const PresharedKey wanted = agent.secrets.key_for(own, key, peer.info.secrets);
    return wanted.print() == session->preshared_key ? Json(secret->id()) : Json();
}

Json microseconds(std::optional<std::chrono::nanoseconds> duration) {
    return duration ? Json(static_cast<double>(duration->count()) / 1e3) : Json();
}

// Null: packets are not timed, or the peer is not in the tables.
Json crypto_latency(const PeerCrypto& all, const PeerNameView& name) {
    const auto found = all.find(name);
    if (found == all.end()) return nullptr;
    const wgs_crypto& crypto = found->second;
    return {{"samples", samples_of(crypto)},
            {"mean_us", microseconds(mean_of(crypto))},
            {"p50_us", microseconds(quantile_of(crypto, 0.5))},
            {"p99_us", microseconds(quantile_of(crypto, 0.99))}};
}

Json peer_entry(const AgentView& agent, const PeerNameView& name, const CachedPeer& peer,
                const PeerTotals& totals, const PeerCrypto& crypto) {
    const TunnelPeer& in_tunnel = peer.tunnels[name.tunnel];
    const auto& public_key = in_tunnel.public_key;
    const Session* session = session_of(agent, peer, name.tunnel);
    return {{"name", name.node},
            {"tunnel", text_or_null(device_of(agent, name.tunnel))},
            {"state", to_string(state_of(agent, name))},
            {"public_key", public_key ? Json(public_key->to_base64()) : Json()},
            {"endpoint", text_or_null(endpoint_of(in_tunnel, session))},
            {"published_endpoint", text_or_null(in_tunnel.endpoint)},
            {"prefixes", pod_prefixes(peer, name.tunnel)},
            {"addresses", addresses(peer)},
            {"refused", refused_claims(agent, name.node)},
            {"secret", secret_in_use(agent, peer, name.tunnel)},
            {"last_handshake", seconds_or_null(session)},
            {"rx_bytes", session != nullptr ? session->rx_bytes : 0},
            {"tx_bytes", session != nullptr ? session->tx_bytes : 0},
            {"steered_packets", totals.steered},
            {"dropped_packets", totals.dropped},
            {"clear_packets", totals.clear},
            {"decrypted_packets", totals.decrypted},
            {"crypto_latency", crypto_latency(crypto, name)}};
}

Json all_prefixes(const CachedPeer& peer, TunnelIndex tunnel) {
    Json list = Json::array();
    for (const auto& [prefix, prefix_class] : prefixes_in(peer, tunnel)) {
        list.push_back({{"prefix", prefix.to_string()},
                        {"class", prefix_class == PrefixClass::pod ? "pod" : "node"}});
    }
    return list;
}

// Packets of the peer by reason, those that are not zero.
Json reasons(const wgs_peer_stats& stats) {
    Json list = Json::array();
    for (const ReasonInfo& reason : kReasons) {
        const wgs_counter& counter = stats.by_reason[reason.number];
        if (counter.packets == 0) continue;
        list.push_back({{"reason", reason.name},
                        {"direction", reason.direction},
                        {"packets", counter.packets},
                        {"bytes", counter.bytes},
                        {"text", reason.text},
                        {"advice", reason.advice}});
    }
    return list;
}

Json alarms_of(const AgentView& agent, const std::string& name) {
    Json list = Json::array();
    for (const Alarm& alarm : agent.alarms) {
        if (alarm.finding.object == name) list.push_back(to_json(alarm));
    }
    return list;
}

// How packets for the peer travel.
Json way(const AgentView& agent, const PeerNameView& name) {
    const auto id = agent.actual.ids.of(name);
    if (!id) return nullptr;
    const PeerWay& way = agent.actual.steering.slots.at(*id).way;
    const auto row = agent.actual.steering.underlays.find(way.underlay);
    Json device;
    if (row != agent.actual.steering.underlays.end()) {
        const auto& all = agent.actual.underlays;
        const auto found = std::ranges::find(all, row->second.ifindex, &Underlay::ifindex);
        if (found != all.end()) device = found->name;
    }
    return {{"device", device}, {"mtu", way.mtu}, {"id", *id}};
}

const wgs_peer_stats& stats_of(const PeerStats& stats, const PeerNameView& name) {
    static const wgs_peer_stats kNone{};
    const auto found = stats.find(name);
    return found == stats.end() ? kNone : found->second;
}

// Both directions, as the programs have counted them: packets and layer-3 bytes.
void append_traffic(Json& row, const wgs_peer_stats& stats) {
    wgs_counter out{};
    wgs_counter in{};
    const auto add = [&](wgs_counter& sum, wgs_reason reason) {
        sum.packets += stats.by_reason[reason].packets;
        sum.bytes += stats.by_reason[reason].bytes;
    };
    for (const wgs_reason reason : {WGS_REASON_steered, WGS_REASON_in_pieces, WGS_REASON_oversize})
        add(out, reason);
    for (const wgs_reason reason : {WGS_REASON_decrypted, WGS_REASON_delivered})
        add(in, reason);
    row.push_back(out.packets);
    row.push_back(out.bytes);
    row.push_back(in.packets);
    row.push_back(in.bytes);
    row.push_back(stats.dropped.packets);
    row.push_back(peer_totals(stats).clear);
}

// Timed packets, and the microseconds of all of them together; null where none are timed.
void append_crypto(Json& row, const PeerCrypto& all, const PeerNameView& name) {
    const auto found = all.find(name);
    const bool timed = found != all.end();
    row.push_back(timed ? Json(samples_of(found->second)) : Json());
    row.push_back(timed ? Json(found->second.nanoseconds / 1000) : Json());
}

}  // namespace

std::string peers_document(const AgentView& agent, const PeerCounts& counts,
                           const PeerCrypto& crypto) {
    Json list = Json::array();
    for (const auto& [node, peer] : agent.peers) {
        for (const TunnelIndex tunnel : tunnels_of(peer)) {
            const PeerNameView name(node, tunnel);
            const auto counted = counts.find(name);
            list.push_back(peer_entry(agent, name, peer,
                                      counted == counts.end() ? PeerTotals() : counted->second,
                                      crypto));
        }
    }
    return to_text(list);
}

std::string peer_document(const AgentView& agent, const std::string& node,
                          const PeerStats& all_stats, const PeerCrypto& crypto) {
    const CachedPeer& peer = agent.peers.at(node);
    Json list = Json::array();
    for (const TunnelIndex tunnel : tunnels_of(peer)) {
        const PeerNameView name(node, tunnel);
        const wgs_peer_stats& stats = stats_of(all_stats, name);
        const Session* session = session_of(agent, peer, tunnel);
        Json entry = peer_entry(agent, name, peer, peer_totals(stats), crypto);
        entry["keepalive"] = session != nullptr ? session->keepalive.count() : 0;
        entry["way"] = way(agent, name);
        entry["all_prefixes"] = all_prefixes(peer, tunnel);
        entry["reasons"] = reasons(stats);
        entry["alarms"] = alarms_of(agent, node);
        list.push_back(std::move(entry));
    }
    return to_text(list);
}

std::string top_document(const AgentView& agent, const PeerStats& stats,
                         std::chrono::milliseconds now, const PeerCrypto& crypto) {
    Json rows = Json::array();
    for (const auto& [node, peer] : agent.peers) {
        for (const TunnelIndex tunnel : tunnels_of(peer)) {
            const PeerNameView name(node, tunnel);
            Json row = Json::array({node, to_string(state_of(agent, name)),
                                    seconds_or_null(session_of(agent, peer, tunnel))});
            append_traffic(row, stats_of(stats, name));
            row.push_back(text_or_null(device_of(agent, tunnel)));
            append_crypto(row, crypto, name);
            rows.push_back(std::move(row));
        }
    }
    Json alarms = Json::array();
    for (const Alarm& alarm : agent.alarms)
        alarms.push_back(to_json(alarm));
    return to_text({{"node", agent.config.node},
                    {"policy", agent.config.policy == Policy::require ? "require" : "prefer"},
                    {"in_sync", agent.in_sync},
                    {"milliseconds", now.count()},
                    {"alarms", std::move(alarms)},
                    {"columns",
                     {"name", "state", "last_handshake", "out_packets", "out_bytes", "in_packets",
                      "in_bytes", "dropped", "clear", "tunnel", "crypto_samples", "crypto_us"}},
                    {"peers", std::move(rows)}},
                   -1);
}

}  // namespace wgs
