// SPDX-License-Identifier: Apache-2.0
#include "service/flow.h"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace wgs {
namespace {

constexpr std::uint8_t kDefaultTtl = 64;
constexpr std::uint8_t kTcpSyn = 0x02;
constexpr std::uint8_t kTcpSynAck = 0x12;
constexpr std::size_t kEthernetBytes = 14;
constexpr unsigned kDontFragment = 0x4000;

Result<std::uint32_t> parse_number(const std::string& name, const std::string& text,
                                   std::uint32_t limit) {
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end || value > limit) {
        return invalid(name + ": \"" + text + "\" is not a number up to " + std::to_string(limit));
    }
    return value;
}

Result<std::uint8_t> parse_protocol(const std::string& text, Family family) {
    if (text == "tcp") return std::uint8_t{IPPROTO_TCP};
    if (text == "udp") return std::uint8_t{IPPROTO_UDP};
    if (text == "icmp") {
        return family == Family::v4 ? std::uint8_t{IPPROTO_ICMP} : std::uint8_t{IPPROTO_ICMPV6};
    }
    return static_cast<std::uint8_t>(WGS_TRY(parse_number("proto", text, 255)));
}

class PacketWriter {
  public:
    void u8(unsigned value) { bytes_.push_back(static_cast<std::uint8_t>(value)); }
    void u16(unsigned value) {
        u8(value >> 8);
        u8(value & 0xff);
    }
    void zeros(std::size_t count) { bytes_.resize(bytes_.size() + count); }
    void address(const IpAddress& address) {
        bytes_.insert(bytes_.end(), address.bytes().begin(), address.bytes().end());
    }
    std::vector<std::uint8_t> take() { return std::move(bytes_); }

  private:
    std::vector<std::uint8_t> bytes_;
};

std::size_t transport_size(std::uint8_t protocol) {
    return protocol == IPPROTO_TCP ? 20 : 8;
}

std::size_t ip_header_size(const Flow& flow) {
    return flow.source.family() == Family::v4 ? 20 : 40;
}

std::size_t header_size(const Flow& flow) {
    return ip_header_size(flow) + transport_size(flow.protocol);
}

std::size_t padding(const Flow& flow) {
    return size_of(flow) - header_size(flow);
}

void write_ip_header(PacketWriter& packet, const Flow& flow) {
    const std::size_t payload = transport_size(flow.protocol) + padding(flow);
    if (flow.source.family() == Family::v4) {
        packet.u8(0x45);
        packet.u8(0);
        packet.u16(static_cast<unsigned>(20 + payload));
        packet.zeros(2);
        packet.u16(flow.size != 0 && !flow.may_fragment ? kDontFragment : 0);
        packet.u8(kDefaultTtl);
        packet.u8(flow.protocol);
        packet.zeros(2);
    } else {
        packet.u8(0x60);
        packet.zeros(3);
        packet.u16(static_cast<unsigned>(payload));
        packet.u8(flow.protocol);
        packet.u8(kDefaultTtl);
    }
    packet.address(flow.source);
    packet.address(flow.destination);
}

void write_transport_header(PacketWriter& packet, const Flow& flow) {
    switch (flow.protocol) {
        case IPPROTO_TCP:
            packet.u16(flow.source_port);
            packet.u16(flow.destination_port);
            packet.zeros(8);
            packet.u8(5 << 4);
            packet.u8(flow.is_answer ? kTcpSynAck : kTcpSyn);
            packet.zeros(6);
            return;
        case IPPROTO_UDP:
            packet.u16(flow.source_port);
            packet.u16(flow.destination_port);
            packet.u16(static_cast<unsigned>(8 + padding(flow)));
            packet.zeros(2);
            return;
        case IPPROTO_ICMP:
            packet.u8(flow.is_answer ? 0 : 8);  // echo reply, echo request
            packet.zeros(7);
            return;
        case IPPROTO_ICMPV6:
            packet.u8(flow.is_answer ? 129 : 128);  // likewise
            packet.zeros(7);
            return;
        default:
            packet.zeros(transport_size(flow.protocol));
    }
}

}  // namespace

Result<std::uint16_t> parse_port(const std::string& name, const std::string& text) {
    return static_cast<std::uint16_t>(WGS_TRY(parse_number(name, text, 65535)));
}

Result<Flow> parse_flow(const std::map<std::string, std::string>& arguments) {
    static const std::set<std::string> kKnown{"src", "dst", "proto", "sport", "dport", "size"};
    for (const auto& [name, value] : arguments) {
        if (!kKnown.contains(name)) return invalid("unknown argument: " + name);
    }
    const auto text = [&](const char* name, const char* otherwise) {
        const auto found = arguments.find(name);
        return found == arguments.end() ? std::string(otherwise) : found->second;
    };
    Flow flow;
    flow.source = WGS_TRY(IpAddress::parse(text("src", "")).within("src"));
    flow.destination = WGS_TRY(IpAddress::parse(text("dst", "")).within("dst"));
    if (flow.source.family() != flow.destination.family()) {
        return invalid("src and dst are of different families");
    }
    flow.protocol = WGS_TRY(parse_protocol(text("proto", "tcp"), flow.source.family()));
    flow.source_port = WGS_TRY(parse_port("sport", text("sport", "0")));
    flow.destination_port = WGS_TRY(parse_port("dport", text("dport", "0")));
    flow.size = WGS_TRY(parse_number("size", text("size", "0"), kMostTestBytes));
    return flow;
}

std::uint32_t size_of(const Flow& flow) {
    return std::max(flow.size, static_cast<std::uint32_t>(header_size(flow)));
}

Flow reverse(const Flow& flow) {
    Flow reversed = flow;
    std::swap(reversed.source, reversed.destination);
    std::swap(reversed.source_port, reversed.destination_port);
    reversed.is_answer = !flow.is_answer;
    return reversed;
}

std::vector<std::uint8_t> first_packet(const Flow& flow) {
    PacketWriter packet;
    packet.zeros(12);  // MAC addresses
    packet.u16(flow.source.family() == Family::v4 ? 0x0800 : 0x86dd);
    write_ip_header(packet, flow);
    write_transport_header(packet, flow);
    packet.zeros(padding(flow));
    return packet.take();
}

std::vector<std::uint8_t> first_bare_packet(const Flow& flow) {
    std::vector<std::uint8_t> packet = first_packet(flow);
    packet.erase(packet.begin(), packet.begin() + kEthernetBytes);
    return packet;
}

}  // namespace wgs
