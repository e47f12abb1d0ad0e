// SPDX-License-Identifier: Apache-2.0
#include "event.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sodium.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

namespace wgs::cli {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr const char* kColumns = "{:15} {}{:5}{} {:13} {:9} {:10} {:14} {:5} {} {}";

std::string text(const Json& line, const char* key) {
    const auto found = line.find(key);
    return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

template <class Number>
Number number(const Json& line, const char* key) {
    const auto found = line.find(key);
    return found != line.end() && found->is_number() ? found->get<Number>() : Number{0};
}

std::vector<std::uint8_t> from_base64(const std::string& text) {
    std::vector<std::uint8_t> bytes(text.size() / 4 * 3 + 3);
    std::size_t size = 0;
    if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size,
                          nullptr, sodium_base64_VARIANT_ORIGINAL) != 0)
        size = 0;
    bytes.resize(size);
    return bytes;
}

Event to_event(const Json& line) {
    return {.time_ns = number<std::int64_t>(line, "time_ns"),
            .hook = text(line, "hook"),
            .device = text(line, "device"),
            .verdict = text(line, "verdict"),
            .reason = text(line, "reason"),
            .peer = text(line, "peer"),
            .source = text(line, "source"),
            .destination = text(line, "destination"),
            .source_port = number<std::uint16_t>(line, "source_port"),
            .destination_port = number<std::uint16_t>(line, "destination_port"),
            .protocol = number<std::uint8_t>(line, "protocol"),
            .length = number<std::uint32_t>(line, "length"),
            .snapshot = from_base64(text(line, "snapshot"))};
}

std::string time_of_day(std::int64_t time_ns) {
    const std::time_t seconds = time_ns / kSecond;
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return fmt::format("{:02}:{:02}:{:02}.{:06}", local.tm_hour, local.tm_min, local.tm_sec,
                       time_ns % kSecond / 1000);
}

std::string end_of(const std::string& address, std::uint16_t port) {
    if (port == 0) return address;
    const bool v6 = address.find(':') != std::string::npos;
    return v6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

std::string or_dash(const std::string& text) {
    return text.empty() ? "-" : text;
}

}  // namespace

EventLine parse_event_line(std::string_view line) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return {};
    if (json.contains("lost"))
        return {.losses = Losses{.in_ring = number<std::uint64_t>(json, "lost"),
                                 .by_reader = number<std::uint64_t>(json, "lost_by_reader")}};
    if (!json.contains("verdict")) return {};
    return {.event = to_event(json)};
}

Colour colour_of_stdout() {
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    const bool dumb = term == nullptr || std::string_view(term) == "dumb";
    const bool unwanted = no_color != nullptr && *no_color != '\0';
    return ::isatty(STDOUT_FILENO) == 1 && !dumb && !unwanted ? Colour::on : Colour::off;
}

const char* colour_for(const std::string& verdict) {
    if (verdict == "drop") return "\x1b[31m";
    return verdict == "steer" ? "\x1b[32m" : "\x1b[33m";
}

std::string protocol_name(std::uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "tcp";
        case IPPROTO_UDP:
            return "udp";
        case IPPROTO_ICMP:
            return "icmp";
        case IPPROTO_ICMPV6:
            return "icmp6";
        case IPPROTO_SCTP:
            return "sctp";
        case 255:
            return "-";
        default:
            return std::to_string(protocol);
    }
}

std::string ends_of(const Event& event) {
    if (event.source.empty()) return "(not IP)";
    return end_of(event.source, event.source_port) + " > " +
           end_of(event.destination, event.destination_port);
}

std::string render_event(const Event& event, Colour colour) {
    const bool plain = colour == Colour::off;
    return fmt::format(kColumns, time_of_day(event.time_ns), plain ? "" : colour_for(event.verdict),
                       event.verdict, plain ? "" : "\x1b[0m", event.reason, event.hook,
                       event.device, or_dash(event.peer), protocol_name(event.protocol),
                       ends_of(event), event.length) +
           "\n";
}

std::string event_headings() {
    return fmt::format(kColumns, "TIME", "", "WHAT", "", "REASON", "HOOK", "DEVICE", "PEER",
                       "PROTO", "SOURCE > DESTINATION", "BYTES") +
           "\n";
}

}  // namespace wgs::cli
