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
    gather_rows();
    compare_watch();
    weaken_watch();
    tunnel();
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
    if (sessions_possible()) add_sessions();
    promote_peers(Moment::before_prefixes);
    point_prefixes();
    remove_prefixes();
    withdraw_peers();
    update_records();
    if (sessions_possible()) remove_sessions();
    promote_peers(Moment::after_prefixes);
    replace_hooks();
    release_ids();
    if (scope_.devices) free_underlays();
    strengthen_watch();
    return std::move(plan_);
}

void Planner::tunnel() {
    if (!actual_.tunnel) {
        emit(CreateTunnel{});
        emit(ConfigureTunnel{.settings = desired_.tunnel});
        return;
    }
    const TunnelState& there = *actual_.tunnel;
    if (there.public_key != desired_.public_key) {
        // What these sessions proved, they proved with another key of ours.
        for (const auto& [key, session] : there.sessions)
            emit(RemoveSession{.public_key = key});
    }
    const TunnelSettings settings{.port = there.port, .fwmark = there.fwmark, .mtu = there.mtu};
    if (there.public_key != desired_.public_key || settings != desired_.tunnel || !there.up) {
        emit(ConfigureTunnel{.settings = desired_.tunnel});
    }
}

void Planner::hooks() {
    std::vector<Hook> wanted;  // in the order of attaching: the way in before the way out
    for (const Underlay& underlay : actual_.underlays) {
        wanted.push_back({.ifindex = underlay.ifindex, .point = HookPoint::nic_in});
    }
    if (actual_.tunnel) {
        const TunnelEntry entry{.ifindex = actual_.tunnel->ifindex, .port = desired_.tunnel.port};
        if (entry != actual_.steering.tunnel) emit(SetTunnelEntry{.entry = entry});
        wanted.push_back({.ifindex = actual_.tunnel->ifindex, .point = HookPoint::wg_in});
    }
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
