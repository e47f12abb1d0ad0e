// SPDX-License-Identifier: Apache-2.0
// The difference between what is wanted and what is there, as ordered steps. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "plan/desired.h"
#include "plan/scope.h"
#include "plan/step.h"

namespace wgs {

struct Plan {
    std::vector<Step> steps;         // empty: in sync
    PeerStates states;               // of the desired peers, once the steps are applied
    std::vector<PeerName> homeless;  // peers for which no id is free
    // What no step can mend about the devices, one line each, if the scope comprises them.
    std::vector<std::string> problems;
    std::vector<std::string> notes;  // likewise, but nothing that was asked for
};

// What the watcher of leaving packets reports is narrowed before anything else to what both the old
// and the new state keep from leaving in clear, and widened to what the new one does after all the
// rest: it raises no false alarm in between.
// Order of the other steps, so that at no moment a packet leaves in clear which both the old and
// the new desired state would have encrypted or dropped, nor meets a tunnel that would refuse it:
//   1. tunnel device, hooks, ids for new peers; pods which are no longer served past the host's
//      stack first, those which are from now on last: a pod is steered at its veth only while it is
//      delivered to as well;
//   2. sessions and their allowed IPs; adding one that another session holds moves it;
//   3. proven peers enter state `ready`;
//   4. prefixes are pointed at their owners, then those nobody owns any more go (under `require`
//      to `gone`, which drops, instead of to a miss);
//   5. peers that may no longer be steered leave state `ready`: only now, since what a ready peer
//      has taken over from them must not pass through their state;
//   6. allowed IPs and sessions that nothing points at any more go;
//   7. new peers that are proven already enter state `ready`; programs whose tables are new take
//   the
//      place of older ones; unused ids are released.
// A device that must be made anew goes first, and alone: the next plan finds it missing.
// Until the source is complete nothing is removed. Steps that need a device which does not exist
// yet are left to the next plan.
// Within a narrow scope the plan costs what is in it, and leaves nothing for a full one to do but
// to give the tunnel a smaller MTU when those that needed the larger one have left.
Plan plan(const DesiredState& desired, const ActualState& actual, Clock::time_point now,
          const Scope& scope);

}  // namespace wgs
