// SPDX-License-Identifier: Apache-2.0
// A listener on the wire between the nodes.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/frame.h"
#include "tests/support/net_namespace.h"

namespace wgs::test {

struct WireCounts {
    std::uint64_t wireguard = 0;
    std::uint64_t neighbour = 0;
    std::uint64_t clear = 0;
    std::uint64_t pieces = 0;
    std::uint64_t other = 0;
    std::uint64_t missed = 0;  // frames the capture could not keep up with: it proves nothing then
    std::vector<std::string> clear_samples;  // the first few, in hexadecimal
};

// Sees every frame that enters the namespace through any device, from construction to stop(). In
// the namespace of a switch that is each frame of each node, once.
class Capture {
  public:
    Capture(const NetNamespace& ns, WireRules rules);
    ~Capture();
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

    // Whether a packet in clear has been seen by now.
    [[nodiscard]] bool seen_clear() const { return seen_clear_; }
    // Counts what has arrived so far and ends the capture.
    WireCounts stop();

  private:
    void listen();
    bool take_frame();
    void count(std::span<const std::uint8_t> frame);

    WireRules rules_;
    UniqueFd socket_;
    WireCounts counts_;
    std::atomic<bool> seen_clear_ = false;
    std::atomic<bool> ending_ = false;
    std::thread listener_;
};

}  // namespace wgs::test
