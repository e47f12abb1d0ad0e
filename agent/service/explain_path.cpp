// SPDX-License-Identifier: Apache-2.0
#include "service/explain_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "service/counters.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

std::string age(Clock::duration time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
    if (seconds < 300) return fmt::format("{} s ago", std::max<std::int64_t>(0, seconds));
    if (seconds < 3 * 3600) return fmt::format("{} min ago", seconds / 60);
    if (seconds < 3 * 86400) return fmt::format("{} h ago", seconds / 3600);
    return fmt::format("{} d ago", seconds / 86400);
}

std::string handshake_of(const Session& session, Clock::time_point now) {
    if (!session.last_handshake) return "no handshake yet";
    return "handshake " + age(now - *session.last_handshake);
}

}  // namespace

std::optional<FoundOwner> owner_of(const AgentView& agent, const IpAddress& address) {
    const auto& prefixes = agent.actual.steering.prefixes;
    for (int length = address.bits(); length >= 0; --length) {
        const auto found = prefixes.find(Prefix(address, length));
        if (found != prefixes.end()) return FoundOwner{found->first, found->second};
    }
    return std::nullopt;
}

std::optional<FarEnd> far_end(const AgentView& agent, PeerId id) {
    const auto& slots = agent.actual.steering.slots;
    const auto slot = slots.find(id);
    if (id < WGS_PEER_FIRST || slot == slots.end()) return std::nullopt;
    FarEnd peer{.slot = &slot->second};
    const PeerRecord& record = slot->second.record;
    if (const auto state = agent.states.find(record.peer_name()); state != agent.states.end())
        peer.state = state->second;
    if (const TunnelState* tunnel = agent.actual.tunnel(record.tunnel)) {
        const auto session = tunnel->sessions.find(record.public_key);
        if (session != tunnel->sessions.end()) peer.session = &session->second;
    }
    return peer;
}

std::vector<std::string> devices_with(const Oracle& oracle, HookPoint point) {
    std::vector<std::string> devices;
    for (const HookStatus& hook : oracle.hooks) {
        if (hook.hook.point == point) devices.push_back(hook.device);
    }
    return devices;
}

PathStep hook_step(std::string device, HookPoint point, const Explanation& answer) {
    const ReasonInfo& reason = reason_info(answer.reason);
    return {.step = std::string(to_string(point)),
            .device = std::move(device),
            .verdict = std::string(to_string(answer.verdict)),
            .reason = std::string(reason.name),
            .text = std::string(reason.text)};
}

PathStep peer_step(const FarEnd& peer, Clock::time_point now) {
    const std::string& name = peer.slot->record.name;
    PathStep step{.step = "peer", .text = fmt::format("{} is {}", name, to_string(peer.state))};
    if (peer.session == nullptr) {
        step.text += "; WireGuard does not know it";
        return step;
    }
    step.text += peer.session->endpoint ? ", at " + peer.session->endpoint->to_string()
                                        : ", nobody knows where";
    step.text += ", " + handshake_of(*peer.session, now);
    return step;
}

bool is_underlay(const AgentView& agent, std::uint32_t ifindex) {
    return std::ranges::find(agent.actual.underlays, ifindex, &Underlay::ifindex) !=
           agent.actual.underlays.end();
}

PathStep end_step(const AgentView& agent, const IpAddress& address, const Oracle& oracle) {
    PathStep step{.step = "pod", .text = address.to_string()};
    const auto route = oracle.route(address);
    if (!route || !*route) {
        step.text += ": no route leads there, so it is not on this node";
        return step;
    }
    step.device = oracle.device((*route)->ifindex);
    if ((*route)->local) {
        step.step = "node";
        step.text += " is this node's own";
    } else if (is_underlay(agent, (*route)->ifindex)) {
        step.step = "elsewhere";
        step.text += " is not on this node: its route leads to the wire";
    } else {
        step.text += " is behind it";
    }
    return step;
}

}  // namespace wgs
