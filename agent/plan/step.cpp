// SPDX-License-Identifier: Apache-2.0
#include "plan/step.h"

#include <fmt/core.h>

namespace wgs {
namespace {

struct Describe {
    std::string operator()(const CreateTunnel&) const { return "create tunnel"; }
    std::string operator()(const ConfigureTunnel& step) const {
        return fmt::format("configure tunnel: port {}, mtu {}, fwmark {:#x}", step.settings.port,
                           step.settings.mtu, step.settings.fwmark);
    }
    std::string operator()(const UpdateSession& step) const {
        return fmt::format("update session {}: {} allowed IPs added",
                           step.update.public_key.to_base64(), step.update.add_allowed_ips.size());
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
        return fmt::format("point the tunnel table at device {}", step.entry.ifindex);
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
    std::string operator()(const SetPrefix& step) const {
        return fmt::format("set prefix {} to peer {}", step.prefix.to_string(), step.owner.peer);
    }
    std::string operator()(const RemovePrefix& step) const {
        return "remove prefix " + step.prefix.to_string();
    }
    std::string operator()(const SetWatch& step) const {
        return fmt::format("watch prefix {} with {:#x}", step.prefix.to_string(), step.flags);
    }
    std::string operator()(const RemoveWatch& step) const {
        return "watch prefix " + step.prefix.to_string() + " no more";
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

}  // namespace

std::string describe(const Step& step) {
    return std::visit(Describe{}, step);
}

}  // namespace wgs
