// SPDX-License-Identifier: Apache-2.0
// Pods that are served past the host's stack.
#include <algorithm>

#include "maps/layout.h"
#include "plan/planner.h"

namespace wgs {

// The table's size is a limit, not a failure: the others go through the stack.
LocalPods Planner::servable_pods() const {
    if (!scope_.devices) return {};
    LocalPods pods = actual_.pods;
    if (pods.size() > WGS_MAX_PODS) pods.erase(std::next(pods.begin(), WGS_MAX_PODS), pods.end());
    return pods;
}

bool Planner::pod_is_served(std::uint32_t ifindex) const {
    return std::ranges::any_of(pods_,
                               [&](const auto& row) { return row.second.ifindex == ifindex; });
}

void Planner::withdraw_pods() {
    for (const std::set<Hook>* attached : {&actual_.steering.hooks, &actual_.steering.outdated}) {
        for (const Hook& hook : *attached) {
            if (hook.point == HookPoint::pod_out && !pod_is_served(hook.ifindex))
                emit(DetachHook{.hook = hook});
        }
    }
    for (const auto& [address, pod] : actual_.steering.pods) {
        if (!pods_.contains(address)) emit(RemovePod{.address = address});
    }
}

void Planner::serve_pods() {
    std::set<Hook> wanted;
    for (const auto& [address, pod] : pods_) {
        const auto there = actual_.steering.pods.find(address);
        if (there == actual_.steering.pods.end() || there->second != pod)
            emit(SetPod{.address = address, .pod = pod});
        wanted.insert({.ifindex = pod.ifindex, .point = HookPoint::pod_out});
    }
    for (const Hook& hook : wanted) {
        if (!actual_.steering.hooks.contains(hook)) emit(AttachHook{.hook = hook});
    }
}

}  // namespace wgs
