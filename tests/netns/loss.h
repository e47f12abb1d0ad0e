// SPDX-License-Identifier: Apache-2.0
// Whether a scenario loses packets, judged on a machine that may be busy.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>

#include "tests/support/cluster.h"
#include "tests/support/traffic.h"

namespace wgs::test {

struct Loss {
    std::uint64_t packets = 0;     // that did not come back, or came twice
    std::uint64_t overflowed = 0;  // turned away by queues that nobody got to empty
    std::string details;
};

// Stops the streams and adds up what they lost, and what has overflowed since the mesh is there.
Loss loss_of(const Cluster& cluster, std::initializer_list<UdpStream*> streams);

// Runs the scenario, in a new mesh each time, until nothing is lost. A loss fails at once, unless a
// machine that did not keep up explains all of it by the kernel's own counts of full queues: that
// says nothing about the scenario, which is tried again, five times in all.
void expect_lossless(const std::function<Loss()>& scenario);

}  // namespace wgs::test
