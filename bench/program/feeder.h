// SPDX-License-Identifier: Apache-2.0
// Test runs of a program, a new packet each time.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab/bpf_object.h"
#include "bench/lab/destinations.h"

namespace wgs::bench {

// What the feeding program does to the packet before each run.
enum class Feed {
    ipv4,  // gives it the next destination and a fresh TTL
    ipv6,
    same,  // leaves it as it is
};

struct Stream {
    Feed feed = Feed::ipv4;
    std::vector<std::uint8_t> packet;
    std::uint32_t mark = 0;
};

class Feeder {
  public:
    explicit Feeder(const Destinations& destinations);

    // Nanoseconds from packet to packet, the feeding included.
    double time(int program, const Stream& stream, std::size_t packets) const;
    // A program that passes every packet.
    [[nodiscard]] int empty() const { return object_.program("wgs_empty"); }

  private:
    BpfObject object_;
};

// The same for XDP, with packets as they are.
class XdpFeeder {
  public:
    XdpFeeder();
    double time(int program, const std::vector<std::uint8_t>& packet, std::size_t packets) const;
    [[nodiscard]] int empty() const { return object_.program("wgs_empty"); }

  private:
    BpfObject object_;
};

}  // namespace wgs::bench
