// SPDX-License-Identifier: Apache-2.0
// A TCP connection that carries as much as it can.
#pragma once

#include <chrono>
#include <thread>

#include "base/unique_fd.h"
#include "model/ip.h"
#include "tests/support/net_namespace.h"

namespace wgs::bench {

class TcpStream {
  public:
    // `address` is of `to`, by whatever way it is reached. Throws if there is no connection in ten
    // seconds.
    TcpStream(const test::NetNamespace& from, const test::NetNamespace& to,
              const IpAddress& address);
    ~TcpStream();
    TcpStream(const TcpStream&) = delete;
    TcpStream& operator=(const TcpStream&) = delete;

    // Mbit/s that arrive from now on.
    double measure(std::chrono::milliseconds duration);

  private:
    void send() const;

    UniqueFd sender_;
    UniqueFd receiver_;
    std::thread thread_;
};

}  // namespace wgs::bench
