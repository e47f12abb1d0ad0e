// SPDX-License-Identifier: Apache-2.0
#include "packet.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <stdexcept>

namespace wgs {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

// What a layer needs to know about those around it.
struct Surroundings {
    const Layer* inner = nullptr;
    Bytes pseudo_header;  // addresses of the innermost IP header around it
};

void append(Bytes& bytes, const Bytes& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

void append16(Bytes& bytes, std::size_t value) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
}

void store16(Bytes& bytes, std::size_t offset, std::uint16_t value) {
    bytes[offset] = static_cast<std::uint8_t>(value >> 8);
    bytes[offset + 1] = static_cast<std::uint8_t>(value);
}

Bytes address(int family, const std::string& text) {
    Bytes bytes(family == AF_INET ? 4 : 16);
    if (inet_pton(family, text.c_str(), bytes.data()) != 1) throw std::invalid_argument(text);
    return bytes;
}

// RFC 1071
std::uint16_t checksum(const Bytes& bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        sum += static_cast<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

std::uint16_t transport_checksum(const Bytes& segment, std::uint8_t protocol,
                                 const Bytes& addresses) {
    Bytes covered = addresses;
    append16(covered, protocol);
    append16(covered, segment.size());
    append(covered, segment);
    const std::uint16_t sum = checksum(covered);
    return protocol == IPPROTO_UDP && sum == 0 ? 0xffff : sum;
}

std::uint16_t ethertype_of(const Layer* layer) {
    if (!layer) return 0x0806;
    if (const auto* tag = std::get_if<vlan>(layer)) return tag->tag_type;
    if (std::holds_alternative<ipv4>(*layer)) return 0x0800;
    if (std::holds_alternative<ipv6>(*layer)) return 0x86dd;
    return 0x0806;
}

std::uint8_t protocol_of(const Layer* layer) {
    static constexpr std::uint8_t kNoNextHeader = 59;
    if (!layer) return kNoNextHeader;
    return std::visit(Overloaded{[](const extension& header) { return header.type; },
                                 [](const fragment&) -> std::uint8_t { return IPPROTO_FRAGMENT; },
                                 [](const authentication&) -> std::uint8_t { return IPPROTO_AH; },
                                 [](const udp&) -> std::uint8_t { return IPPROTO_UDP; },
                                 [](const tcp&) -> std::uint8_t { return IPPROTO_TCP; },
                                 [](const icmp&) -> std::uint8_t { return IPPROTO_ICMP; },
                                 [](const icmp6&) -> std::uint8_t { return IPPROTO_ICMPV6; },
                                 [](const auto&) { return kNoNextHeader; }},
                      *layer);
}

Bytes encode(const ethernet& header, const Surroundings& around, const Bytes& /*inside*/) {
    Bytes bytes(header.dst.begin(), header.dst.end());
    bytes.insert(bytes.end(), header.src.begin(), header.src.end());
    append16(bytes, header.ethertype.value_or(ethertype_of(around.inner)));
    return bytes;
}

Bytes encode(const vlan& header, const Surroundings& around, const Bytes& /*inside*/) {
    Bytes bytes;
    append16(bytes, header.id);
    append16(bytes, header.ethertype.value_or(ethertype_of(around.inner)));
    return bytes;
}

Bytes encode(const ipv4& header, const Surroundings& around, const Bytes& inside) {
    const std::size_t length = 20U + 4U * header.option_words;
    Bytes bytes{header.first_byte.value_or(static_cast<std::uint8_t>(0x40 | length / 4)),
                header.tos};
    append16(bytes, length + inside.size());
    append16(bytes, header.identification);
    append16(bytes, header.fragment_offset | (header.more_fragments ? 0x2000U : 0U) |
                        (header.dont_fragment ? 0x4000U : 0U));
    bytes.push_back(header.ttl);
    bytes.push_back(header.protocol.value_or(protocol_of(around.inner)));
    append16(bytes, 0);
    append(bytes, address(AF_INET, header.src));
    append(bytes, address(AF_INET, header.dst));
    bytes.resize(length, 1);  // options: no operation
    store16(bytes, 10, checksum(bytes));
    return bytes;
}

Bytes encode(const ipv6& header, const Surroundings& around, const Bytes& inside) {
    Bytes bytes{header.first_byte.value_or(0x60), 0, 0, 0};
    append16(bytes, inside.size());
    bytes.push_back(header.protocol.value_or(protocol_of(around.inner)));
    bytes.push_back(header.hop_limit);
    append(bytes, address(AF_INET6, header.src));
    append(bytes, address(AF_INET6, header.dst));
    return bytes;
}

Bytes encode(const extension& header, const Surroundings& around, const Bytes& /*inside*/) {
    Bytes bytes{header.protocol.value_or(protocol_of(around.inner)), header.length};
    bytes.resize(8U * (header.length + 1U));
    return bytes;
}

Bytes encode(const fragment& header, const Surroundings& around, const Bytes& /*inside*/) {
    Bytes bytes{header.protocol.value_or(protocol_of(around.inner)), 0};
    append16(bytes, (header.offset << 3U) | (header.more_fragments ? 1U : 0U));
    bytes.resize(8, 0x55);  // identification
    return bytes;
}

Bytes encode(const authentication& header, const Surroundings& around, const Bytes& /*inside*/) {
    Bytes bytes{header.protocol.value_or(protocol_of(around.inner)), header.length};
    bytes.resize(4U * (header.length + 2U));
    return bytes;
}

Bytes encode(const udp& header, const Surroundings& around, const Bytes& inside) {
    Bytes bytes;
    append16(bytes, header.sport);
    append16(bytes, header.dport);
    append16(bytes, header.length.value_or(8 + inside.size()));
    append16(bytes, 0);
    Bytes segment = bytes;
    append(segment, inside);
    store16(bytes, 6, transport_checksum(segment, IPPROTO_UDP, around.pseudo_header));
    return bytes;
}

Bytes encode(const tcp& header, const Surroundings& around, const Bytes& inside) {
    Bytes bytes;
    append16(bytes, header.sport);
    append16(bytes, header.dport);
    const auto words = static_cast<std::uint8_t>(5 + header.options.size() / 4);
    append(bytes, {0, 0, 0, 1, 0, 0, 0, 0, static_cast<std::uint8_t>(words << 4), header.flags,
                   0x10, 0x00, 0, 0, 0, 0});
    append(bytes, header.options);
    Bytes segment = bytes;
    append(segment, inside);
    store16(bytes, 16, transport_checksum(segment, IPPROTO_TCP, around.pseudo_header));
    return bytes;
}

// Without its checksum.
Bytes icmp_header(std::uint8_t type, std::uint8_t code, std::uint32_t rest) {
    Bytes bytes{type, code, 0, 0};
    append16(bytes, rest >> 16);
    append16(bytes, rest & 0xffff);
    return bytes;
}

Bytes encode(const icmp& header, const Surroundings& /*around*/, const Bytes& inside) {
    Bytes bytes = icmp_header(header.type, header.code, header.rest);
    Bytes message = bytes;
    append(message, inside);
    store16(bytes, 2, checksum(message));
    return bytes;
}

Bytes encode(const icmp6& header, const Surroundings& around, const Bytes& inside) {
    Bytes bytes = icmp_header(header.type, header.code, header.rest);
    Bytes message = bytes;
    append(message, inside);
    store16(bytes, 2, transport_checksum(message, IPPROTO_ICMPV6, around.pseudo_header));
    return bytes;
}

Bytes encode(const wireguard& message, const Surroundings& /*around*/, const Bytes& /*inside*/) {
    Bytes bytes{message.type, message.reserved[0], message.reserved[1], message.reserved[2]};
    bytes.resize(message.size, 0xa5);
    return bytes;
}

Bytes encode(const payload& content, const Surroundings& /*around*/, const Bytes& /*inside*/) {
    Bytes bytes(content.size);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(i);
    return bytes;
}

Bytes encode(const raw& layer, const Surroundings& /*around*/, const Bytes& /*inside*/) {
    return layer.content;
}

Bytes addresses_of(const Layer& layer) {
    Bytes addresses;
    if (const auto* v4 = std::get_if<ipv4>(&layer)) {
        append(addresses, address(AF_INET, v4->src));
        append(addresses, address(AF_INET, v4->dst));
    } else if (const auto* v6 = std::get_if<ipv6>(&layer)) {
        append(addresses, address(AF_INET6, v6->src));
        append(addresses, address(AF_INET6, v6->dst));
    }
    return addresses;
}

Surroundings surroundings_of(const std::vector<Layer>& layers, std::size_t index) {
    Surroundings around;
    if (index + 1 < layers.size()) around.inner = &layers[index + 1];
    for (std::size_t outer = index; outer-- > 0 && around.pseudo_header.empty();)
        around.pseudo_header = addresses_of(layers[outer]);
    return around;
}

}  // namespace

Packet operator/(Packet outer, const Packet& inner) {
    outer.layers_.insert(outer.layers_.end(), inner.layers_.begin(), inner.layers_.end());
    return outer;
}

Bytes Packet::bytes(std::size_t first) const {
    Bytes result;
    for (std::size_t index = layers_.size(); index-- > first;) {
        const Surroundings around = surroundings_of(layers_, index);
        Bytes outer = std::visit([&](const auto& layer) { return encode(layer, around, result); },
                                 layers_[index]);
        append(outer, result);
        result = std::move(outer);
    }
    return result;
}

std::string hex_dump(const Bytes& bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i % 16 == 0) text += fmt::format("{}{:04x} ", i == 0 ? "" : "\n", i);
        text += fmt::format(" {:02x}", bytes[i]);
    }
    return text;
}

testing::AssertionResult same_bytes(const Bytes& expected, const Bytes& actual) {
    if (expected == actual) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << "expected " << expected.size() << " bytes\n"
           << hex_dump(expected) << "\ngot " << actual.size() << " bytes\n"
           << hex_dump(actual);
}

}  // namespace wgs
