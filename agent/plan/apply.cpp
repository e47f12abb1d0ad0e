// SPDX-License-Identifier: Apache-2.0
#include "plan/apply.h"

#include <utility>

namespace wgs {
namespace {

struct Apply {
    TunnelDevices tunnels;
    Steering& steering;

    [[nodiscard]] WireguardDevice& device(TunnelIndex tunnel) const { return tunnels[tunnel]; }

    Status operator()(const CreateTunnel& step) const { return device(step.tunnel).create(); }
    Status operator()(const DestroyTunnel& step) const { return device(step.tunnel).destroy(); }
    Status operator()(const ConfigureTunnel& step) const {
        return device(step.tunnel).configure(step.settings);
    }
    Status operator()(const UpdateSessions& step) const {
        return device(step.tunnel).update_peers(step.updates);
    }
    Status operator()(const RestartSession& step) const {
        WGS_TRY(device(step.tunnel).remove_peer(step.update.public_key));
        return device(step.tunnel).update_peers({&step.update, 1});
    }
    Status operator()(const RemoveAllowedIps& step) const {
        return device(step.tunnel).remove_allowed_ips(step.public_key, step.prefixes);
    }
    Status operator()(const RemoveSession& step) const {
        return device(step.tunnel).remove_peer(step.public_key);
    }
    Status operator()(const SetTunnelEntry& step) const {
        return steering.set_tunnel(step.tunnel, step.entry);
    }
    Status operator()(const SetUnderlay& step) const {
        return steering.set_underlay(step.index, step.entry);
    }
    Status operator()(const AddBypass& step) const { return steering.add_bypass(step.service); }
    Status operator()(const RemoveBypass& step) const {
        return steering.remove_bypass(step.service);
    }
    Status operator()(const BindPeer& step) const {
        return steering.bind_peer(step.id, step.record);
    }
    Status operator()(const UpdateRecord& step) const {
        return steering.update_record(step.id, step.record);
    }
    Status operator()(const SetPeerState& step) const {
        return steering.set_peer_state(step.id, step.state);
    }
    Status operator()(const SetPeerWay& step) const {
        return steering.set_peer_way(step.id, step.way);
    }
    Status operator()(const ReleasePeer& step) const { return steering.release_peer(step.id); }
    Status operator()(const SetPrefixes& step) const { return steering.set_prefixes(step.rows); }
    Status operator()(const RemovePrefixes& step) const {
        return steering.remove_prefixes(step.prefixes);
    }
    Status operator()(const SetWatched& step) const { return steering.set_watched(step.rows); }
    Status operator()(const RemoveWatched& step) const {
        return steering.remove_watched(step.prefixes);
    }
    Status operator()(const SetPod& step) const { return steering.set_pod(step.address, step.pod); }
    Status operator()(const RemovePod& step) const { return steering.remove_pod(step.address); }
    Status operator()(const AttachHook& step) const { return steering.attach(step.hook); }
    Status operator()(const DetachHook& step) const { return steering.detach(step.hook); }
};

}  // namespace

Status apply(const Step& step, TunnelDevices tunnels, Steering& steering) {
    const Apply visitor{.tunnels = tunnels, .steering = steering};
    Status applied = std::visit(visitor, step);
    return applied ? applied : std::move(applied).within(describe(step));
}

}  // namespace wgs
