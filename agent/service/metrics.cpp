// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <map>
#include <string_view>

#include "base/version.h"

namespace wgs {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
  public:
    void counter(const std::string& name, const char* help, const Labels& labels, double value) {
        ClientMetric metric{.label = labels};
        metric.counter.value = value;
        family(name, help, MetricType::Counter).metric.push_back(std::move(metric));
    }
    void gauge(const std::string& name, const char* help, const Labels& labels, double value) {
        ClientMetric metric{.label = labels};
        metric.gauge.value = value;
        family(name, help, MetricType::Gauge).metric.push_back(std::move(metric));
    }
    [[nodiscard]] std::string text() const { return prometheus::TextSerializer().Serialize(all_); }

  private:
    MetricFamily& family(const std::string& name, const char* help, MetricType type) {
        const auto [found, added] = index_.try_emplace(name, all_.size());
        if (added) all_.push_back({.name = name, .help = help, .type = type});
        return all_[found->second];
    }
    std::vector<MetricFamily> all_;
    std::map<std::string, std::size_t> index_;
};

void add_verdicts(Families& families, const std::vector<VerdictTotal>& totals) {
    for (const VerdictTotal& total : totals) {
        const Labels labels{{"hook", std::string(to_string(total.point))},
                            {"reason", std::string(reason_info(total.reason).name)}};
        families.counter("wgsteer_verdict_packets_total", "Packets judged, by hook and reason.",
                         labels, static_cast<double>(total.counter.packets));
        families.counter("wgsteer_verdict_bytes_total",
                         "Layer-3 bytes of packets judged, by hook and reason.", labels,
                         static_cast<double>(total.counter.bytes));
    }
}

void add_leaks(Families& families, const AgentView& agent) {
    if (!agent.config.leak_watch) return;
    const wgs_counter& total = agent.leaks.total();
    families.counter("wgsteer_leaked_packets_total",
                     "Packets that left in clear between protected prefixes.", {},
                     static_cast<double>(total.packets));
    families.counter("wgsteer_leaked_bytes_total", "Layer-3 bytes of leaked packets.", {},
                     static_cast<double>(total.bytes));
    const bool passed = agent.leaks.self_test().outcome == SelfTest::passed;
    families.gauge("wgsteer_leak_watch_passed", "1 if the watcher has passed its self-test.", {},
                   passed ? 1 : 0);
}

// With several tunnels one label more says in which one.
Labels labels_of(const AgentView& agent, const PeerName& peer) {
    Labels labels{{"peer", peer.node}};
    const std::vector<TunnelConfig> tunnels = agent.config.wireguard.tunnels();
    if (tunnels.size() > 1 && peer.tunnel < tunnels.size())
        labels.push_back({"tunnel", tunnels[peer.tunnel].device});
    return labels;
}

void add_peer_packets(Families& families, const AgentView& agent, const PeerCounts& counts) {
    for (const auto& [peer, totals] : counts) {
        const auto add = [&, labels = labels_of(agent, peer)](const char* verdict,
                                                              std::uint64_t packets) {
            Labels all = labels;
            all.push_back({"verdict", verdict});
            families.counter("wgsteer_peer_packets_total", "Packets of a peer, by verdict.", all,
                             static_cast<double>(packets));
        };
        add("steered", totals.steered);
        add("dropped", totals.dropped);
        add("clear", totals.clear);
        add("decrypted", totals.decrypted);
    }
}

void add_session(Families& families, const Labels& labels, const Session& session) {
    families.counter("wgsteer_peer_receive_bytes_total", "Bytes WireGuard received from the peer.",
                     labels, static_cast<double>(session.rx_bytes));
    families.counter("wgsteer_peer_transmit_bytes_total", "Bytes WireGuard sent to the peer.",
                     labels, static_cast<double>(session.tx_bytes));
    if (!session.last_handshake) return;
    const std::chrono::duration<double> since_epoch = session.last_handshake->time_since_epoch();
    families.gauge("wgsteer_peer_last_handshake_timestamp_seconds",
                   "When the last handshake with the peer completed, in Unix time.", labels,
                   since_epoch.count());
}

void add_peers(Families& families, const AgentView& agent) {
    for (const auto& [peer, state] : agent.states) {
        families.gauge("wgsteer_peer_ready", "1 if traffic to the peer is steered.",
                       labels_of(agent, peer), state == PeerState::ready ? 1 : 0);
    }
    for (const auto& [node, cached] : agent.peers) {
        for (const auto& [index, tunnel] : agent.actual.tunnels) {
            const auto& public_key = cached.tunnels.at(index).public_key;
            if (!public_key) continue;
            const auto session = tunnel.sessions.find(*public_key);
            if (session != tunnel.sessions.end())
                add_session(families, labels_of(agent, {node, index}), session->second);
        }
    }
}

void add_peer_states(Families& families, const AgentView& agent) {
    std::map<PeerState, int> counts{{PeerState::ready, 0},
                                    {PeerState::waiting, 0},
                                    {PeerState::no_key, 0},
                                    {PeerState::conflict, 0},
                                    {PeerState::stalled, 0}};
    for (const auto& [peer, state] : agent.states)
        ++counts[state];
    for (const auto& [state, count] : counts) {
        families.gauge("wgsteer_peers", "Peers by state.",
                       {{"state", std::string(to_string(state))}}, count);
    }
}

// Alarms are bounded, so are the series.
void add_alarms(Families& families, const AgentView& agent) {
    for (const auto& [finding, since] : agent.alarms) {
        families.gauge("wgsteer_alarm", "What is wrong now, as 'wgsteer status' tells it; 1.",
                       {{"kind", std::string(to_string(finding.kind))},
                        {"object", finding.object},
                        {"severity", std::string(to_string(finding.severity))}},
                       1);
    }
}

}  // namespace

std::string metrics_text(const AgentView& agent, const std::vector<VerdictTotal>& totals,
                         const PeerCounts& counts) {
    Families families;
    families.gauge("wgsteer_build_info", "Always 1; the version is in the label.",
                   {{"version", std::string(kVersion)}}, 1);
    families.gauge("wgsteer_in_sync", "1 if the kernel is as it should be.", {},
                   agent.in_sync ? 1 : 0);
    families.gauge("wgsteer_source_complete",
                   "1 if the source has told everything, so that leftovers may be removed.", {},
                   agent.source_complete ? 1 : 0);
    families.gauge("wgsteer_problems", "What keeps the agent from doing all it should.", {},
                   static_cast<double>(agent.problems.size()));
    families.gauge("wgsteer_rejected_claims", "Claims of nodes that a rule refuses now.", {},
                   static_cast<double>(agent.rejections));
    families.counter("wgsteer_plan_steps_total", "Changes made to the kernel.", {},
                     static_cast<double>(agent.changes_made));
    add_alarms(families, agent);
    add_leaks(families, agent);
    add_peer_states(families, agent);
    add_peers(families, agent);
    add_verdicts(families, totals);
    add_peer_packets(families, agent, counts);
    return families.text();
}

}  // namespace wgs
