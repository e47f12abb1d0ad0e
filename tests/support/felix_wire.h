// SPDX-License-Identifier: Apache-2.0
// Felix's side of its dataplane protocol, written byte by byte from the numbers of its fields: an
// oracle for the agent's own description of the messages.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace wgs::test {

// Felix has changed its messages without a version number.
enum class Generation { v3_29, v3_32, v3_33 };

inline std::ostream& operator<<(std::ostream& out, Generation generation) {
    return out << (generation == Generation::v3_29   ? "v3_29"
                   : generation == Generation::v3_32 ? "v3_32"
                                                     : "v3_33");
}

enum class RouteType {
    cidr_info,
    remote_workload,
    remote_host,
    local_workload,
    local_host,
    remote_tunnel,
    local_tunnel
};

namespace wire {

inline std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7)
        bytes.push_back(static_cast<char>((value & 0x7f) | 0x80));
    bytes.push_back(static_cast<char>(value));
    return bytes;
}

inline std::string number(unsigned field, std::uint64_t value) {
    return varint(field << 3) + varint(value);
}

inline std::string bytes(unsigned field, std::string_view value) {
    return varint(field << 3 | 2) + varint(value.size()) + std::string(value);
}

// Protobuf leaves out what is empty.
inline std::string text(unsigned field, std::string_view value) {
    return value.empty() ? "" : bytes(field, value);
}

inline std::string frame(std::string_view payload) {
    std::string length;
    for (unsigned i = 0; i < 8; ++i)
        length.push_back(static_cast<char>(payload.size() >> (8 * i) & 0xff));
    return length + std::string(payload);
}

}  // namespace wire

// Frames of messages to the driver.
class FelixSpeaker {
  public:
    explicit FelixSpeaker(Generation generation) : generation_(generation) {}

    std::string config(const std::map<std::string, std::string>& parameters) {
        std::string entries;
        for (const auto& [name, value] : parameters)
            entries += wire::bytes(1, wire::text(1, name) + wire::text(2, value));
        return say(13, entries + wire::text(3, "a message"));
    }
    std::string in_sync() { return say(1, ""); }

    // Bare addresses; empty: the node has none of this family.
    std::string host(const std::string& node, const std::string& ipv4,
                     const std::string& ipv6 = "") {
        const std::string name = wire::text(1, node);
        const auto cidr = [](const std::string& address, const char* length) {
            return address.empty() ? address : address + length;
        };
        const std::string both = name + wire::text(2, cidr(ipv4, "/24")) +
                                 wire::text(3, cidr(ipv6, "/64")) + wire::text(4, "64512");
        if (generation_ == Generation::v3_33) return say(14, both);
        std::string frames;
        if (!ipv4.empty()) frames += say(14, name + wire::text(2, ipv4));
        if (!ipv6.empty()) frames += say(35, name + wire::text(2, ipv6));
        return frames + say(37, both);
    }
    std::string host_remove(const std::string& node) {
        const std::string name = wire::text(1, node);
        if (generation_ == Generation::v3_33) return say(18, name);
        return say(18, name) + say(36, name) + say(38, name);
    }

    std::string route(const std::string& destination, const std::string& node, RouteType type) {
        const auto number = static_cast<unsigned>(type);
        const std::string rest = wire::number(2, 1) + wire::text(3, destination) +
                                 wire::text(4, node) + wire::text(5, "192.0.2.99");
        if (generation_ == Generation::v3_29)
            return say(23, (number == 0 ? "" : wire::number(1, number)) + rest);
        return say(23, rest + (number == 0 ? "" : wire::number(12, 1U << (number - 1))));
    }
    std::string route_remove(const std::string& destination) {
        return say(24, wire::text(2, destination));
    }

    std::string endpoint(const std::string& node, const std::string& key,
                         const std::string& address = "") {
        return say(27, wire::text(1, node) + wire::text(2, key) + wire::text(3, address));
    }
    std::string endpoint_remove(const std::string& node) { return say(28, wire::text(1, node)); }
    std::string endpoint_v6(const std::string& node, const std::string& key,
                            const std::string& address = "") {
        return say(33, wire::text(1, node) + wire::text(2, key) + wire::text(3, address));
    }
    std::string endpoint_v6_remove(const std::string& node) { return say(34, wire::text(1, node)); }

    // Any other message of the envelope.
    std::string say(unsigned field, const std::string& message) {
        return wire::frame(wire::bytes(field, message) + wire::number(15, ++sequence_number_));
    }

  private:
    Generation generation_;
    std::uint64_t sequence_number_ = 0;
};

// What the driver has said.
struct DriverWords {
    std::map<std::uint64_t, std::vector<std::string>> keys;  // by IP version
    std::vector<std::string> signs_of_life;                  // their times
    bool garbled = false;
};

namespace wire {

class Cursor {
  public:
    explicit Cursor(std::string_view bytes) : left_(bytes) {}
    [[nodiscard]] bool done() const { return left_.empty(); }
    [[nodiscard]] bool bad() const { return bad_; }

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && !left_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(left_.front());
            left_.remove_prefix(1);
            value |= std::uint64_t{byte & 0x7fU} << shift;
            if (byte < 0x80) return value;
        }
        bad_ = true;
        return 0;
    }
    std::string_view take(std::uint64_t count) {
        if (count > left_.size()) {
            bad_ = true;
            count = left_.size();
        }
        const std::string_view taken = left_.substr(0, count);
        left_.remove_prefix(count);
        return taken;
    }

  private:
    std::string_view left_;
    bool bad_ = false;
};

// Fields of a message: numbers as decimal text.
inline std::map<std::uint64_t, std::string> fields(std::string_view message, bool& bad) {
    std::map<std::uint64_t, std::string> result;
    Cursor cursor(message);
    while (!cursor.done() && !cursor.bad()) {
        const std::uint64_t tag = cursor.varint();
        switch (tag & 7) {
            case 0:
                result[tag >> 3] = std::to_string(cursor.varint());
                break;
            case 1:
                result[tag >> 3] = cursor.take(8);
                break;
            case 2:
                result[tag >> 3] = cursor.take(cursor.varint());
                break;
            default:
                bad = true;
                return result;
        }
    }
    bad = bad || cursor.bad();
    return result;
}

}  // namespace wire

// Of whole frames.
inline DriverWords parse_driver(std::string_view stream) {
    DriverWords words;
    while (stream.size() >= 8) {
        std::uint64_t length = 0;
        for (unsigned i = 0; i < 8; ++i)
            length |= std::uint64_t{static_cast<unsigned char>(stream[i])} << (8 * i);
        stream.remove_prefix(8);
        if (length > stream.size()) break;
        const auto envelope = wire::fields(stream.substr(0, length), words.garbled);
        stream.remove_prefix(length);
        if (const auto status = envelope.find(9); status != envelope.end()) {
            auto parts = wire::fields(status->second, words.garbled);
            words.keys[parts[2].empty() ? 0 : std::stoull(parts[2])].push_back(parts[1]);
        } else if (const auto sign = envelope.find(3); sign != envelope.end()) {
            auto parts = wire::fields(sign->second, words.garbled);
            words.signs_of_life.push_back(parts[1]);
        } else {
            words.garbled = true;
        }
    }
    words.garbled = words.garbled || !stream.empty();
    return words;
}

}  // namespace wgs::test
