// SPDX-License-Identifier: Apache-2.0
// Traffic between namespaces. Every wait is bounded.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "model/ip.h"
#include "tests/support/environment.h"
#include "tests/support/net_namespace.h"

namespace wgs::test {

// One ICMP echo; the TTL (hop limit) of the reply as received, or none without a reply in time.
std::optional<int> ping(const NetNamespace& from, const IpAddress& to, Millis timeout = 1s);

// Whether one of several pings is answered before scaled(timeout).
bool reaches(const NetNamespace& from, const IpAddress& to, Millis timeout = 3s);

// Sends `bytes` over TCP and has the receiver, at `at` under whatever address, confirm length and
// checksum; false if anything is missing, altered or late.
bool tcp_transfer(const NetNamespace& from, const IpAddress& to, const NetNamespace& at,
                  std::size_t bytes, Millis timeout = 20s);

struct StreamReport {
    std::uint64_t sent = 0;
    std::uint64_t arrived = 0;  // at the far end
    std::uint64_t echoed = 0;   // back at the sender
    std::uint64_t duplicated = 0;
    std::uint64_t reordered = 0;
    std::string first_losses;  // sequence numbers, for the failure message
};

// Numbered UDP packets at a steady rate, each echoed by the far end, until stop().
class UdpStream {
  public:
    UdpStream(const NetNamespace& from, const IpAddress& to, const NetNamespace& at, int rate);
    ~UdpStream();
    UdpStream(const UdpStream&) = delete;
    UdpStream& operator=(const UdpStream&) = delete;

    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    // Stops sending, waits for the stragglers and reports.
    StreamReport stop();

  private:
    void send();
    void echo();
    void collect();
    void note_echo(std::uint64_t number);
    void join();

    int rate_;
    UniqueFd client_;
    UniqueFd server_;
    std::atomic<bool> sending_ = true;
    std::atomic<bool> receiving_ = true;
    std::atomic<std::uint64_t> sent_ = 0;
    std::atomic<std::uint64_t> arrived_ = 0;
    std::vector<bool> seen_;
    std::uint64_t highest_ = 0;
    StreamReport echoes_;
    std::thread sender_;
    std::thread echoer_;
    std::thread collector_;
};

}  // namespace wgs::test
