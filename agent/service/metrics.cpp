// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"

#include <algorithm>
#include <map>

#include "base/version.h"
#include "bpf/lib/decide.h"
#include "service/metric_text.h"

namespace wgs {
namespace {

double seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

double unix_time(Clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void add_state(MetricText& text, const AgentView& agent) {
    text.begin(metric::build_info);
    text.sample({kVersion, agent.config.node}, 1);
    text.only(metric::in_sync, agent.in_sync ? 1 : 0);
    text.only(metric::problems, std::uint64_t{agent.problems.size()});
    text.only(metric::rejected_claims, std::uint64_t{agent.rejection_count});
    text.only(metric::held_nodes, std::uint64_t{agent.held_nodes});
}

void add_tunnels(MetricText& text, const AgentView& agent) {
    text.begin(metric::tunnel_info);
    for (const auto& [index, tunnel] : agent.actual.tunnels)
        text.sample(
            {device_of(agent, index), to_string(agent.backend), tunnel.public_key.to_base64()}, 1);
    text.begin(metric::tunnel_mtu);
    for (const auto& [index, tunnel] : agent.actual.tunnels)
        text.sample({device_of(agent, index)}, std::uint64_t{tunnel.mtu});
}

void add_hooks(MetricText& text, const HookState& hooks) {
    text.begin(metric::hooks);
    text.sample({"current"}, std::uint64_t{hooks.hooks.size()});
    text.sample({"outdated"}, std::uint64_t{hooks.outdated.size()});
    text.sample({"refused"}, std::uint64_t{hooks.refused.size()});
}

void add_source(MetricText& text, const AgentView& agent) {
    const SourceActivity& source = agent.source;
    text.only(metric::source_complete, agent.source_complete ? 1 : 0);
    text.begin(metric::source_events);
    text.sample({"upsert"}, source.upserts);
    text.sample({"remove"}, source.removals);
    text.only(metric::source_errors, source.errors);
    if (source.last_event) text.only(metric::source_last_event, unix_time(*source.last_event));
    text.only(metric::source_problems, std::uint64_t{source.problems});
}

void add_effort(MetricText& text, const AgentView& agent) {
    const ReconcilerEffort& effort = agent.effort;
    const auto sample = [&](MetricText::Values labels, const Effort& of) {
        text.sample(labels, seconds(of.time), of.count);
    };
    text.only(metric::runs, effort.runs);
    text.only(metric::failures, effort.failures);
    text.begin(metric::resync);
    sample({"devices"}, effort.looks_at_devices);
    sample({"all"}, effort.looks_at_all);
    if (effort.looks_at_all.count > 0)
        text.only(metric::last_resync, unix_time(effort.last_look_at_all));
    text.begin(metric::plan);
    sample({}, effort.plans);
    text.begin(metric::apply);
    sample({}, effort.applications);
    text.only(metric::steps, agent.changes_made);
}

void add_tables(MetricText& text, const AgentView& agent, const std::vector<TableUse>& tables) {
    text.begin(metric::table_entries);
    for (const TableUse& table : tables)
        text.sample({table.name}, table.entries);
    text.begin(metric::table_capacity);
    for (const TableUse& table : tables)
        text.sample({table.name}, table.capacity);
    const auto& prefixes = agent.actual.steering.prefixes;
    const auto ipv4 = static_cast<std::uint64_t>(std::ranges::count(
        prefixes, Family::v4, [](const auto& row) { return row.first.family(); }));
    text.begin(metric::prefixes);
    text.sample({"ipv4"}, ipv4);
    text.sample({"ipv6"}, std::uint64_t{prefixes.size()} - ipv4);
}

void add_programs(MetricText& text, const std::vector<ProgramCost>& programs) {
    if (programs.empty()) return;
    text.begin(metric::program_runs);
    for (const ProgramCost& program : programs)
        text.sample({program.name}, program.runs);
    text.begin(metric::program_time);
    for (const ProgramCost& program : programs)
        text.sample({program.name}, seconds(program.time));
}

bool is_outward(HookPoint point) {
    return point == HookPoint::nic_out || point == HookPoint::pod_out ||
           point == HookPoint::leak_watch;
}

std::string_view verdict_of(const VerdictTotal& total, Policy policy) {
    const auto bpf_policy = policy == Policy::require ? WGS_POLICY_REQUIRE : WGS_POLICY_PREFER;
    if (total.reason == WGS_REASON_bad_message || total.reason == WGS_REASON_flood) return "drop";
    switch (is_outward(total.point) ? wgs_out_verdict(total.reason, bpf_policy)
                                    : wgs_in_verdict(total.reason, bpf_policy)) {
        case WGS_VERDICT_STEER:
            return "steer";
        case WGS_VERDICT_DROP:
            return "drop";
        default:
            return "pass";
    }
}

void add_verdicts(MetricText& text, const MetricInfo& metric, Policy policy,
                  const std::vector<VerdictTotal>& totals, __u64 wgs_counter::*field) {
    text.begin(metric);
    for (const VerdictTotal& total : totals) {
        text.sample({is_outward(total.point) ? "out" : "in", to_string(total.point),
                     verdict_of(total, policy), reason_info(total.reason).name},
                    std::uint64_t{total.counter.*field});
    }
}

void add_leaks(MetricText& text, const AgentView& agent) {
    if (!agent.config.leak_watch) return;
    text.only(metric::leaked_packets, std::uint64_t{agent.leaks.total().packets});
    text.only(metric::leaked_bytes, std::uint64_t{agent.leaks.total().bytes});
    const bool passed = agent.leaks.self_test().outcome == SelfTest::passed;
    text.only(metric::leak_watch_passed, passed ? 1 : 0);
}

void add_peer_states(MetricText& text, const AgentView& agent) {
    std::map<PeerState, std::uint64_t> counts{{PeerState::ready, 0},
                                              {PeerState::waiting, 0},
                                              {PeerState::no_key, 0},
                                              {PeerState::conflict, 0},
                                              {PeerState::stalled, 0}};
    for (const auto& [peer, state] : agent.states)
        ++counts[state];
    text.begin(metric::peers);
    for (const auto& [state, count] : counts)
        text.sample({to_string(state)}, count);
}

// A peer in one tunnel, with what WireGuard knows of it.
struct PeerRow {
    std::string_view name;
    std::string_view device;
    TunnelIndex tunnel = 0;
    PeerState state = PeerState::no_key;
    const PublicKey* key = nullptr;
    const Session* session = nullptr;  // null: none
};

void find_session(const AgentView& agent, PeerRow& row) {
    const TunnelState* tunnel = agent.actual.tunnel(row.tunnel);
    const auto peer = agent.peers.find(std::string(row.name));
    if (tunnel == nullptr || peer == agent.peers.end()) return;
    const auto& key = peer->second.tunnels.at(row.tunnel).public_key;
    if (!key) return;
    const auto session = tunnel->sessions.find(*key);
    if (session == tunnel->sessions.end()) return;
    row.key = &session->first;
    row.session = &session->second;
}

std::vector<PeerRow> peer_rows(const AgentView& agent, const std::vector<std::string>& devices) {
    std::vector<PeerRow> rows;
    rows.reserve(agent.states.size());
    for (const auto& [peer, state] : agent.states) {
        if (peer.tunnel >= devices.size()) continue;
        PeerRow row{.name = peer.node,
                    .device = devices[peer.tunnel],
                    .tunnel = peer.tunnel,
                    .state = state};
        find_session(agent, row);
        rows.push_back(row);
    }
    return rows;
}

void add_oldest_handshake(MetricText& text, const std::vector<PeerRow>& peers) {
    std::optional<Clock::time_point> oldest;
    for (const PeerRow& peer : peers) {
        if (peer.state != PeerState::ready || !peer.session || !peer.session->last_handshake)
            continue;
        oldest = std::min(oldest.value_or(Clock::time_point::max()), *peer.session->last_handshake);
    }
    if (oldest) text.only(metric::handshake_age, unix_time(*oldest));
}

void add_handshakes(MetricText& text, const std::vector<PeerRow>& peers) {
    text.begin(metric::peer_handshake);
    for (const PeerRow& peer : peers) {
        if (peer.session && peer.session->last_handshake)
            text.sample({peer.name, peer.device}, unix_time(*peer.session->last_handshake));
    }
}

void add_peer_packets(MetricText& text, const PeerCounts& counts,
                      const std::vector<std::string>& devices) {
    text.begin(metric::peer_packets);
    for (const auto& [peer, totals] : counts) {
        const std::string_view device =
            peer.tunnel < devices.size() ? std::string_view(devices[peer.tunnel]) : "";
        text.sample({peer.node, device, "steered"}, totals.steered);
        text.sample({peer.node, device, "dropped"}, totals.dropped);
        text.sample({peer.node, device, "clear"}, totals.clear);
        text.sample({peer.node, device, "decrypted"}, totals.decrypted);
    }
}

void add_peers(MetricText& text, const std::vector<PeerRow>& peers) {
    text.begin(metric::peer_state);
    for (const PeerRow& peer : peers)
        text.sample({peer.name, peer.device, to_string(peer.state)}, 1);
    text.begin(metric::peer_ready);
    for (const PeerRow& peer : peers)
        text.sample({peer.name, peer.device}, peer.state == PeerState::ready ? 1 : 0);
    add_handshakes(text, peers);
    text.begin(metric::peer_received);
    for (const PeerRow& peer : peers)
        if (peer.session) text.sample({peer.name, peer.device}, peer.session->rx_bytes);
    text.begin(metric::peer_sent);
    for (const PeerRow& peer : peers)
        if (peer.session) text.sample({peer.name, peer.device}, peer.session->tx_bytes);
}

void add_calico(MetricText& text, const AgentView& agent, const std::vector<PeerRow>& peers) {
    if (!agent.config.metrics_calico) return;
    const std::string& host = agent.config.node;
    std::vector<std::string> own;  // keys, by tunnel
    text.begin(metric::calico_meta);
    for (const auto& [index, tunnel] : agent.actual.tunnels) {
        own.resize(index + std::size_t{1});
        own[index] = tunnel.public_key.to_base64();
        text.sample({host, own[index], device_of(agent, index), std::to_string(tunnel.port)}, 1);
    }
    const auto add = [&](const MetricInfo& metric, const auto& value) {
        text.begin(metric);
        for (const PeerRow& peer : peers) {
            if (!peer.session) continue;
            const auto& endpoint = peer.session->endpoint;
            text.sample({host, own.at(peer.tunnel), peer.key->to_base64(),
                         endpoint ? endpoint->to_string() : ""},
                        value(*peer.session));
        }
    };
    add(metric::calico_handshake, [](const Session& session) {
        return session.last_handshake ? unix_time(*session.last_handshake) : 0;
    });
    add(metric::calico_received, [](const Session& session) { return session.rx_bytes; });
    add(metric::calico_sent, [](const Session& session) { return session.tx_bytes; });
}

void add_process(MetricText& text, const ProcessUsage& usage) {
    text.only(metric::process_cpu, seconds(usage.cpu_time));
    text.only(metric::process_memory, usage.resident_bytes);
    text.only(metric::process_start, unix_time(usage.started));
}

// Alarms are bounded, so are the series.
void add_alarms(MetricText& text, const AgentView& agent) {
    text.begin(metric::alarm);
    for (const auto& [finding, since] : agent.alarms)
        text.sample({to_string(finding.kind), finding.object, to_string(finding.severity)}, 1);
}

// Of so many buckets only the last limit is told.
void add_histogram(MetricText& text, MetricText::Values labels, const wgs_crypto& crypto,
                   std::size_t together) {
    std::uint64_t count = 0;
    for (std::size_t bucket = 0; bucket < WGS_CRYPTO_BUCKETS; ++bucket) {
        count += crypto.buckets[bucket];
        if (bucket + 1 == WGS_CRYPTO_BUCKETS)
            text.bucket(labels, std::nullopt, count);
        else if (bucket % together == 0)
            text.bucket(labels, std::chrono::duration<double>(limit_of(bucket)).count(), count);
    }
    text.sample(labels, static_cast<double>(crypto.nanoseconds) / 1e9, count);
}

// A peer to which nothing was timed has no series: each costs fourteen.
void add_peer_crypto(MetricText& text, const PeerCrypto& peers,
                     const std::vector<std::string>& devices) {
    constexpr std::size_t kTogether = 2;
    if (peers.empty()) return;
    text.begin(metric::peer_crypto);
    for (const auto& [peer, crypto] : peers) {
        const std::string_view device =
            peer.tunnel < devices.size() ? std::string_view(devices[peer.tunnel]) : "";
        if (samples_of(crypto) > 0) add_histogram(text, {peer.node, device}, crypto, kTogether);
    }
}

void add_events(MetricText& text, const EventUse& events) {
    text.only(metric::event_listeners, events.listeners);
    text.only(metric::events_lost, events.lost);
}

}  // namespace

std::string metrics_text(const AgentView& agent, const Readings& readings) {
    MetricText text;
    add_state(text, agent);
    add_tunnels(text, agent);
    add_hooks(text, agent.actual.steering);
    add_source(text, agent);
    add_effort(text, agent);
    add_tables(text, agent, readings.tables);
    add_programs(text, readings.programs);
    const Policy policy = agent.config.policy;
    add_verdicts(text, metric::verdict_packets, policy, readings.totals, &wgs_counter::packets);
    add_verdicts(text, metric::verdict_bytes, policy, readings.totals, &wgs_counter::bytes);
    add_alarms(text, agent);
    add_leaks(text, agent);
    add_events(text, readings.events);
    if (readings.all_crypto) {
        text.begin(metric::crypto);
        add_histogram(text, {}, *readings.all_crypto, 1);
    }
    add_peer_states(text, agent);
    std::vector<std::string> devices;
    for (const TunnelConfig& tunnel : agent.config.wireguard.tunnels())
        devices.push_back(tunnel.device);
    const std::vector<PeerRow> peers = peer_rows(agent, devices);
    add_oldest_handshake(text, peers);
    if (agent.config.metrics_per_peer) {
        add_peers(text, peers);
        add_peer_packets(text, readings.counts, devices);
        add_peer_crypto(text, readings.crypto, devices);
    }
    add_calico(text, agent, peers);
    add_process(text, readings.process);
    return text.take();
}

}  // namespace wgs
