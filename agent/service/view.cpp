// SPDX-License-Identifier: Apache-2.0
#include "service/view.h"

#include "service/agent.h"

namespace wgs {
namespace {

// What `read` says of each peer in the tables, or of those of one node.
template <class Rows, class Read>
Result<Rows> read_rows(const Agent& agent, const std::optional<std::string>& node, Read read) {
    Rows rows;
    for (const auto& [id, slot] : agent.reconciler().actual().steering.slots) {
        if (!node || slot.record.name == *node)
            rows.insert_or_assign(slot.record.peer_name(), WGS_TRY(read(id)));
    }
    return rows;
}

}  // namespace

AgentView view_of(const Agent& agent) {
    const Reconciler& reconciler = agent.reconciler();
    return {.config = agent.config(),
            .peers = agent.cache().peers(),
            .states = reconciler.states(),
            .actual = reconciler.actual(),
            .leaks = agent.leaks(),
            .secrets = agent.secrets(),
            .backend = agent.backend(),
            .starting = agent.starting(),
            .in_sync = agent.in_sync(),
            .source_complete = agent.cache().complete(),
            .rejections = agent.cache().rejections(),
            .rejection_count = agent.cache().rejection_count(),
            .held_nodes = agent.held_nodes(),
            .changes_made = reconciler.changes_made(),
            .source = agent.source_activity(),
            .effort = reconciler.effort(),
            .problems = agent.problems(),
            .notes = agent.notes(),
            .alarms = agent.alarms()};
}

Result<PeerCounts> count_peers(Agent& agent) {
    PeerCounts counts;
    for (const auto& [id, slot] : agent.reconciler().actual().steering.slots) {
        counts[slot.record.peer_name()] += peer_totals(WGS_TRY(agent.steering().peer_stats(id)));
    }
    return counts;
}

Result<PeerStats> read_peer_stats(Agent& agent, const std::optional<std::string>& node) {
    return read_rows<PeerStats>(agent, node,
                                [&](PeerId id) { return agent.steering().peer_stats(id); });
}

Result<PeerCrypto> read_peer_crypto(Agent& agent, const std::optional<std::string>& node) {
    if (!times_packets(agent.config(), agent.backend())) return PeerCrypto();
    return read_rows<PeerCrypto>(agent, node,
                                 [&](PeerId id) { return agent.steering().crypto_latency(id); });
}

std::string device_of(const AgentView& agent, std::size_t tunnel) {
    const std::vector<TunnelConfig> all = agent.config.wireguard.tunnels();
    return tunnel < all.size() ? all[tunnel].device : "";
}

}  // namespace wgs
