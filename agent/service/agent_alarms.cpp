// SPDX-License-Identifier: Apache-2.0
// What the agent finds wrong, with itself and with others.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

#include "service/agent.h"
#include "service/findings.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

// Somebody may mend by then what keeps the kernel from taking a change.
constexpr auto kLongestFailure = 60s;

std::uint64_t packets_of(const std::vector<VerdictTotal>& totals, wgs_reason reason) {
    std::uint64_t packets = 0;
    for (const VerdictTotal& total : totals) {
        if (total.reason == reason) packets += total.counter.packets;
    }
    return packets;
}

// Others have logged how these began, with more detail.
bool is_logged_elsewhere(AlarmKind kind) {
    return kind == AlarmKind::kernel || kind == AlarmKind::leak || kind == AlarmKind::source;
}

void log(const Alarms::Change& change) {
    const Finding& finding = change.alarm.finding;
    if (change.ended) {
        const auto lasted =
            std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - change.alarm.since);
        spdlog::info("alarm has ended: {} {}, after {} s", to_string(finding.kind), finding.object,
                     std::max<std::int64_t>(0, lasted.count()));
    } else if (!is_logged_elsewhere(finding.kind)) {
        spdlog::warn("alarm: {}", to_line(finding));
    }
}

}  // namespace

bool Agent::is_alive() const {
    return !failing_since_ || std::chrono::steady_clock::now() - *failing_since_ < kLongestFailure;
}

Status Agent::watch_packets() {
    const auto totals = WGS_TRY(steering_->verdict_totals());
    watch_chain(totals);
    return watch_odd_packets(totals);
}

void Agent::watch_chain(const std::vector<VerdictTotal>& totals) {
    const auto& tunnels = reconciler_->actual().tunnels;
    // Before there is any, nothing has been sent; of two, one alone says nothing.
    if (!tunnels.empty() && tunnels.size() < wireguard_.size()) return;
    ChainWatch::Traffic traffic{.seen = packets_of(totals, WGS_REASON_outer)};
    for (const auto& [index, tunnel] : tunnels) {
        for (const auto& [key, session] : tunnel.sessions) {
            traffic.sent += session.tx_bytes;
            traffic.received += session.rx_bytes;
        }
    }
    chain_.note(traffic);
}

Status Agent::watch_odd_packets(const std::vector<VerdictTotal>& totals) {
    const OddPackets total{.clear_in = packets_of(totals, WGS_REASON_clear_in),
                           .too_big = packets_of(totals, WGS_REASON_too_big),
                           .oversize = packets_of(totals, WGS_REASON_oversize)};
    if (!odd_packets_.has_moved(total)) return {};
    std::map<std::string, OddPackets> by_peer;
    for (const auto& [id, slot] : reconciler_->actual().steering.slots) {
        const wgs_peer_stats stats = WGS_TRY(steering_->peer_stats(id));
        OddPackets& sum = by_peer[slot.record.name];  // in all tunnels
        sum.clear_in += stats.by_reason[WGS_REASON_clear_in].packets;
        sum.too_big += stats.by_reason[WGS_REASON_too_big].packets;
        sum.oversize += stats.by_reason[WGS_REASON_oversize].packets;
    }
    odd_packets_.note(std::chrono::steady_clock::now(), total, by_peer);
    return {};
}

void Agent::follow_lost_hooks() {
    const auto& underlays = reconciler_->actual().underlays;
    for (const Hook& hook : reconciler_->take_lost_hooks()) {
        const auto device = std::ranges::find(underlays, hook.ifindex, &Underlay::ifindex);
        if (device == underlays.end()) continue;
        lost_hooks_["wgs_" + std::string(to_string(hook.point)) + " of " + device->name].add(
            std::chrono::steady_clock::now());
    }
}

// The end of wireguard-go shows as the loss of its device.
void Agent::follow_lost_devices() {
    for (const auto& [index, tunnel] : reconciler_->actual().tunnels) {
        const auto [known, first] = devices_.try_emplace(index, tunnel.ifindex);
        if (!first && known->second != tunnel.ifindex)
            lost_devices_.add(std::chrono::steady_clock::now());
        known->second = tunnel.ifindex;
    }
}

void Agent::follow_meddling() {
    for (const Meddling& meddling : reconciler_->take_meddling()) {
        for (const auto& [tunnel, deeds] : meddling) {
            for (const std::string_view deed : deeds)
                meddling_[config_.wireguard.tunnels()[tunnel].device][std::string(deed)].add(
                    std::chrono::steady_clock::now());
        }
    }
}

// Two agents with one name take it in turns to publish their keys.
void Agent::follow_names() {
    for (const std::string& name : cache_->take_rekeyed())
        new_keys_[name].add(std::chrono::steady_clock::now());
}

std::vector<Finding> Agent::find_problems() {
    const ActualState& actual = reconciler_->actual();
    const Steady now = std::chrono::steady_clock::now();
    clock_.note(now, Clock::now());
    Facts facts{.config = config_,
                .peers = cache_->peers(),
                .states = reconciler_->states(),
                .rejections = cache_->rejections(),
                .backend = backend(),
                .now = now,
                .failure = failure_,
                .leaks = leaks_.problems(Clock::now()),
                .chain = chain_.problems(),
                .plan = reconciler_->problems(),
                .source = source_->problems(),
                .secret_files = secrets_ ? secrets_->problems() : std::vector<Problem>(),
                .secrets = &secrets(),
                .underlays = actual.underlays,
                .odd = odd_packets_.odd(now),
                .lost_devices = lost_devices_.count(now),
                .clock_behind = clock_.behind(),
                .clock_ahead = clock_.ahead(now)};
    std::ranges::move(cautious_->problems(), std::back_inserter(facts.source));
    for (TunnelIndex index = 0; index < wireguard_.size(); ++index) {
        const TunnelState* tunnel = actual.tunnel(index);
        facts.tunnels.push_back({.sessions = tunnel != nullptr ? &tunnel->sessions : nullptr,
                                 .ailments = &reconciler_->ailments(index)});
    }
    for (const auto& [name, state] : facts.states) {
        const auto node = facts.peers.find(name.node);
        if (state != PeerState::waiting || node == facts.peers.end()) continue;
        const TunnelPeer& peer = node->second.tunnels[name.tunnel];
        if (!is_programmable(peer)) continue;
        if (const auto since = reconciler_->waits_since(name.tunnel, *peer.public_key))
            facts.waiting.emplace(name, *since);
    }
    for (auto& [hook, events] : lost_hooks_) {
        if (const std::size_t count = events.count(now)) facts.lost_hooks.emplace(hook, count);
    }
    for (auto& [device, deeds] : meddling_) {
        for (auto& [deed, events] : deeds) {
            if (events.count(now) != 0) facts.meddling[device].insert(deed);
        }
    }
    for (auto entry = new_keys_.begin(); entry != new_keys_.end();) {
        const std::size_t count = entry->second.count(now);
        if (count != 0) facts.new_keys.emplace(entry->first, count);
        entry = count != 0 ? std::next(entry) : new_keys_.erase(entry);
    }
    return find_what_is_wrong(facts);
}

void Agent::raise_alarms() {
    for (const Alarms::Change& change : alarms_.note(find_problems(), Clock::now()))
        log(change);
}

std::vector<Problem> Agent::problems() const {
    std::vector<Problem> problems;
    for (const Alarm& alarm : alarms_.active()) {
        if (alarm.finding.severity == Severity::problem)
            problems.push_back({.object = alarm.finding.object, .message = alarm.finding.message});
    }
    return problems;
}

}  // namespace wgs
