// SPDX-License-Identifier: Apache-2.0
#include "model/state.h"

namespace wgs {

std::string_view to_string(PeerState state) {
    switch (state) {
        case PeerState::no_key:
            return "no_key";
        case PeerState::conflict:
            return "conflict";
        case PeerState::waiting:
            return "waiting";
        case PeerState::ready:
            return "ready";
        case PeerState::stalled:
            return "stalled";
    }
    return "unknown";
}

std::string_view to_string(HookPoint point) {
    switch (point) {
        case HookPoint::nic_out:
            return "nic_out";
        case HookPoint::wg_in:
            return "wg_in";
        case HookPoint::nic_in:
            return "nic_in";
        case HookPoint::nic_guard:
            return "nic_guard";
        case HookPoint::pod_out:
            return "pod_out";
        case HookPoint::leak_watch:
            return "leak_watch";
    }
    return "unknown";
}

std::string_view to_string(BackendKind kind) {
    return kind == BackendKind::kernel ? "kernel" : "userspace";
}

}  // namespace wgs
