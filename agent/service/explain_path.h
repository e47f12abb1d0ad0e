// SPDX-License-Identifier: Apache-2.0
// The way of a packet, step by step. Internal to this directory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "service/explain.h"
#include "service/flow.h"

namespace wgs {

// Texts that are empty do not apply.
struct PathStep {
    std::string step;
    std::string device;
    std::string verdict;
    std::string reason;
    std::string text;
};

struct FoundOwner {
    Prefix prefix;
    Owner owner;
};

// The longest prefix in the tables that holds the address.
std::optional<FoundOwner> owner_of(const AgentView& agent, const IpAddress& address);

// A peer's side of the tunnel, as far as it is known.
struct FarEnd {
    const PeerSlot* slot = nullptr;
    const Session* session = nullptr;  // null: WireGuard does not know it
    PeerState state = PeerState::waiting;
};
// None: the id is of no peer.
std::optional<FarEnd> far_end(const AgentView& agent, PeerId id);

// The answer to the packet as a whole, and its way.
struct Judgement {
    Explanation answer;
    std::string advice;  // when more is known than the reason tells
    std::vector<PathStep> path;
};

Result<Judgement> judge_leaving(const AgentView& agent, const Flow& flow, const Oracle& oracle);
Result<Judgement> judge_arriving(const AgentView& agent, const Flow& flow, const Oracle& oracle);

// What both have in common.
PathStep hook_step(std::string device, HookPoint point, const Explanation& answer);
PathStep peer_step(const FarEnd& peer, Clock::time_point now);
// Where on this node an address is, by its route.
PathStep end_step(const AgentView& agent, const IpAddress& address, const Oracle& oracle);
bool is_underlay(const AgentView& agent, std::uint32_t ifindex);
// Where a program of ours is attached at that hook; empty: nowhere.
std::vector<std::string> devices_with(const Oracle& oracle, HookPoint point);

}  // namespace wgs
