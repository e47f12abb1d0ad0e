// SPDX-License-Identifier: Apache-2.0
// Tells when leaving packets do not reach wgs_nic_out: when a program of somebody else ends the
// chain before it, or they leave by a device on which it is not.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "source/source.h"

namespace wgs {

class ChainWatch {
  public:
    // Since some time in the past.
    struct Traffic {
        std::uint64_t sent = 0;      // by WireGuard to its peers, bytes
        std::uint64_t received = 0;  // from them
        std::uint64_t seen = 0;      // encrypted packets at wgs_nic_out
    };

    // `seen` has been read after the others.
    void note(const Traffic& now);
    [[nodiscard]] std::vector<Problem> problems() const;

  private:
    std::optional<Traffic> base_;  // when `seen` last changed
    bool sent_is_known_ = false;   // `base_` holds all that was sent until then
    int contradictions_ = 0;       // in a row
};

}  // namespace wgs
