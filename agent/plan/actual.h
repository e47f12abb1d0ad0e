// SPDX-License-Identifier: Apache-2.0
// What is there, as far as is known: observed in the kernel, and followed through what is done to
// it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
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
    void bind(const std::string& name, PeerId id);
    void release(const std::string& name, PeerId id);
    [[nodiscard]] std::optional<PeerId> of(std::string_view name) const;
    // The lowest one, not below `from`, that is not bound.
    [[nodiscard]] PeerId free_from(PeerId from) const;

  private:
    std::map<std::string, PeerId, std::less<>> by_name_;
    std::vector<bool> bound_;
};

struct ActualState {
    std::optional<TunnelState> tunnel;
    SteeringState steering;
    std::vector<Underlay> underlays;
    LocalPods pods;  // none unless they are served past the host's stack
    PeerIds ids;     // of steering.slots
};

// Takes over what the step has done. A device that is made, or gets a key, must be looked at.
void record(const Step& step, ActualState& state);

}  // namespace wgs
