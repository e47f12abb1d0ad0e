// SPDX-License-Identifier: Apache-2.0
// Echo requests to one address, of any size, that may not be fragmented.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "model/ip.h"

namespace wgs::cli {

class Pinger {
  public:
    static Result<Pinger> open(const IpAddress& address);

    [[nodiscard]] int fd() const { return socket_.get(); }
    // `size` is that of the IP packet. False: it does not leave this node.
    bool send(std::uint32_t size);
    // IPv4 only.
    void ask_for_time();
    // Takes what has come in.
    void receive();

    [[nodiscard]] std::uint32_t largest_answered() const { return largest_; }
    // Who said last that a packet is too big, and what fits.
    [[nodiscard]] const std::string& complaint() const { return complaint_; }
    [[nodiscard]] std::uint32_t complaint_mtu() const { return complaint_mtu_; }
    [[nodiscard]] std::optional<std::chrono::milliseconds> clock_ahead() const { return ahead_; }

  private:
    Pinger(UniqueFd socket, Family family, std::uint16_t id)
        : socket_(std::move(socket)), family_(family), id_(id) {}
    void take(std::span<const std::uint8_t> message);
    void take_errors();

    UniqueFd socket_;
    Family family_;
    std::uint16_t id_;
    std::uint32_t largest_ = 0;
    std::string complaint_;
    std::uint32_t complaint_mtu_ = 0;
    std::optional<std::chrono::milliseconds> ahead_;
};

}  // namespace wgs::cli
