// SPDX-License-Identifier: Apache-2.0
// What is there, as far as is known: observed in the kernel, and followed through what is done to
// it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "model/state.h"
#include "plan/step.h"

namespace wgs {

// Which ids are bound, and to whom.
class PeerIds {
  public:
    PeerIds() = default;
    explicit PeerIds(const std::map<PeerId, PeerSlot>& slots);

    // Of several ids with one name the first is kept.
    void bind(const PeerName& name, PeerId id);
    void release(const PeerName& name, PeerId id);
    [[nodiscard]] std::optional<PeerId> of(const PeerNameView& name) const;
    // The lowest one, not below `from`, that is not bound.
    [[nodiscard]] PeerId free_from(PeerId from) const;

  private:
    std::map<PeerName, PeerId, PeerNameLess> by_name_;
    std::vector<bool> bound_;
};

struct ActualState {
    std::map<TunnelIndex, TunnelState> tunnels;  // those that are there
    SteeringState steering;
    std::vector<Underlay> underlays;
    std::set<std::uint16_t> foreign_tunnels;  // UDP ports of others' WireGuard devices
    LocalPods pods;                           // none unless they are served past the host's stack
    PeerIds ids;                              // of steering.slots

    [[nodiscard]] const TunnelState* tunnel(TunnelIndex index) const {
        const auto found = tunnels.find(index);
        return found == tunnels.end() ? nullptr : &found->second;
    }
    // The tunnel with this key of ours, whose sessions are worth looking at; null: there is none.
    [[nodiscard]] const TunnelState* tunnel_with(TunnelIndex index, const PublicKey& own) const {
        const TunnelState* there = tunnel(index);
        return there != nullptr && there->public_key == own ? there : nullptr;
    }
};

// Takes over what the step has done. A device that is made, or gets a key, must be looked at.
void record(const Step& step, ActualState& state);

}  // namespace wgs
