// SPDX-License-Identifier: Apache-2.0
// What the interfaces show, as JSON texts of a stable shape.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"
#include "service/bpf_steering.h"
#include "service/view.h"

namespace wgs {

std::string status_document(const AgentView& agent, const std::vector<VerdictTotal>& totals,
                            const std::vector<HookStatus>& attached);
std::string peers_document(const AgentView& agent, const PeerCounts& counts,
                           const PeerCrypto& crypto = {});
// One peer, which must be known, in full: an entry for each tunnel it is in.
std::string peer_document(const AgentView& agent, const std::string& node,
                          const PeerStats& all_stats, const PeerCrypto& crypto = {});
// Every peer in as few bytes as will do, for somebody who asks again and again. `now` is of a clock
// that only goes on.
std::string top_document(const AgentView& agent, const PeerStats& stats,
                         std::chrono::milliseconds now, const PeerCrypto& crypto = {});
std::string leak_test_document(const AgentView& agent);
std::string version_document();
std::string error_document(const Error& error);

}  // namespace wgs
