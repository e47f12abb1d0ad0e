// SPDX-License-Identifier: Apache-2.0
// The guard's rules a second time, written plainly and without a look at bpf/lib.
#pragma once

#include "reference.h"

namespace wgs {

// What the guard may do with a frame. An initiation passes as long as its source has a token.
enum class Fate { pass, initiation, bad_message, clear_text };

class GuardReference {
  public:
    explicit GuardReference(World::Options options) : options_(options), reference_(options) {}

    [[nodiscard]] Fate fate(const Bytes& frame) const;

  private:
    World::Options options_;
    Reference reference_;
};

}  // namespace wgs
