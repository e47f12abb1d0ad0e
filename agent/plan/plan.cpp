// SPDX-License-Identifier: Apache-2.0
#include "plan/plan.h"

#include <algorithm>
#include <vector>

#include "plan/planner.h"

namespace wgs {

Planner::Planner(const DesiredState& desired, const ActualState& actual, Clock::time_point now,
                 const Scope& scope)
    : desired_(desired),
      actual_(actual),
      now_(now),
      scope_(scope),
      source_addresses_stale_(own_address_left()),
      pods_(servable_pods()) {}

Plan Planner::run() {
    match_peers();
    match_sessions();
    decide_states();
    if (destroy_tunnels()) return std::move(plan_);
    gather_rows();
    compare_watch();
    weaken_watch();
    tunnels();
    number_underlays();
    if (scope_.devices) {
        set_underlays();
        set_bypass();
        withdraw_pods();
        hooks();
        serve_pods();
    }
    bind_peers();
    set_ways();
    for (TunnelIndex tunnel = 0; tunnel < desired_.tunnels.size(); ++tunnel) {
        if (sessions_possible(tunnel)) add_sessions(tunnel);
    }
    promote_peers(Moment::before_prefixes);
    point_prefixes();
    remove_prefixes();
    withdraw_peers();
    update_records();
    remove_sessions();
    promote_peers(Moment::after_prefixes);
    replace_hooks();
    release_ids();
    if (scope_.devices) {
        free_underlays();
        free_tunnels();
    }
    strengthen_watch();
    return std::move(plan_);
}

// What is missing then is made by the next plan.
bool Planner::destroy_tunnels() {
    bool any = false;
    for (TunnelIndex index = 0; index < desired_.tunnels.size(); ++index) {
        if (!desired_.tunnels[index].anew || actual_.tunnel(index) == nullptr) continue;
        emit(DestroyTunnel{.tunnel = index});
        any = true;
    }
    return any;
}

void Planner::tunnels() {
    for (TunnelIndex index = 0; index < desired_.tunnels.size(); ++index)
        tunnel(index);
}

void Planner::tunnel(TunnelIndex index) {
    const DesiredTunnel& wanted = desired_.tunnels[index];
    const ConfigureTunnel configure{.tunnel = index, .settings = wanted.settings};
    const TunnelState* there = actual_.tunnel(index);
    if (there == nullptr) {
        emit(CreateTunnel{.tunnel = index});
        emit(configure);
        return;
    }
    const bool new_key = there->public_key != wanted.public_key;
    if (new_key) {
        // What these sessions proved, they proved with another key of ours.
        for (const auto& [key, session] : there->sessions)
            emit(RemoveSession{.tunnel = index, .public_key = key});
    }
    const TunnelSettings settings{.port = there->port, .fwmark = there->fwmark, .mtu = there->mtu};
    if (new_key || settings != wanted.settings || !there->up) emit(configure);
}

void Planner::set_tunnel_entries() {
    for (const auto& [index, tunnel] : actual_.tunnels) {
        const TunnelEntry entry{.ifindex = tunnel.ifindex,
                                .port = desired_.tunnels[index].settings.port};
        const auto there = actual_.steering.tunnels.find(index);
        if (there == actual_.steering.tunnels.end() || there->second != entry)
            emit(SetTunnelEntry{.tunnel = index, .entry = entry});
    }
}

// Last of all, when no peer refers to the row any more.
void Planner::free_tunnels() {
    if (!desired_.complete) return;
    for (const auto& [index, entry] : actual_.steering.tunnels) {
        if (index >= desired_.tunnels.size()) emit(SetTunnelEntry{.tunnel = index});
    }
}

void Planner::hooks() {
    std::vector<Hook> wanted;  // in the order of attaching: the way in before the way out
    for (const Underlay& underlay : actual_.underlays) {
        wanted.push_back({.ifindex = underlay.ifindex, .point = HookPoint::nic_in});
    }
    set_tunnel_entries();
    for (const auto& [index, tunnel] : actual_.tunnels)
        wanted.push_back({.ifindex = tunnel.ifindex, .point = HookPoint::wg_in});
    for (const Underlay& underlay : actual_.underlays) {
        wanted.push_back({.ifindex = underlay.ifindex, .point = HookPoint::nic_out});
        if (!desired_.leak_watch) continue;
        wanted.push_back({.ifindex = underlay.ifindex, .point = HookPoint::leak_watch});
    }
    want_guards(wanted);
    const SteeringState& there = actual_.steering;
    for (const Hook& hook : wanted) {
        const bool settled = there.hooks.contains(hook) || there.refused.contains(hook);
        if (settled) continue;
        if (there.new_tables && there.outdated.contains(hook))
            to_replace_.push_back(hook);
        else
            emit(AttachHook{.hook = hook});
    }
    // An underlay that has lost its address for a moment must not open the node.
    if (actual_.underlays.empty()) return;
    for (const std::set<Hook>* attached : {&there.hooks, &there.outdated}) {
        for (const Hook& hook : *attached) {
            const bool keep =
                hook.point == HookPoint::pod_out || std::ranges::find(wanted, hook) != wanted.end();
            if (!keep) emit(DetachHook{.hook = hook});
        }
    }
}

// Programs with tables of another layout go on until all that they know is in the new ones.
void Planner::replace_hooks() {
    if (!desired_.complete) return;
    for (const Hook& hook : to_replace_)
        emit(AttachHook{.hook = hook});
}

Plan plan(const DesiredState& desired, const ActualState& actual, Clock::time_point now,
          const Scope& scope) {
    return Planner(desired, actual, now, scope).run();
}

}  // namespace wgs
