// SPDX-License-Identifier: Apache-2.0
// Forged WireGuard handshake initiations on the wire, as fast as is asked for.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/net_namespace.h"

namespace wgs::test {

// This address and those that follow it, taken in turn. 198.18.0.0/15 is for benchmarks (RFC 2544).
struct ForgedSources {
    std::array<std::uint8_t, 4> first{198, 18, 0, 0};
    std::uint32_t count = 1;
};

struct FloodTarget {
    std::array<std::uint8_t, 6> mac{};
    std::array<std::uint8_t, 4> address{};
    std::uint16_t port = 51820;
};

// Where a device of a namespace is reached on its link.
std::array<std::uint8_t, 6> mac_of(const NetNamespace& ns, const std::string& device);

class HandshakeFlood {
  public:
    // Sends out of `device` of `from` until stop(), in bursts of a millisecond's worth each.
    HandshakeFlood(const NetNamespace& from, const std::string& device, const FloodTarget& target,
                   const ForgedSources& sources, int per_second);
    ~HandshakeFlood();
    HandshakeFlood(const HandshakeFlood&) = delete;
    HandshakeFlood& operator=(const HandshakeFlood&) = delete;

    // How many were sent.
    std::uint64_t stop();

  private:
    static constexpr std::size_t kFrameSize = 14 + 20 + 8 + 148;
    using Frame = std::array<std::uint8_t, kFrameSize>;

    void make_frames(const FloodTarget& target, const ForgedSources& sources);
    void send(int per_second);
    void send_burst(std::size_t count);

    UniqueFd socket_;
    std::vector<Frame> frames_;  // one for each source, sent in turn
    std::size_t next_ = 0;
    std::uint64_t sent_ = 0;
    std::atomic<bool> sending_ = true;
    std::thread sender_;
};

}  // namespace wgs::test
