// SPDX-License-Identifier: Apache-2.0
#include "kernel/wireguard_text.h"

#include <sodium.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>

namespace wgs {
namespace {

std::string to_hex(const PublicKey& key) {
    std::array<char, PublicKey::kSize * 2 + 1> text;
    sodium_bin2hex(text.data(), text.size(), key.bytes().data(), key.bytes().size());
    return text.data();
}

std::string peer_line(const PublicKey& peer) {
    return "public_key=" + to_hex(peer) + "\n";
}

std::string allowed_ip_lines(std::span<const Prefix> prefixes) {
    std::string text;
    for (const Prefix& prefix : prefixes)
        text += "allowed_ip=" + prefix.to_string() + "\n";
    return text;
}

void append_preshared_key(std::string& text, const PresharedKey& key) {
    std::array<char, PresharedKey::kSize * 2 + 1> hex{};
    sodium_bin2hex(hex.data(), hex.size(), key.bytes().data(), key.bytes().size());
    text.append("preshared_key=").append(hex.data()).append("\n");
    sodium_memzero(hex.data(), hex.size());
}

struct Line {
    std::string_view key;
    std::string_view value;
};

tl::unexpected<Error> malformed() {
    return make_error(std::errc::protocol_error, "WireGuard's answer is malformed");
}

tl::unexpected<Error> bad(const Line& line) {
    return make_error(std::errc::protocol_error,
                      "WireGuard's answer has a bad value: " + std::string(line.key));
}

template <class Number>
Result<Number> number(const Line& line, Number highest = std::numeric_limits<Number>::max()) {
    Number value = 0;
    const char* end = line.value.data() + line.value.size();
    const auto [stop, error] = std::from_chars(line.value.data(), end, value);
    if (error != std::errc() || stop != end || value > highest) return bad(line);
    return value;
}

Result<Secret<32>> key_bytes(const Line& line) {
    Secret<32> key;
    std::size_t size = 0;
    const char* end = nullptr;
    const auto out = key.mutable_bytes();
    if (sodium_hex2bin(out.data(), out.size(), line.value.data(), line.value.size(), nullptr, &size,
                       &end) != 0 ||
        size != out.size() || end != line.value.data() + line.value.size()) {
        return bad(line);
    }
    return key;
}

Result<PublicKey> public_key(const Line& line) {
    return PublicKey(WGS_TRY(key_bytes(line)).bytes());
}

// "192.0.2.1:51820" or "[2001:db8::1%eth0]:51820"; the zone of a link-local address is dropped.
Result<Endpoint> endpoint(const Line& line) {
    const std::size_t colon = line.value.rfind(':');
    if (colon == std::string_view::npos) return bad(line);
    std::string_view host = line.value.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
        host = host.substr(0, host.find('%'));
    }
    const auto address = IpAddress::parse(host);
    if (!address || (address->family() == Family::v6) != bracketed) return bad(line);
    const Line port{.key = line.key, .value = line.value.substr(colon + 1)};
    return Endpoint{.address = *address, .port = WGS_TRY(number<std::uint16_t>(port))};
}

// Splits "key=value" lines up to the empty line which ends every answer.
class Lines {
  public:
    explicit Lines(std::string_view text) : rest_(text) {}

    // None at the end; text that does not end there, or a line without "=", is an error.
    Result<std::optional<Line>> next() {
        const std::size_t end = rest_.find('\n');
        if (end == std::string_view::npos) return malformed();
        const std::string_view text = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        if (text.empty()) {
            if (!rest_.empty()) return malformed();
            return std::nullopt;
        }
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos) return malformed();
        return Line{.key = text.substr(0, equals), .value = text.substr(equals + 1)};
    }

  private:
    std::string_view rest_;
};

class DeviceParser {
  public:
    // Lines after "errno" are none; what it says is returned by end().
    Status take(const Line& line) {
        if (errno_) return bad(line);
        if (line.key == "errno") {
            errno_ = WGS_TRY(error_number(line));
            return {};
        }
        if (line.key == "public_key") return start_session(line);
        return session_ != nullptr ? take_session(line) : take_device(line);
    }

    Result<TunnelState> end(std::string_view what) && {
        if (!errno_) return malformed();
        if (*errno_ != 0) return os_error(*errno_, what);
        end_session();
        return std::move(state_);
    }

  private:
    // wireguard-go negates it, other implementations do not.
    static Result<int> error_number(const Line& line) {
        constexpr int kHighest = 4095;  // MAX_ERRNO of the kernel
        const int value = WGS_TRY(number<int>(line, kHighest));
        if (value < -kHighest) return bad(line);
        return std::abs(value);
    }

    Status take_device(const Line& line) {
        if (line.key == "private_key") {
            state_.public_key = PrivateKey(WGS_TRY(key_bytes(line))).public_key();
        } else if (line.key == "listen_port") {
            state_.port = WGS_TRY(number<std::uint16_t>(line));
        } else if (line.key == "fwmark") {
            state_.fwmark = WGS_TRY(number<std::uint32_t>(line));
        } else {
            return bad(line);
        }
        return {};
    }

    Status start_session(const Line& line) {
        end_session();
        const auto [place, added] = state_.sessions.try_emplace(WGS_TRY(public_key(line)));
        if (!added) return bad(line);
        session_ = &place->second;
        return {};
    }

    void end_session() {
        if (session_ != nullptr) session_->allowed_ips.insert(allowed_ips_);
        allowed_ips_.clear();
    }

    Status take_session(const Line& line) {
        if (line.key == "allowed_ip") {
            const auto prefix = Prefix::parse(line.value);
            if (!prefix) return bad(line);
            allowed_ips_.push_back(*prefix);
        } else if (line.key == "endpoint") {
            session_->endpoint = WGS_TRY(endpoint(line));
        } else if (line.key == "persistent_keepalive_interval") {
            session_->keepalive = std::chrono::seconds(WGS_TRY(number<std::uint16_t>(line)));
        } else if (line.key == "rx_bytes") {
            session_->rx_bytes = WGS_TRY(number<std::uint64_t>(line));
        } else if (line.key == "tx_bytes") {
            session_->tx_bytes = WGS_TRY(number<std::uint64_t>(line));
        } else if (line.key == "protocol_version") {
            if (line.value != "1") return bad(line);
        } else if (line.key == "preshared_key") {
            session_->preshared_key = print_of(WGS_TRY(key_bytes(line)).bytes());
        } else {
            return take_handshake(line);
        }
        return {};
    }

    // Seconds precede nanoseconds; zero seconds mean that there was no handshake.
    Status take_handshake(const Line& line) {
        if (line.key == "last_handshake_time_sec") {
            const auto seconds =
                std::chrono::seconds(WGS_TRY(number<std::int64_t>(line, kLastSecond)));
            if (seconds.count() < 0) return bad(line);
            if (seconds.count() != 0) session_->last_handshake = Clock::time_point(seconds);
        } else if (line.key == "last_handshake_time_nsec") {
            const auto rest =
                std::chrono::nanoseconds(WGS_TRY(number<std::uint32_t>(line, 999'999'999)));
            if (session_->last_handshake) {
                *session_->last_handshake += std::chrono::duration_cast<Clock::duration>(rest);
            }
        } else {
            return bad(line);
        }
        return {};
    }

    // What Clock can hold, less the nanoseconds that may be added.
    static constexpr std::int64_t kLastSecond =
        std::chrono::duration_cast<std::chrono::seconds>(Clock::duration::max()).count() - 1;

    TunnelState state_;
    Session* session_ = nullptr;
    std::vector<Prefix> allowed_ips_;  // of this session
    std::optional<int> errno_;
};

Result<TunnelState> parse(std::string_view answer, std::string_view what) {
    Lines lines(answer);
    DeviceParser parser;
    while (const auto line = WGS_TRY(lines.next()))
        WGS_TRY(parser.take(*line));
    return std::move(parser).end(what);
}

}  // namespace

std::string format_settings(const TunnelState& actual, const TunnelSettings& wanted,
                            const PrivateKey& key) {
    constexpr std::size_t kLongest = 160;
    std::string text;
    text.reserve(kLongest);  // growing would leave a copy of the key behind
    std::string secret = key.to_hex();
    text.append("set=1\nprivate_key=").append(secret).append("\n");
    sodium_memzero(secret.data(), secret.size());
    if (actual.fwmark != wanted.fwmark) text += "fwmark=" + std::to_string(wanted.fwmark) + "\n";
    if (actual.port != wanted.port) text += "listen_port=" + std::to_string(wanted.port) + "\n";
    text += "\n";
    return text;
}

std::string format_updates(std::span<const PeerUpdate> updates) {
    constexpr std::size_t kLongestPeer = 320;
    constexpr std::size_t kLongestPrefix = 64;
    std::string text;
    std::size_t room = 16;
    for (const PeerUpdate& update : updates)
        room += kLongestPeer + kLongestPrefix * update.add_allowed_ips.size();
    text.reserve(room);  // growing would leave copies of keys behind
    text += "set=1\n";
    for (const PeerUpdate& update : updates) {
        text += peer_line(update.public_key);
        if (update.preshared_key) append_preshared_key(text, *update.preshared_key);
        if (update.endpoint) text += "endpoint=" + update.endpoint->to_string() + "\n";
        if (update.keepalive)
            text +=
                "persistent_keepalive_interval=" + std::to_string(update.keepalive->count()) + "\n";
        text += allowed_ip_lines(update.add_allowed_ips);
    }
    text += "\n";
    return text;
}

std::string format_removal(const PublicKey& peer) {
    return "set=1\n" + peer_line(peer) + "remove=true\n\n";
}

std::string format_steal(const PublicKey& thrower, std::span<const Prefix> prefixes) {
    return "set=1\n" + peer_line(thrower) + allowed_ip_lines(prefixes) + peer_line(thrower) +
           "remove=true\n\n";
}

Result<TunnelState> parse_device(std::string_view answer) {
    return parse(answer, "read WireGuard");
}

Status parse_acknowledgement(std::string_view answer, std::string_view what) {
    if (!answer.starts_with("errno=")) return malformed();
    WGS_TRY(parse(answer, what));
    return {};
}

}  // namespace wgs
