// SPDX-License-Identifier: Apache-2.0
#include "service/view.h"

#include "service/agent.h"

namespace wgs {

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

Result<PeerStats> read_peer_stats(Agent& agent) {
    PeerStats all;
    for (const auto& [id, slot] : agent.reconciler().actual().steering.slots)
        all.insert_or_assign(slot.record.peer_name(), WGS_TRY(agent.steering().peer_stats(id)));
    return all;
}

Result<PeerStats> read_peer_stats(Agent& agent, const std::string& node) {
    PeerStats some;
    for (const auto& [id, slot] : agent.reconciler().actual().steering.slots) {
        if (slot.record.name == node)
            some.insert_or_assign(slot.record.peer_name(),
                                  WGS_TRY(agent.steering().peer_stats(id)));
    }
    return some;
}

Result<PeerCrypto> read_peer_crypto(Agent& agent) {
    PeerCrypto all;
    if (!times_packets(view_of(agent))) return all;
    for (const auto& [id, slot] : agent.reconciler().actual().steering.slots)
        all.insert_or_assign(slot.record.peer_name(), WGS_TRY(agent.steering().crypto_latency(id)));
    return all;
}

Result<PeerCrypto> read_peer_crypto(Agent& agent, const std::string& node) {
    PeerCrypto some;
    if (!times_packets(view_of(agent))) return some;
    for (const auto& [id, slot] : agent.reconciler().actual().steering.slots) {
        if (slot.record.name == node)
            some.insert_or_assign(slot.record.peer_name(),
                                  WGS_TRY(agent.steering().crypto_latency(id)));
    }
    return some;
}

}  // namespace wgs
