// SPDX-License-Identifier: Apache-2.0
// Where the guard belongs, and why it is not everywhere.
#include "plan/planner.h"

namespace wgs {
namespace {

// XDP costs a software device more than it saves: its packets have an skb already, and a veth loses
// segmentation offload. A bond hands the program on to its members.
bool is_software(const Underlay& underlay) {
    return !underlay.kind.empty() && underlay.kind != "bond";
}

std::string off_on(const Underlay& underlay, const std::string& why) {
    return "the guard is off on " + underlay.name + ": " + why;
}

}  // namespace

void Planner::want_guards(std::vector<Hook>& wanted) {
    if (desired_.guard == GuardMode::off) return;
    const bool automatic = desired_.guard == GuardMode::automatic;
    // Nobody has asked for the guard on just this device.
    std::vector<std::string>& complaints = automatic ? plan_.notes : plan_.problems;
    for (const Underlay& underlay : actual_.underlays) {
        if (automatic && is_software(underlay)) {
            complaints.push_back(off_on(underlay, "'auto' spares " + underlay.kind + " devices"));
            continue;
        }
        const Hook hook{.ifindex = underlay.ifindex, .point = HookPoint::nic_guard};
        const auto refused = actual_.steering.refused.find(hook);
        if (refused != actual_.steering.refused.end())
            complaints.push_back(off_on(underlay, refused->second));
        wanted.push_back(hook);
    }
}

}  // namespace wgs
