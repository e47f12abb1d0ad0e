// SPDX-License-Identifier: Apache-2.0
#include "plan/reconciler.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <set>
#include <utility>

#include "plan/apply.h"
#include "plan/pacing.h"

namespace wgs {
namespace {

// More rounds than this mean that somebody else keeps changing what we set.
constexpr int kMaxRounds = 5;

std::set<PublicKey> programmable_keys(const PeerCache& cache, const Scope& scope,
                                      TunnelIndex tunnel) {
    std::set<PublicKey> keys;
    for_each_peer(cache, scope, [&](const CachedPeer& node) {
        const TunnelPeer& peer = node.tunnels[tunnel];
        if (is_programmable(peer)) keys.insert(*peer.public_key);
    });
    return keys;
}

// Only a look shows what comes of such a step: a device's index, a guard that is refused.
Look look_after(const std::vector<Step>& steps) {
    Look look = Look::nowhere;
    for (const Step& step : steps) {
        const bool device = std::holds_alternative<CreateTunnel>(step) ||
                            std::holds_alternative<DestroyTunnel>(step) ||
                            std::holds_alternative<ConfigureTunnel>(step);
        const bool hook = std::holds_alternative<AttachHook>(step);
        look = std::max(look, device ? Look::everywhere : hook ? Look::devices : Look::nowhere);
    }
    return look;
}

// Other than the time that passes, it does not depend on what else the machine does.
std::chrono::nanoseconds cpu_time() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Reconciler::Reconciler(const Config& config, const std::vector<PublicKey>& own_keys,
                       PeerCache& cache, Environment environment)
    : config_(config), cache_(cache), environment_(std::move(environment)) {
    for (const PublicKey& key : own_keys)
        handshakes_.emplace_back(key, config.wireguard.keepalive);
    health_.resize(handshakes_.size());
}

std::optional<std::chrono::steady_clock::duration> Reconciler::newest_wait(
    std::chrono::steady_clock::time_point now) const {
    std::optional<std::chrono::steady_clock::duration> newest;
    for (const HandshakeDriver& driver : handshakes_) {
        const auto wait = driver.newest_wait(now);
        if (wait) newest = std::min(newest.value_or(*wait), *wait);
    }
    return newest;
}

Status Reconciler::run(const Now& now, Look look) {
    was_in_sync_ = std::exchange(in_sync_, false);
    due_ = std::max(due_, look);
    ++effort_.runs;
    Status settled = settle(now);
    if (settled) return settled;
    ++effort_.failures;
    plan_.steps.clear();
    next_step_ = 0;
    due_ = Look::everywhere;
    watched_is_known_ = false;
    return settled;
}

Status Reconciler::settle(const Now& now) {
    for (int round = 0; round < kMaxRounds; ++round) {
        if (!busy() && !WGS_TRY(find_work(now))) {
            in_sync_ = problems().empty() && !actual_.underlays.empty() && !gathers_until_;
            return {};
        }
        WGS_TRY(apply_plan());
        if (busy()) return {};
    }
    return make_error(std::errc::resource_unavailable_try_again,
                      "the kernel's state does not settle");
}

bool Reconciler::gathers(const Now& now) {
    if (cache_.complete() || (gathers_until_ && now.steady >= *gathers_until_))
        gathers_until_.reset();
    return gathers_until_.has_value();
}

Result<bool> Reconciler::find_work(const Now& now) {
    const auto begin = cpu_time();
    const bool gathering = gathers(now);
    const Look look = std::exchange(due_, Look::nowhere);
    if (gathering && look == Look::nowhere) return false;
    WGS_TRY(observe(now, look));
    const Scope scope = take_scope();
    if (scope.is_empty()) return false;
    if (!scope.everything) WGS_TRY(find_routes(scope));
    make_plan(now, scope);
    const std::chrono::nanoseconds cost = cpu_time() - begin;
    if (look == Look::everywhere) cost_of_looking_ = cost;
    const auto pause = time_to_next_plan(cost);
    if (!cache_.complete() && pause.count() != 0) gathers_until_ = now.steady + pause;
    due_ = look_after(plan_.steps);
    return busy();
}

Status Reconciler::observe(const Now& now, Look look) {
    if (look == Look::nowhere) return {};
    const auto begin = std::chrono::steady_clock::now();
    WGS_TRY(observe_devices());
    if (look == Look::devices && WGS_TRY(tunnels_are_as_known())) {
        effort_.looks_at_devices.add(begin);
        return {};
    }
    WGS_TRY(observe_all());
    effort_.looks_at_all.add(begin);
    effort_.last_look_at_all = now.wall;
    observed_ = now;
    everything_changed_ = true;
    return {};
}

Status Reconciler::observe_devices() {
    devices_changed_ = true;
    auto underlays = WGS_TRY(
        environment_.links.underlays(config_.underlay, config_.addresses).within("find underlay"));
    if (underlays != actual_.underlays) everything_changed_ = true;
    actual_.underlays = std::move(underlays);
    prefer_what_is_on_link();
    actual_.foreign_tunnels =
        WGS_TRY(environment_.links.foreign_tunnels().within("find WireGuard of others"));
    if (config_.path == Path::fast) {
        actual_.pods =
            WGS_TRY(environment_.links.pods(config_.pod_interfaces, cache_.self().prefixes)
                        .within("find pods"));
    }
    HookState& hooks = actual_.steering;
    const HookState known = std::exchange(
        hooks, WGS_TRY(environment_.steering.observe_hooks().within("observe hooks")));
    follow_hooks(known);
    const Routes before = std::exchange(routes_, {});
    WGS_TRY(find_routes(Scope{}));
    if (routes_ != before) everything_changed_ = true;
    return {};
}

// Without an underlay, or an address on it, endpoints stay as they are.
void Reconciler::prefer_what_is_on_link() {
    std::vector<Prefix> networks;
    for (const Underlay& underlay : actual_.underlays)
        networks.insert(networks.end(), underlay.networks.begin(), underlay.networks.end());
    if (!networks.empty()) cache_.set_networks(std::move(networks));
}

// A device takes its programs along when it goes.
void Reconciler::follow_hooks(const HookState& before) {
    for (const Hook& hook : before.hooks) {
        const HookState& now = actual_.steering;
        if (now.hooks.contains(hook) || now.outdated.contains(hook)) continue;
        if (std::ranges::find(actual_.underlays, hook.ifindex, &Underlay::ifindex) !=
            actual_.underlays.end())
            lost_hooks_.push_back(hook);
    }
}

Result<bool> Reconciler::tunnels_are_as_known() {
    for (TunnelIndex tunnel = 0; tunnel < environment_.tunnels.size(); ++tunnel) {
        WireguardDevice& device = environment_.tunnels[tunnel];
        const auto link = WGS_TRY(device.observe_link().within("observe WireGuard"));
        const TunnelState* known = actual_.tunnel(tunnel);
        std::optional<TunnelLink> expected;
        if (known != nullptr)
            expected = TunnelLink{.ifindex = known->ifindex, .up = known->up, .mtu = known->mtu};
        if (link != expected) return false;
    }
    return true;
}

Status Reconciler::observe_tunnels() {
    std::map<TunnelIndex, TunnelState> tunnels;
    for (TunnelIndex tunnel = 0; tunnel < environment_.tunnels.size(); ++tunnel) {
        WireguardDevice& device = environment_.tunnels[tunnel];
        auto there = WGS_TRY(device.observe().within("observe WireGuard"));
        if (there) tunnels.emplace(tunnel, std::move(*there));
    }
    if (std::exchange(was_in_sync_, false)) {
        Meddling found = find_meddling(actual_.tunnels, tunnels);
        if (!found.empty()) meddling_.push_back(std::move(found));
    }
    actual_.tunnels = std::move(tunnels);
    return {};
}

Status Reconciler::observe_all() {
    WGS_TRY(observe_tunnels());
    SteeringState tables =
        WGS_TRY(environment_.steering.observe_tables().within("observe BPF maps"));
    static_cast<HookState&>(tables) = std::move(static_cast<HookState&>(actual_.steering));
    tables.watched = std::move(actual_.steering.watched);
    actual_.steering = std::move(tables);
    actual_.ids = PeerIds(actual_.steering.slots);
    if (watched_is_known_) return {};
    actual_.steering.watched =
        WGS_TRY(environment_.steering.observe_watched().within("observe what is watched"));
    watched_is_known_ = true;
    return {};
}

// With one underlay there is nothing to ask.
Status Reconciler::find_routes(const Scope& scope) {
    if (actual_.underlays.size() < 2) return {};
    Status found;
    const auto find = [&](const IpAddress& address) {
        const auto device = environment_.links.route(address).within("find routes");
        if (!device) {
            found = tl::unexpected(device.error());
        } else if (*device) {
            routes_.insert_or_assign(address, **device);
        }
    };
    for_each_peer(cache_, scope, [&](const CachedPeer& node) {
        for (const TunnelPeer& peer : node.tunnels) {
            if (found && peer.endpoint) find(peer.endpoint->address);
        }
    });
    return found;
}

// What is narrow rests on all else being in order, and on what departed peers have left being
// known.
Scope Reconciler::take_scope() {
    Scope scope = Scope::of(cache_.take_changes());
    const bool settled = cache_.complete() && homeless_.empty() &&
                         actual_.tunnels.size() == environment_.tunnels.size();
    if (!scope.is_empty() && !settled) everything_changed_ = true;
    if (std::exchange(everything_changed_, false)) scope = {};
    if (std::exchange(devices_changed_, false)) scope.devices = true;
    return scope;
}

void Reconciler::make_plan(const Now& now, const Scope& scope) {
    const auto begin = std::chrono::steady_clock::now();
    follow_handshakes(now, scope);
    static const ClusterSecrets kNoSecrets;
    const SessionDrivers drivers{.handshakes = handshakes_,
                                 .health = health_,
                                 .secrets = secrets_ != nullptr ? *secrets_ : kNoSecrets};
    const DesiredState desired = make_desired(cache_, config_, actual_, routes_, drivers, scope);
    plan_ = plan(desired, actual_, observed_.wall, scope);
    next_step_ = 0;
    for (const Step& step : plan_.steps) {
        const auto* restart = std::get_if<RestartSession>(&step);
        if (restart) {
            handshakes_[restart->tunnel].restarted(now.steady, restart->update.public_key);
            health_[restart->tunnel].restarted(now.steady, restart->update.public_key);
        }
        const auto* anew = std::get_if<DestroyTunnel>(&step);
        if (anew) health_[anew->tunnel].device_restarted(now.steady);
    }
    follow_states(scope);
    follow_problems(scope);
    effort_.plans.add(begin);
}

void Reconciler::follow_handshakes(const Now& now, const Scope& scope) {
    for (TunnelIndex tunnel = 0; tunnel < handshakes_.size(); ++tunnel)
        follow_handshakes(now, scope, tunnel);
}

void Reconciler::follow_handshakes(const Now& now, const Scope& scope, TunnelIndex tunnel) {
    static const std::map<PublicKey, Session> kNoSessions;
    HandshakeDriver& driver = handshakes_[tunnel];
    const TunnelState* there = actual_.tunnel_with(tunnel, driver.own_key());
    const auto& sessions = there != nullptr ? there->sessions : kNoSessions;
    const std::set<PublicKey> wanted = programmable_keys(cache_, scope, tunnel);
    if (scope.everything) {
        health_[tunnel].update(observed_.steady, sessions);
        return driver.update(observed_.steady, wanted, sessions);
    }
    for (const std::string& name : scope.peers) {
        const auto id = actual_.ids.of({name, tunnel});
        if (!id) continue;
        const PublicKey& key = actual_.steering.slots.at(*id).record.public_key;
        if (!wanted.contains(key)) driver.remove(key);
    }
    for (const PublicKey& key : wanted)
        driver.add(now.steady, key, sessions);
}

void Reconciler::follow_states(const Scope& scope) {
    const auto follow = [&](const PeerName& name, std::optional<PeerState> after) {
        const auto known = states_.find(name);
        const auto before = known == states_.end() ? std::nullopt : std::optional(known->second);
        if (before == after) return;
        transitions_.push_back({.name = name, .before = before, .after = after});
        if (after) {
            states_.insert_or_assign(name, *after);
        } else {
            states_.erase(known);
        }
    };
    std::vector<PeerName> left;
    for (const std::string& name : scope.peers) {
        for (TunnelIndex tunnel = 0; tunnel < handshakes_.size(); ++tunnel)
            left.emplace_back(name, tunnel);
    }
    if (scope.everything) {
        for (const auto& [name, state] : states_)
            left.push_back(name);
    }
    for (const auto& [name, state] : plan_.states)
        follow(name, state);
    for (const PeerName& name : left) {
        if (!plan_.states.contains(name)) follow(name, std::nullopt);
    }
}

void Reconciler::follow_problems(const Scope& scope) {
    if (scope.devices) {
        device_problems_ = std::move(plan_.problems);
        notes_ = std::move(plan_.notes);
    }
    if (scope.everything) homeless_.clear();
    std::ranges::move(plan_.homeless, std::back_inserter(homeless_));
}

std::vector<std::string> Reconciler::problems() const {
    std::vector<std::string> problems = device_problems_;
    for (const PeerName& name : homeless_)
        problems.push_back("no free peer id for " + name.node);
    return problems;
}

Status Reconciler::apply_plan() {
    const auto begin = std::chrono::steady_clock::now();
    was_in_sync_ = false;
    Status applied = apply_slice(begin);
    effort_.applications.add(begin);
    return applied;
}

Status Reconciler::apply_slice(std::chrono::steady_clock::time_point begin) {
    while (busy()) {
        const Step& step = plan_.steps[next_step_];
        WGS_TRY(apply(step, environment_.tunnels, environment_.steering));
        record(step, actual_);
        changes_made_ += count_changes(step);
        ++next_step_;
        if (std::chrono::steady_clock::now() - begin >= kSlice) return {};
    }
    plan_ = {};
    next_step_ = 0;
    return {};
}

}  // namespace wgs
