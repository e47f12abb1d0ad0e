// SPDX-License-Identifier: Apache-2.0
// What the interfaces show of an agent, as plain data: documents and metrics are functions of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/config.h"
#include "model/peer_cache.h"
#include "model/state.h"
#include "plan/desired.h"
#include "service/alarms.h"
#include "service/counters.h"
#include "service/leak_watch.h"
#include "source/source.h"

namespace wgs {

class Agent;

// What the agent knows without asking the kernel. Refers to the agent, and is valid until the next
// event.
struct AgentView {
    const Config& config;
    const std::map<std::string, CachedPeer>& peers;
    const PeerStates& states;
    const ActualState& actual;
    const LeakWatch& leaks;
    BackendKind backend = BackendKind::kernel;
    bool in_sync = false;          // the kernel is as it should be
    bool source_complete = false;  // leftovers may be removed
    std::size_t rejections = 0;
    std::uint64_t changes_made = 0;
    std::vector<Problem> problems = {};  // worst first
    std::vector<Problem> notes = {};     // nothing to be done about
    std::vector<Alarm> alarms = {};      // problems first
};

AgentView view_of(const Agent& agent);

// Those in the tables only.
using PeerCounts = std::map<PeerName, PeerTotals, PeerNameLess>;
Result<PeerCounts> count_peers(Agent& agent);

// By name; those in the tables only.
using PeerStats = std::map<PeerName, wgs_peer_stats, PeerNameLess>;
Result<PeerStats> read_peer_stats(Agent& agent);

}  // namespace wgs
