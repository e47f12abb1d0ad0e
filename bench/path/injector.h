// SPDX-License-Identifier: Apache-2.0
// Makes packets out of nothing, as if they had come in by a device.
#pragma once

#include <cstddef>

#include "bench/lab/bpf_object.h"
#include "bench/lab/destinations.h"
#include "bench/path/host.h"

namespace wgs::bench {

enum class From {
    pod,   // to the destinations
    wire,  // from the destinations to the pod
};

class Injector {
  public:
    explicit Injector(const Destinations& destinations);

    // Small UDP datagrams that go round the first `flows` destinations, a power of two. Returns
    // nanoseconds for each, all that becomes of it on this CPU included.
    double send(const Host& host, From from, std::size_t frames, std::size_t flows) const;
    // A tc program that drops everything. Borrowed.
    [[nodiscard]] int sink() const { return object_.program("wgs_sink"); }

  private:
    BpfObject object_;
};

}  // namespace wgs::bench
