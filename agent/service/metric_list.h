// SPDX-License-Identifier: Apache-2.0
// Every metric of the agent, once: what is not in this list cannot be written, and docs/metrics.md
// is made from it.
#pragma once

#include <array>
#include <string_view>

namespace wgs {

// A summary here has no quantiles: NAME_sum, in seconds, and NAME_count.
enum class MetricKind { gauge, counter, summary, histogram };

// When a metric is there.
enum class MetricGroup {
    always,
    leaks,        // with `leak_watch`
    peers,        // for each peer, unless `metrics_per_peer` is off
    crypto,       // with `crypto_latency` and the kernel's WireGuard
    peer_crypto,  // then for each peer, unless `metrics_per_peer` is off
    cost,         // while the kernel measures the run time of BPF programs
    calico        // with `metrics_calico`, for each peer as well
};

struct MetricInfo {
    std::string_view name;
    MetricKind kind = MetricKind::gauge;
    MetricGroup group = MetricGroup::always;
    std::string_view labels;  // separated by blanks, in the order of their values
    std::string_view help;
};

/* clang-format off */
#define WGS_METRICS(X)                                                                             \
    X(build_info, "wgsteer_build_info", gauge, always, "version node", \
      "Always 1; version and name of the node are in the labels.") \
    X(in_sync, "wgsteer_in_sync", gauge, always, "", \
      "1 if the kernel is as it should be.") \
    X(problems, "wgsteer_problems", gauge, always, "", \
      "What keeps the agent from doing all it should, as many as wgsteer status shows.") \
    X(alarm, "wgsteer_alarm", gauge, always, "kind object severity", \
      "What is wrong now, as wgsteer status tells it; 1.") \
    X(rejected_claims, "wgsteer_rejected_claims", gauge, always, "", \
      "Claims of nodes that a rule refuses now.") \
    X(held_nodes, "wgsteer_held_nodes", gauge, always, "", \
      "Nodes that are gone from the source, but kept until time confirms it.") \
    X(tunnel_info, "wgsteer_tunnel_info", gauge, always, "device backend public_key", \
      "Always 1 for each tunnel of this node; what it is, is in the labels.") \
    X(tunnel_mtu, "wgsteer_tunnel_mtu_bytes", gauge, always, "device", \
      "The largest packet that fits into the tunnel.") \
    X(hooks, "wgsteer_hooks", gauge, always, "state", \
      "Places of programs: with the current one (current), with one of an earlier agent " \
      "(outdated), or refused by the device (refused).") \
    X(source_complete, "wgsteer_source_complete", gauge, always, "", \
      "1 if the source has told everything, so that leftovers may be removed.") \
    X(source_events, "wgsteer_source_events_total", counter, always, "event", \
      "What the source has told: nodes that came or changed (upsert), nodes that left (remove).") \
    X(source_errors, "wgsteer_source_errors_total", counter, always, "", \
      "Times the source could not use or do something; the last good state was kept.") \
    X(source_last_event, "wgsteer_source_last_event_timestamp_seconds", gauge, always, "", \
      "When the source last told something, in Unix time. In a quiet mesh this is long ago.") \
    X(source_problems, "wgsteer_source_problems", gauge, always, "", \
      "What the source cannot use or do now.") \
    X(runs, "wgsteer_reconcile_runs_total", counter, always, "", \
      "Times the kernel was brought in line, or found to be.") \
    X(failures, "wgsteer_reconcile_failures_total", counter, always, "", \
      "Of these the ones that ended with an error and were tried again.") \
    X(resync, "wgsteer_resync_duration_seconds", summary, always, "look", \
      "Readings of the kernel's state: of devices and hooks (devices), of everything (all).") \
    X(last_resync, "wgsteer_last_resync_timestamp_seconds", gauge, always, "", \
      "When everything in the kernel was last read, in Unix time.") \
    X(plan, "wgsteer_plan_duration_seconds", summary, always, "", \
      "Comparisons of what is with what should be.") \
    X(apply, "wgsteer_apply_duration_seconds", summary, always, "", \
      "Changes of the kernel, in slices of 50 ms at most.") \
    X(steps, "wgsteer_plan_steps_total", counter, always, "", \
      "Changes made to the kernel: rows, sessions, hooks.") \
    X(table_entries, "wgsteer_table_entries", gauge, always, "table", \
      "Rows in use of a BPF table; chunks of 64 KiB of steer4 and steer6.") \
    X(table_capacity, "wgsteer_table_capacity", gauge, always, "table", \
      "The most rows, or chunks, that the table takes.") \
    X(prefixes, "wgsteer_prefixes", gauge, always, "family", \
      "Prefixes with an owner in the steer tables.") \
    X(program_runs, "wgsteer_program_runs_total", counter, cost, "program", \
      "Packets that a BPF program was run on while the kernel measured.") \
    X(program_time, "wgsteer_program_run_seconds_total", counter, cost, "program", \
      "CPU time of a BPF program while the kernel measured.") \
    X(verdict_packets, "wgsteer_verdict_packets_total", counter, always, \
      "direction hook verdict reason", \
      "Packets judged. The verdict is what the policy now in force makes of the reason.") \
    X(verdict_bytes, "wgsteer_verdict_bytes_total", counter, always, \
      "direction hook verdict reason", \
      "Layer-3 bytes of packets judged, likewise.") \
    X(leaked_packets, "wgsteer_leaked_packets_total", counter, leaks, "", \
      "Packets that left in clear between protected prefixes.") \
    X(leaked_bytes, "wgsteer_leaked_bytes_total", counter, leaks, "", \
      "Layer-3 bytes of leaked packets.") \
    X(leak_watch_passed, "wgsteer_leak_watch_passed", gauge, leaks, "", \
      "1 if the watcher has passed its self-test.") \
    X(event_listeners, "wgsteer_event_listeners", gauge, always, "", \
      "Readers of events now, such as wgsteer monitor and wgsteer capture.") \
    X(events_lost, "wgsteer_events_lost_total", counter, always, "", \
      "Events that found no room in the kernel or whose reader was too slow.") \
    X(crypto, "wgsteer_crypto_seconds", histogram, crypto, "", \
      "Time of sampled packets from being steered to leaving encrypted.") \
    X(peers, "wgsteer_peers", gauge, always, "state", \
      "Peers by state.") \
    X(handshake_age, "wgsteer_oldest_handshake_timestamp_seconds", gauge, always, "", \
      "The oldest of the last handshakes with ready peers, in Unix time.") \
    X(peer_state, "wgsteer_peer_state", gauge, peers, "peer tunnel state", \
      "Always 1; the state of the peer is in the label.") \
    X(peer_ready, "wgsteer_peer_ready", gauge, peers, "peer tunnel", \
      "1 if traffic to the peer is steered.") \
    X(peer_handshake, "wgsteer_peer_last_handshake_timestamp_seconds", gauge, peers, "peer tunnel", \
      "When the last handshake with the peer completed, in Unix time; absent before the first.") \
    X(peer_received, "wgsteer_peer_receive_bytes_total", counter, peers, "peer tunnel", \
      "Bytes WireGuard received from the peer, headers included.") \
    X(peer_sent, "wgsteer_peer_transmit_bytes_total", counter, peers, "peer tunnel", \
      "Bytes WireGuard sent to the peer, headers included.") \
    X(peer_packets, "wgsteer_peer_packets_total", counter, peers, "peer tunnel verdict", \
      "Packets for the peer: steered, dropped, or sent as they were (clear); and from it: " \
      "decrypted.") \
    X(peer_crypto, "wgsteer_peer_crypto_seconds", histogram, peer_crypto, "peer tunnel", \
      "Likewise, of packets to the peer; absent before the first.") \
    X(process_cpu, "process_cpu_seconds_total", counter, always, "", \
      "CPU time of the agent.") \
    X(process_memory, "process_resident_memory_bytes", gauge, always, "", \
      "Resident memory of the agent.") \
    X(process_start, "process_start_time_seconds", gauge, always, "", \
      "When the agent was started, in Unix time.") \
    X(calico_meta, "wireguard_meta", gauge, calico, "hostname public_key iface listen_port", \
      "As Calico: always 1 for each tunnel of this node.") \
    X(calico_handshake, "wireguard_latest_handshake_seconds", gauge, calico, \
      "hostname public_key peer_key peer_endpoint", \
      "As Calico: when the last handshake with the peer completed, in Unix time; 0: never.") \
    X(calico_received, "wireguard_bytes_rcvd", counter, calico, \
      "hostname public_key peer_key peer_endpoint", \
      "As Calico: bytes received from the peer.") \
    X(calico_sent, "wireguard_bytes_sent", counter, calico, \
      "hostname public_key peer_key peer_endpoint", \
      "As Calico: bytes sent to the peer.")
/* clang-format on */

namespace metric {
#define WGS_METRIC_INFO(id, name_, kind_, group_, labels_, help_)                                  \
    inline constexpr MetricInfo id{.name = (name_),                                                \
                                   .kind = MetricKind::kind_,                                      \
                                   .group = MetricGroup::group_,                                   \
                                   .labels = (labels_),                                            \
                                   .help = (help_)};
WGS_METRICS(WGS_METRIC_INFO)
#undef WGS_METRIC_INFO
}  // namespace metric

inline constexpr std::array kMetrics{
#define WGS_METRIC_REFERENCE(id, name_, kind_, group_, labels_, help_) metric::id,
    WGS_METRICS(WGS_METRIC_REFERENCE)
#undef WGS_METRIC_REFERENCE
};

inline std::string_view to_string(MetricKind kind) {
    switch (kind) {
        case MetricKind::gauge:
            return "gauge";
        case MetricKind::counter:
            return "counter";
        case MetricKind::summary:
            return "summary";
        case MetricKind::histogram:
            return "histogram";
    }
    return "untyped";
}

}  // namespace wgs
