// SPDX-License-Identifier: Apache-2.0
#include "plan/step.h"

#include <fmt/core.h>

namespace wgs {
namespace {

struct Describe {
    std::string operator()(const CreateTunnel& step) const {
        return fmt::format("create tunnel {}", step.tunnel);
    }
    std::string operator()(const DestroyTunnel& step) const {
        return fmt::format("destroy tunnel {}", step.tunnel);
    }
    std::string operator()(const ConfigureTunnel& step) const {
        return fmt::format("configure tunnel {}: port {}, mtu {}, fwmark {:#x}", step.tunnel,
                           step.settings.port, step.settings.mtu, step.settings.fwmark);
    }
    std::string operator()(const UpdateSessions& step) const {
        return fmt::format("update {} sessions, {} first", step.updates.size(),
                           step.updates.front().public_key.to_base64());
    }
    std::string operator()(const RestartSession& step) const {
        return "restart session " + step.update.public_key.to_base64();
    }
    std::string operator()(const RemoveAllowedIps& step) const {
        return fmt::format("remove {} allowed IPs of session {}", step.prefixes.size(),
                           step.public_key.to_base64());
    }
    std::string operator()(const RemoveSession& step) const {
        return "remove session " + step.public_key.to_base64();
    }
    std::string operator()(const SetTunnelEntry& step) const {
        return fmt::format("set tunnel {} to device {}", step.tunnel, step.entry.ifindex);
    }
    std::string operator()(const SetUnderlay& step) const {
        return fmt::format("set underlay {} to device {}", step.index, step.entry.ifindex);
    }
    std::string operator()(const AddBypass& step) const {
        return fmt::format("bypass protocol {} port {}", step.service.protocol, step.service.port);
    }
    std::string operator()(const RemoveBypass& step) const {
        return fmt::format("no longer bypass protocol {} port {}", step.service.protocol,
                           step.service.port);
    }
    std::string operator()(const BindPeer& step) const {
        return fmt::format("bind peer {} to {}", step.id, step.record.name);
    }
    std::string operator()(const UpdateRecord& step) const {
        return fmt::format("update the record of peer {} ({})", step.id, step.record.name);
    }
    std::string operator()(const SetPeerState& step) const {
        return fmt::format("set peer {} to state {}", step.id, step.state);
    }
    std::string operator()(const SetPeerWay& step) const {
        return fmt::format("send to peer {} by underlay {}, mtu {}", step.id, step.way.underlay,
                           step.way.mtu);
    }
    std::string operator()(const ReleasePeer& step) const {
        return fmt::format("release peer {}", step.id);
    }
    std::string operator()(const SetPrefixes& step) const {
        const PrefixRow& first = step.rows.front();
        return fmt::format("set {} prefixes, {} to peer {} first", step.rows.size(),
                           first.prefix.to_string(), first.owner.peer);
    }
    std::string operator()(const RemovePrefixes& step) const {
        return fmt::format("remove {} prefixes, {} first", step.prefixes.size(),
                           step.prefixes.front().to_string());
    }
    std::string operator()(const SetWatched& step) const {
        const WatchRow& first = step.rows.front();
        return fmt::format("watch {} prefixes, {} with {:#x} first", step.rows.size(),
                           first.prefix.to_string(), first.flags);
    }
    std::string operator()(const RemoveWatched& step) const {
        return fmt::format("watch {} prefixes no more, {} first", step.prefixes.size(),
                           step.prefixes.front().to_string());
    }
    std::string operator()(const SetPod& step) const {
        return fmt::format("set pod {} to device {}", step.address.to_string(), step.pod.ifindex);
    }
    std::string operator()(const RemovePod& step) const {
        return "remove pod " + step.address.to_string();
    }
    std::string operator()(const AttachHook& step) const {
        return fmt::format("attach {} to device {}", to_string(step.hook.point), step.hook.ifindex);
    }
    std::string operator()(const DetachHook& step) const {
        return fmt::format("detach {} from device {}", to_string(step.hook.point),
                           step.hook.ifindex);
    }
};

struct Count {
    std::size_t operator()(const UpdateSessions& step) const { return step.updates.size(); }
    std::size_t operator()(const RemoveAllowedIps& step) const { return step.prefixes.size(); }
    std::size_t operator()(const SetPrefixes& step) const { return step.rows.size(); }
    std::size_t operator()(const RemovePrefixes& step) const { return step.prefixes.size(); }
    std::size_t operator()(const SetWatched& step) const { return step.rows.size(); }
    std::size_t operator()(const RemoveWatched& step) const { return step.prefixes.size(); }
    template <class Single>
    std::size_t operator()(const Single&) const {
        return 1;
    }
};

}  // namespace

std::string describe(const Step& step) {
    return std::visit(Describe{}, step);
}

std::size_t count_changes(const Step& step) {
    return std::visit(Count{}, step);
}

}  // namespace wgs
