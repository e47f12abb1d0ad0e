// SPDX-License-Identifier: Apache-2.0
// The addresses that the bench's programs look up or send to, in the kernel.
#pragma once

#include <vector>

#include "bench/lab/bpf_object.h"
#include "bench/lab/prefixes.h"

namespace wgs::bench {

class Destinations {
  public:
    Destinations();
    // Takes the place of the ones before, from the first row on.
    void choose(Family family, const std::vector<wgs_destination6>& destinations) const;
    // Before the object is loaded.
    void lend_to(BpfObject& object) const;

  private:
    BpfObject owner_;
};

}  // namespace wgs::bench
