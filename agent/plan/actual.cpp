// SPDX-License-Identifier: Apache-2.0
#include "plan/actual.h"

namespace wgs {
namespace {

void update(Session& session, const PeerUpdate& update) {
    if (update.endpoint) session.endpoint = update.endpoint;
    if (update.keepalive) session.keepalive = *update.keepalive;
    if (update.preshared_key) session.preshared_key = update.preshared_key->print();
    session.allowed_ips.insert(update.add_allowed_ips);
}

struct Record {
    ActualState& state;
    SteeringState& steering;

    void operator()(const CreateTunnel&) const {}
    void operator()(const DestroyTunnel& step) const { state.tunnels.erase(step.tunnel); }
    void operator()(const ConfigureTunnel&) const {}
    void operator()(const UpdateSessions& step) const {
        auto& sessions = state.tunnels.at(step.tunnel).sessions;
        for (const Holding& lost : step.taken)
            sessions[lost.holder].allowed_ips.erase(lost.prefix);
        for (const PeerUpdate& change : step.updates)
            update(sessions[change.public_key], change);
    }
    void operator()(const RestartSession& step) const {
        Session& session = state.tunnels.at(step.tunnel).sessions[step.update.public_key];
        session = {};
        update(session, step.update);
    }
    void operator()(const RemoveAllowedIps& step) const {
        Session& session = state.tunnels.at(step.tunnel).sessions[step.public_key];
        for (const Prefix& prefix : step.prefixes)
            session.allowed_ips.erase(prefix);
    }
    void operator()(const RemoveSession& step) const {
        state.tunnels.at(step.tunnel).sessions.erase(step.public_key);
    }
    void operator()(const SetTunnelEntry& step) const {
        steering.tunnels.erase(step.tunnel);
        if (step.entry.ifindex != 0) steering.tunnels.emplace(step.tunnel, step.entry);
    }
    void operator()(const SetUnderlay& step) const {
        steering.underlays.erase(step.index);
        if (step.entry.ifindex != 0) steering.underlays.emplace(step.index, step.entry);
    }
    void operator()(const AddBypass& step) const { steering.bypass.insert(step.service); }
    void operator()(const RemoveBypass& step) const { steering.bypass.erase(step.service); }
    void operator()(const BindPeer& step) const {
        steering.slots[step.id] = {.record = step.record};
        state.ids.bind(step.record.peer_name(), step.id);
    }
    void operator()(const UpdateRecord& step) const {
        steering.slots[step.id].record = step.record;
    }
    void operator()(const SetPeerState& step) const { steering.slots[step.id].state = step.state; }
    void operator()(const SetPeerWay& step) const { steering.slots[step.id].way = step.way; }
    void operator()(const ReleasePeer& step) const {
        const auto slot = steering.slots.find(step.id);
        state.ids.release(slot->second.record.peer_name(), step.id);
        steering.slots.erase(slot);
    }
    void operator()(const SetPrefixes& step) const {
        for (const PrefixRow& row : step.rows)
            steering.prefixes.insert_or_assign(row.prefix, row.owner);
    }
    void operator()(const RemovePrefixes& step) const {
        for (const Prefix& prefix : step.prefixes)
            steering.prefixes.erase(prefix);
    }
    void operator()(const SetWatched& step) const {
        for (const WatchRow& row : step.rows)
            steering.watched.insert_or_assign(row.prefix, row.flags);
    }
    void operator()(const RemoveWatched& step) const {
        for (const Prefix& prefix : step.prefixes)
            steering.watched.erase(prefix);
    }
    void operator()(const SetPod& step) const {
        steering.pods.insert_or_assign(step.address, step.pod);
    }
    void operator()(const RemovePod& step) const { steering.pods.erase(step.address); }
    void operator()(const AttachHook& step) const {
        steering.hooks.insert(step.hook);
        steering.outdated.erase(step.hook);
    }
    void operator()(const DetachHook& step) const {
        steering.hooks.erase(step.hook);
        steering.outdated.erase(step.hook);
    }
};

}  // namespace

PeerIds::PeerIds(const std::map<PeerId, PeerSlot>& slots) {
    for (const auto& [id, slot] : slots)
        bind(slot.record.peer_name(), id);
}

void PeerIds::bind(const PeerName& name, PeerId id) {
    by_name_.try_emplace(name, id);
    if (bound_.size() <= id) bound_.resize(id + 1);
    bound_[id] = true;
}

void PeerIds::release(const PeerName& name, PeerId id) {
    const auto found = by_name_.find(name);
    if (found != by_name_.end() && found->second == id) by_name_.erase(found);
    bound_[id] = false;
}

std::optional<PeerId> PeerIds::of(const PeerNameView& name) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return std::nullopt;
    return found->second;
}

PeerId PeerIds::free_from(PeerId from) const {
    while (from < bound_.size() && bound_[from])
        ++from;
    return from;
}

void record(const Step& step, ActualState& state) {
    std::visit(Record{.state = state, .steering = state.steering}, step);
}

}  // namespace wgs
