// SPDX-License-Identifier: Apache-2.0
// Captures in the pcapng format (draft-ietf-opsawg-pcapng), as bytes to be written one after the
// other. Packets are bare IP; each has a comment.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>

namespace wgs::cli {

enum class PacketDirection : std::uint32_t { in = 1, out = 2 };  // the format's numbers

struct CapturedPacket {
    std::int64_t time_ns = 0;  // since the epoch
    std::string device;
    std::string hook;
    PacketDirection direction = PacketDirection::in;
    std::span<const std::uint8_t> bytes;  // the beginning of the packet
    std::uint32_t length = 0;             // of all of it
    std::string comment;
};

class Pcapng {
  public:
    // Comes first.
    static std::string header();
    // A packet, after a description of its device and hook when they are new.
    std::string packet(const CapturedPacket& packet);

  private:
    std::map<std::pair<std::string, std::string>, std::uint32_t> interfaces_;
};

}  // namespace wgs::cli
