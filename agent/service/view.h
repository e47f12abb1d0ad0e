// SPDX-License-Identifier: Apache-2.0
// What the interfaces show of an agent, as plain data: documents and metrics are functions of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/cluster_secret.h"
#include "model/config.h"
#include "model/peer_cache.h"
#include "model/state.h"
#include "plan/desired.h"
#include "plan/effort.h"
#include "service/alarms.h"
#include "service/counters.h"
#include "service/crypto_latency.h"
#include "service/leak_watch.h"
#include "source/source.h"

namespace wgs {

class Agent;

// What a source has told since the start.
struct SourceActivity {
    std::uint64_t upserts = 0;
    std::uint64_t removals = 0;
    std::uint64_t errors = 0;                     // reported
    std::optional<Clock::time_point> last_event;  // of any kind but errors
    std::size_t problems = 0;                     // now
};

// What the agent knows without asking the kernel. Refers to the agent, and is valid until the next
// event.
struct AgentView {
    const Config& config;
    const std::map<std::string, CachedPeer>& peers;
    const PeerStates& states;
    const ActualState& actual;
    const LeakWatch& leaks;
    const ClusterSecrets& secrets;
    BackendKind backend = BackendKind::kernel;
    bool starting = false;                     // the first plan is not carried out yet
    bool in_sync = false;                      // the kernel is as it should be
    bool source_complete = false;              // leftovers may be removed
    const std::vector<Rejection>& rejections;  // those that are shown, by node
    std::size_t rejection_count = 0;
    std::size_t held_nodes = 0;  // gone by the word of the source, and not confirmed yet
    std::uint64_t changes_made = 0;
    SourceActivity source = {};
    ReconcilerEffort effort = {};
    std::vector<Problem> problems = {};  // worst first
    std::vector<Problem> notes = {};     // nothing to be done about
    std::vector<Alarm> alarms = {};      // problems first
};

AgentView view_of(const Agent& agent);

// Those in the tables only.
using PeerCounts = std::map<PeerName, PeerTotals, PeerNameLess>;
Result<PeerCounts> count_peers(Agent& agent);

// By name; those in the tables only. Of one node, which costs the less, or of all.
using PeerStats = std::map<PeerName, wgs_peer_stats, PeerNameLess>;
Result<PeerStats> read_peer_stats(Agent& agent,
                                  const std::optional<std::string>& node = std::nullopt);
// Likewise.
Result<PeerCrypto> read_peer_crypto(Agent& agent,
                                    const std::optional<std::string>& node = std::nullopt);

// The device of our tunnel with this index; empty: there is none.
[[nodiscard]] std::string device_of(const AgentView& agent, std::size_t tunnel);

}  // namespace wgs
