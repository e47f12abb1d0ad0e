// SPDX-License-Identifier: Apache-2.0
// Growing, jittered pauses between attempts.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace wgs {

class Backoff {
  public:
    using Pause = std::chrono::milliseconds;
    Backoff(Pause first, Pause longest) : first_(first), longest_(longest), next_(first) {}

    void reset() { next_ = first_; }
    // The pause before the next attempt: doubled each time, with up to 20 % taken off, so that many
    // agents that failed together do not come back together.
    Pause next() {
        const Pause full = next_;
        next_ = std::min(next_ * 2, longest_);
        std::uniform_int_distribution<Pause::rep> jitter(full.count() * 4 / 5, full.count());
        return Pause(jitter(random_));
    }

  private:
    Pause first_;
    Pause longest_;
    Pause next_;
    std::minstd_rand random_{std::random_device{}()};
};

}  // namespace wgs
