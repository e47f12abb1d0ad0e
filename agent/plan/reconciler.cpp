// SPDX-License-Identifier: Apache-2.0
#include "plan/reconciler.h"

#include "plan/apply.h"

namespace wgs {
namespace {

// A device that was just made shows its index only to the next observation; more rounds than this
// mean that somebody else keeps changing what we set.
constexpr int kMaxRounds = 5;

std::set<PublicKey> programmable_keys(const PeerCache& cache) {
    std::set<PublicKey> keys;
    for (const auto& [name, peer] : cache.peers()) {
        const bool usable = peer.info.public_key && !peer.key_conflict && peer.endpoint;
        if (usable) keys.insert(*peer.info.public_key);
    }
    return keys;
}

}  // namespace

Status Reconciler::run(const Now& now) {
    in_sync_ = false;
    for (int round = 0; round < kMaxRounds; ++round) {
        WGS_TRY(observe());
        WGS_TRY(find_routes());
        make_plan(now);
        if (plan_.steps.empty()) {
            in_sync_ = plan_.problems.empty() && !actual_.underlays.empty();
            return {};
        }
        WGS_TRY(apply_plan(now));
    }
    return make_error(std::errc::resource_unavailable_try_again,
                      "the kernel's state does not settle; next: " + describe(plan_.steps.front()));
}

Status Reconciler::observe() {
    actual_.underlays = WGS_TRY(
        environment_.links.underlays(config_.underlay, config_.addresses).within("find underlay"));
    if (config_.path == Path::fast) {
        actual_.pods =
            WGS_TRY(environment_.links.pods(config_.pod_interfaces, cache_.self().prefixes)
                        .within("find pods"));
    }
    actual_.tunnel = WGS_TRY(environment_.wireguard.observe().within("observe WireGuard"));
    actual_.steering = WGS_TRY(environment_.steering.observe().within("observe BPF maps"));
    return {};
}

// With one underlay there is nothing to ask.
Status Reconciler::find_routes() {
    routes_.clear();
    if (actual_.underlays.size() < 2) return {};
    for (const auto& [name, peer] : cache_.peers()) {
        if (!peer.endpoint) continue;
        const IpAddress& address = peer.endpoint->address;
        const auto device = WGS_TRY(environment_.links.route(address).within("find routes"));
        if (device) routes_.emplace(address, *device);
    }
    return {};
}

void Reconciler::make_plan(const Now& now) {
    static const std::map<PublicKey, Session> kNoSessions;
    const bool ours = actual_.tunnel && actual_.tunnel->public_key == own_key_;
    handshakes_.update(now.steady, programmable_keys(cache_),
                       ours ? actual_.tunnel->sessions : kNoSessions);
    const DesiredState desired =
        make_desired(cache_, config_, own_key_, actual_.underlays, routes_, handshakes_);
    plan_ = plan(desired, actual_, now.wall);
}

Status Reconciler::apply_plan(const Now& now) {
    for (const Step& step : plan_.steps) {
        const auto* restart = std::get_if<RestartSession>(&step);
        if (restart) handshakes_.restarted(now.steady, restart->update.public_key);
    }
    WGS_TRY(apply(plan_.steps, environment_.wireguard, environment_.steering));
    steps_applied_ += plan_.steps.size();
    return {};
}

}  // namespace wgs
