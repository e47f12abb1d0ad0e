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

std::string_view to_string(BackendKind kind) {
    return kind == BackendKind::kernel ? "kernel" : "userspace";
}

}  // namespace wgs
