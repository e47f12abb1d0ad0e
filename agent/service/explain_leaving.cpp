// SPDX-License-Identifier: Apache-2.0
// From a pod of this node to the wire, and what is known of the other end.
#include <fmt/format.h>

#include <algorithm>

#include "service/counters.h"
#include "service/explain_path.h"

namespace wgs {
namespace {

constexpr std::uint32_t kDataMessageBytes = 32;  // WireGuard's whitepaper, 5.4.6

// The way, while it is being found.
struct Leaving {
    const AgentView& agent;
    const Flow& flow;
    const Oracle& oracle;
    Judgement found;

    [[nodiscard]] bool is_steered() const { return found.answer.verdict == Verdict::steer; }
    void add(PathStep step) { found.path.push_back(std::move(step)); }
    // Besides what the reason says.
    void advise(const std::string& what) {
        const std::string_view known = reason_info(found.answer.reason).advice;
        found.advice = known.empty() ? what : fmt::format("{}; {}", what, known);
    }
};

// With `path: fast`, at the pod's veth.
void add_pod_hook(Leaving& way) {
    const auto& pods = way.agent.actual.steering.pods;
    const auto pod = pods.find(way.flow.source);
    if (way.agent.config.path != Path::fast || pod == pods.end()) return;
    const bool taken = way.found.answer.reason == WGS_REASON_steered;
    way.add({.step = "pod_out",
             .device = way.oracle.device(pod->second.ifindex),
             .verdict = taken ? "steer" : "pass",
             .reason = taken ? "steered" : "",
             .text = taken ? "into the tunnel at once, past the host's stack"
                           : "left to the host's stack, and nic_out behind it"});
}

// Ends the way.
void add_dead_end(Leaving& way, PathStep step) {
    step.verdict = "drop";
    step.text = fmt::format("no route to {}: the packet does not come as far as the NIC",
                            way.flow.destination.to_string());
    way.advise("the node has no route to the destination");
    way.add(std::move(step));
}

// Likewise.
void add_stay(Leaving& way, PathStep step) {
    step.text = way.flow.destination.to_string() + " is on this node: the packet does not leave";
    way.found.advice = "none: what does not leave the node is not judged";
    way.add(std::move(step));
}

// The device by which it leaves; empty: it does not.
std::string add_route(Leaving& way) {
    PathStep step{.step = "route"};
    const auto route = way.oracle.route(way.flow.destination);
    if (!route || !*route) {
        add_dead_end(way, std::move(step));
        return "";
    }
    const std::string device = way.oracle.device((*route)->ifindex);
    const auto hooked = devices_with(way.oracle, HookPoint::nic_out);
    const bool is_judged = std::ranges::find(hooked, device) != hooked.end();
    const auto owner = owner_of(way.agent, way.flow.destination);
    const bool is_ours = owner && owner->owner.peer == WGS_PEER_SELF;
    step.device = device;
    if ((*route)->local || (is_ours && !is_judged)) {
        add_stay(way, std::move(step));
        return "";
    }
    step.text = "to " + way.flow.destination.to_string();
    if ((*route)->gateway) step.text += " via " + (*route)->gateway->to_string();
    if (!is_judged) {
        step.text += "; nic_out is not at this device, so what leaves by it is not encrypted";
        if (owner) way.advise(fmt::format("name {} in 'underlay', or mend the route", device));
    }
    way.add(std::move(step));
    return device;
}

void add_tunnel(Leaving& way, const std::optional<FarEnd>& peer) {
    const std::uint32_t bytes = size_of(way.flow);
    const auto index = static_cast<TunnelIndex>(way.found.answer.tunnel);
    const TunnelState* tunnel = way.agent.actual.tunnel(index);
    PathStep step{.step = "tunnel", .device = device_of(way.agent, index)};
    const std::uint32_t own = tunnel == nullptr ? 0 : tunnel->mtu;
    const std::uint32_t mtu = peer && peer->slot->way.mtu != 0 ? peer->slot->way.mtu : own;
    step.text = fmt::format("takes {} bytes: {} {}", mtu, bytes, bytes <= mtu ? "fit" : "do not");
    if (tunnel != nullptr && !tunnel->up) step.text += "; the device is down";
    way.add(std::move(step));
}

// Of the outer packet, or in clear.
void add_wire(Leaving& way, const std::optional<FarEnd>& peer, const std::string& device) {
    PathStep step{.step = "wire", .device = device};
    if (!way.is_steered()) {
        step.text = "leaves in clear";
    } else if (peer && peer->session != nullptr && peer->session->endpoint) {
        const Endpoint& to = *peer->session->endpoint;
        const std::uint32_t outer = (to.address.family() == Family::v4 ? 28U : 48U) +
                                    (size_of(way.flow) + 15) / 16 * 16 + kDataMessageBytes;
        step.text = fmt::format("encrypted to {}", to.to_string());
        if (way.found.answer.reason != WGS_REASON_in_pieces)
            step.text += fmt::format(", {} bytes", outer);
    } else {
        step.text = "encrypted, but WireGuard knows no endpoint";
    }
    way.add(std::move(step));
}

// What this node can know of the other one.
void add_far_hooks(Leaving& way, const FarEnd& peer) {
    const std::string& name = peer.slot->record.name;
    const auto source = owner_of(way.agent, way.flow.source);
    if (way.is_steered()) {
        way.add({.step = "wg_in",
                 .text = source ? fmt::format("on {}: takes it if {} is ours there too", name,
                                              source->prefix.to_string())
                                : fmt::format("on {}", name)});
        way.add({.step = "nic_in",
                 .text = fmt::format("on {}: decrypted, goes on to {}", name,
                                     way.flow.destination.to_string())});
    } else if (source && source->owner.peer == WGS_PEER_SELF) {
        way.add({.step = "nic_in",
                 .text = fmt::format("on {}: in clear, passes only if its policy is prefer or it "
                                     "is not protected there",
                                     name)});
    }
}

// From the tunnel on. `device`: by which it leaves; empty: WireGuard's packet finds its own.
void add_rest(Leaving& way, const std::string& device) {
    const auto peer = far_end(way.agent, way.found.answer.peer);
    if (way.is_steered() || way.found.answer.reason == WGS_REASON_too_big) add_tunnel(way, peer);
    if (peer) way.add(peer_step(*peer, way.oracle.now));
    if (way.found.answer.verdict == Verdict::drop) return;
    add_wire(way, peer, device);
    if (peer) add_far_hooks(way, *peer);
}

}  // namespace

Result<Judgement> judge_leaving(const AgentView& agent, const Flow& flow, const Oracle& oracle) {
    Leaving way{.agent = agent, .flow = flow, .oracle = oracle, .found = {}};
    way.found.answer = WGS_TRY(oracle.judge(first_packet(flow), HookPoint::nic_out));
    way.add(end_step(agent, flow.source, oracle));
    add_pod_hook(way);
    const bool past_stack = way.found.path.back().verdict == "steer";
    const std::string device = past_stack ? "" : add_route(way);
    if (!device.empty()) way.add(hook_step(device, HookPoint::nic_out, way.found.answer));
    if (past_stack || !device.empty()) add_rest(way, device);
    return std::move(way.found);
}

}  // namespace wgs
