// SPDX-License-Identifier: Apache-2.0
// From the wire to a pod of this node.
#include <fmt/format.h>

#include <algorithm>

#include "service/counters.h"
#include "service/explain_path.h"

namespace wgs {
namespace {

struct Arriving {
    const AgentView& agent;
    const Flow& flow;
    const Oracle& oracle;
    Judgement found;

    void add(PathStep step) { found.path.push_back(std::move(step)); }
};

// Where encrypted and clear packets come in.
std::string wire_of(const Arriving& way, const std::optional<FarEnd>& peer) {
    const auto& underlays = way.agent.actual.underlays;
    if (peer) {
        const auto& rows = way.agent.actual.steering.underlays;
        const auto row = rows.find(peer->slot->way.underlay);
        if (row != rows.end()) return way.oracle.device(row->second.ifindex);
    }
    return underlays.empty() ? "" : underlays.front().name;
}

bool is_allowed(const Session& session, const IpAddress& source) {
    return std::ranges::any_of(session.allowed_ips,
                               [&](const Prefix& prefix) { return prefix.contains(source); });
}

void add_guard(Arriving& way, const std::string& device) {
    for (const HookStatus& hook : way.oracle.hooks) {
        if (hook.hook.point != HookPoint::nic_guard || hook.device != device) continue;
        way.add(
            {.step = "nic_guard",
             .device = device,
             .text = fmt::format("{}: drops malformed and excess handshakes{}", hook.kind,
                                 hook.kind == "native" && way.agent.config.policy == Policy::require
                                     ? ", and what nic_in would drop"
                                     : "")});
    }
}

// WireGuard's own check; false: it refuses the packet.
bool add_tunnel(Arriving& way, const FarEnd& peer) {
    const PeerRecord& record = peer.slot->record;
    const bool allowed = peer.session != nullptr && is_allowed(*peer.session, way.flow.source);
    way.add({.step = "tunnel",
             .device = device_of(way.agent, record.tunnel),
             .verdict = allowed ? "pass" : "drop",
             .text = fmt::format("{} {} an allowed IP of {}", way.flow.source.to_string(),
                                 allowed ? "is" : "is not", record.name)});
    return allowed;
}

// If it comes as it should.
Status add_encrypted(Arriving& way, const FarEnd& peer, const std::string& device) {
    way.add({.step = "nic_in",
             .device = device,
             .verdict = "pass",
             .reason = "outer_in",
             .text = std::string(reason_info(WGS_REASON_outer_in).text)});
    const bool allowed = add_tunnel(way, peer);
    way.found.answer = WGS_TRY(way.oracle.judge(first_bare_packet(way.flow), HookPoint::wg_in));
    if (!allowed) {
        way.found.answer.verdict = Verdict::drop;
        way.found.answer.reason = WGS_REASON_unknown_inner;
        return {};
    }
    way.add(hook_step(device_of(way.agent, peer.slot->record.tunnel), HookPoint::wg_in,
                      way.found.answer));
    if (way.found.answer.reason == WGS_REASON_decrypted)
        way.add({.step = "nic_in",
                 .device = device,
                 .verdict = "pass",
                 .reason = "decrypted",
                 .text = std::string(reason_info(WGS_REASON_decrypted).text)});
    return {};
}

}  // namespace

Result<Judgement> judge_arriving(const AgentView& agent, const Flow& flow, const Oracle& oracle) {
    Arriving way{.agent = agent, .flow = flow, .oracle = oracle, .found = {}};
    const Explanation clear = WGS_TRY(oracle.judge(first_packet(flow), HookPoint::nic_in));
    const auto source = owner_of(agent, flow.source);
    const auto peer = source ? far_end(agent, source->owner.peer) : std::nullopt;
    const std::string device = wire_of(way, peer);
    const bool encrypted =
        peer && peer->state == PeerState::ready && clear.reason == WGS_REASON_clear_in;
    if (peer) way.add(peer_step(*peer, oracle.now));
    add_guard(way, device);
    PathStep in_clear = hook_step(device, HookPoint::nic_in, clear);
    if (encrypted) {
        WGS_TRY(add_encrypted(way, *peer, device));
    } else {
        way.found.answer = clear;
        way.add(in_clear);
    }
    if (way.found.answer.verdict != Verdict::drop)
        way.add(end_step(agent, flow.destination, oracle));
    if (encrypted) {
        in_clear.step = "in_clear";
        in_clear.text = "if the peer sends it in clear: " + in_clear.text;
        way.add(std::move(in_clear));
    }
    return std::move(way.found);
}

}  // namespace wgs
