// SPDX-License-Identifier: Apache-2.0
// Filters as tcpdump has them (pcap-filter(7)), on bare IP packets.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"

struct bpf_program;

namespace wgs::cli {

class Expression {
  public:
    // An error: what libpcap says is wrong with it. Layer 2 is not there to be asked about.
    static Result<Expression> compile(const std::string& text);

    // `bytes` may be the beginning of a packet of `length` bytes.
    [[nodiscard]] bool matches(std::span<const std::uint8_t> bytes, std::uint32_t length) const;

  private:
    struct Free {
        void operator()(bpf_program* program) const;
    };
    Expression() = default;
    std::unique_ptr<bpf_program, Free> program_;
};

}  // namespace wgs::cli
