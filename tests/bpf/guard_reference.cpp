// SPDX-License-Identifier: Apache-2.0
#include "guard_reference.h"

#include <cstddef>
#include <optional>
#include <set>
#include <stdexcept>

namespace wgs {
namespace {

constexpr std::uint32_t kOwnNode = 0x01000001;  // class 1, id 1

// A UDP datagram, or the first piece of one, inside an IP packet.
struct Datagram {
    Bytes destination;
    std::size_t udp = 0;  // where its header begins
    bool in_pieces = false;
};

std::size_t u16(const Bytes& frame, std::size_t at) {
    return frame.at(at) * 256U + frame.at(at + 1);
}

Bytes copy(const Bytes& frame, std::size_t at, std::size_t size) {
    if (at + size > frame.size()) throw std::out_of_range("address");
    const auto begin = frame.begin() + static_cast<std::ptrdiff_t>(at);
    return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}

std::optional<Datagram> find_ipv4(const Bytes& frame, std::size_t at) {
    const std::size_t length = frame.at(at) % 16 * 4U;
    if (frame.at(at) / 16 != 4 || length < 20) return std::nullopt;
    const std::size_t pieces = u16(frame, at + 6);
    if (frame.at(at + 9) != 17 || pieces % 0x2000 != 0) return std::nullopt;
    return Datagram{.destination = copy(frame, at + 16, 4),
                    .udp = at + length,
                    .in_pieces = (pieces & 0x2000) != 0};
}

std::optional<Datagram> find_ipv6(const Bytes& frame, std::size_t at) {
    if (frame.at(at) / 16 != 6) return std::nullopt;
    Datagram found{.destination = copy(frame, at + 24, 16), .udp = at + 40};
    std::uint8_t type = frame.at(at + 6);
    for (int headers = 0; type != 17; ++headers) {
        if (headers == 6 || !std::set<int>{0, 43, 44, 51, 60}.contains(type)) return std::nullopt;
        if (type == 44 && u16(frame, found.udp + 2) >= 8) return std::nullopt;
        if (type == 44) found.in_pieces = true;
        const std::size_t units = frame.at(found.udp + 1);
        const std::size_t size = type == 44 ? 8 : type == 51 ? 8 + units * 4 : 8 + units * 8;
        type = frame.at(found.udp);
        found.udp += size;
    }
    return found;
}

std::optional<Datagram> find_datagram(const Bytes& frame) try {
    std::size_t at = 12;
    for (int tags = 0; tags < 2 && (u16(frame, at) == 0x8100 || u16(frame, at) == 0x88a8); ++tags)
        at += 4;
    const std::size_t type = u16(frame, at);
    if (type != 0x0800 && type != 0x86dd) return std::nullopt;
    const auto found = type == 0x0800 ? find_ipv4(frame, at + 2) : find_ipv6(frame, at + 2);
    if (found && (u16(frame, found->udp + 2) != kPort || found->udp + 8 > frame.size()))
        return std::nullopt;
    return found;
} catch (const std::out_of_range&) {
    return std::nullopt;
}

bool right_size(std::size_t type, std::size_t size) {
    if (type == 4) return size >= 32 && (size % 16 == 0 || size >= 584);
    return size == (type == 1 ? 148 : type == 2 ? 92 : 64);
}

Fate fate_of_message(const Bytes& frame, const Datagram& datagram) try {
    const std::size_t length = u16(frame, datagram.udp + 4);
    const std::size_t message = datagram.udp + 8;
    const std::size_t type = frame.at(message);
    for (std::size_t i = 1; i <= 3; ++i)
        if (frame.at(message + i) != 0) return Fate::bad_message;
    if (type < 1 || type > 4) return Fate::bad_message;
    const bool whole = length >= 8 && datagram.udp + length <= frame.size();
    if (!datagram.in_pieces && (!whole || !right_size(type, length - 8))) return Fate::bad_message;
    return type == 1 ? Fate::initiation : Fate::pass;
} catch (const std::out_of_range&) {
    return Fate::bad_message;
}

}  // namespace

Fate GuardReference::fate(const Bytes& frame) const {
    const auto datagram = find_datagram(frame);
    if (datagram && reference_.owner(datagram->destination) == kOwnNode)
        return fate_of_message(frame, *datagram);
    const bool clear = reference_.nic_in(frame, 0).reason == WGS_REASON_clear_in;
    return clear && options_.require ? Fate::clear_text : Fate::pass;
}

}  // namespace wgs
