// SPDX-License-Identifier: Apache-2.0
#include "service/event_filter.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <functional>
#include <limits>
#include <span>
#include <string_view>

#include "bpf/lib/decide.h"
#include "service/bpf_steering.h"
#include "service/counters.h"

namespace wgs {
namespace {

constexpr std::string_view kProgramPrefix = "wgs_";
constexpr std::uint64_t kOuter = 1ULL << WGS_REASON_outer | 1ULL << WGS_REASON_outer_in;

Result<std::uint32_t> number(const std::string& name, const std::string& text, std::uint32_t least,
                             std::uint32_t most) {
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end || value < least || value > most) {
        return invalid(name + ": \"" + text + "\" is not a number from " + std::to_string(least) +
                       " to " + std::to_string(most));
    }
    return value;
}

Result<bool> flag(const std::string& name, const std::string& text) {
    return WGS_TRY(number(name, text, 0, 1)) == 1;
}

using Numbers = std::map<std::string, unsigned, std::less<>>;

// Bits for a list of names.
Result<std::uint64_t> bits(const std::string& what, std::string_view list, const Numbers& known) {
    std::uint64_t result = 0;
    while (true) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const auto found = known.find(list.substr(0, comma));
        if (found == known.end()) {
            std::string names;
            for (const auto& [name, ignored] : known)
                names += " " + name;
            return invalid(what + ": there is no \"" + std::string(list.substr(0, comma)) +
                           "\" but:" + names);
        }
        result |= 1ULL << found->second;
        if (comma == list.size()) return result;
        list.remove_prefix(comma + 1);
    }
}

const Numbers& verdicts() {
    static const Numbers kAll{
        {"pass", WGS_VERDICT_PASS}, {"steer", WGS_VERDICT_STEER}, {"drop", WGS_VERDICT_DROP}};
    return kAll;
}

const Numbers& reasons() {
    static const Numbers kAll = [] {
        Numbers all;
        for (const ReasonInfo& reason : kReasons)
            all.emplace(reason.name, reason.number);
        return all;
    }();
    return kAll;
}

const Numbers& hooks() {
    static const Numbers kAll = [] {
        Numbers all;
        for (const wgs_hook hook : kHooks)
            all.emplace(program_name(hook).substr(kProgramPrefix.size()), hook);
        return all;
    }();
    return kAll;
}

Result<std::uint8_t> protocol(const std::string& text) {
    static const Numbers kNames{{"tcp", IPPROTO_TCP},       {"udp", IPPROTO_UDP},
                                {"icmp", IPPROTO_ICMP},     {"icmp6", IPPROTO_ICMPV6},
                                {"icmpv6", IPPROTO_ICMPV6}, {"sctp", IPPROTO_SCTP}};
    const auto found = kNames.find(text);
    if (found != kNames.end()) return static_cast<std::uint8_t>(found->second);
    return static_cast<std::uint8_t>(WGS_TRY(number("proto", text, 1, 254)));
}

// An address alone is a prefix too.
Result<Prefix> prefix(const std::string& text) {
    if (text.find('/') != std::string::npos) return Prefix::parse(text).within("prefix");
    return Prefix(WGS_TRY(IpAddress::parse(text).within("prefix")));
}

// One argument of a query into the filter.
Status take(EventFilter& filter, const std::string& name, const std::string& value) {
    constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
    if (name == "verdict")
        filter.verdicts = static_cast<std::uint32_t>(WGS_TRY(bits(name, value, verdicts())));
    else if (name == "reason")
        filter.reasons = WGS_TRY(bits(name, value, reasons()));
    else if (name == "hook")
        filter.hooks = static_cast<std::uint32_t>(WGS_TRY(bits(name, value, hooks())));
    else if (name == "peer")
        filter.peer = value;
    else if (name == "prefix")
        filter.prefix = WGS_TRY(prefix(value));
    else if (name == "port")
        filter.port = static_cast<std::uint16_t>(WGS_TRY(number(name, value, 1, 65535)));
    else if (name == "proto")
        filter.protocol = WGS_TRY(protocol(value));
    else if (name == "sample")
        filter.sample = WGS_TRY(number(name, value, 1, kMost));
    else if (name == "snaplen")
        filter.snapshot = WGS_TRY(number(name, value, 0, WGS_SNAPSHOT_LARGE));
    else if (name == "first")
        filter.first = WGS_TRY(flag(name, value));
    else if (name == "outer")
        WGS_TRY(flag(name, value));
    else
        return invalid("unknown argument: " + name);
    return {};
}

void set_prefix(wgs_listener& listener, const Prefix& prefix) {
    listener.family = static_cast<std::uint8_t>(prefix.family());
    const auto bytes = prefix.address().bytes();
    std::memcpy(listener.address, bytes.data(), bytes.size());
    std::array<std::uint8_t, sizeof listener.mask> mask{};
    for (int bit = 0; bit < prefix.length(); ++bit)
        mask.at(static_cast<std::size_t>(bit) / 8) |= static_cast<std::uint8_t>(0x80 >> bit % 8);
    std::memcpy(listener.mask, mask.data(), mask.size());
}

}  // namespace

Result<EventFilter> parse_event_filter(const std::map<std::string, std::string>& query) {
    EventFilter filter;
    for (const auto& [name, value] : query)
        WGS_TRY(take(filter, name, value));
    const auto outer = query.find("outer");
    const bool wanted = outer != query.end() && outer->second == "1";
    if (!wanted && !query.contains("reason")) filter.reasons &= ~kOuter;
    filter.twice = query.contains("hook");
    return filter;
}

wgs_listener to_listener(const EventFilter& filter, const PeerIdsOfNode& peer) {
    wgs_listener listener{.reasons = filter.reasons,
                          .verdicts = filter.verdicts,
                          .hooks = filter.hooks,
                          .peer = peer[0],
                          .chance = std::numeric_limits<std::uint32_t>::max() / filter.sample,
                          .port = filter.port,
                          .protocol = filter.protocol,
                          .peer_too = peer[1]};
    if (filter.first) listener.flags |= WGS_LISTEN_FIRST;
    if (!filter.twice) listener.flags |= WGS_LISTEN_ONCE;
    if (filter.sample > 1) listener.flags |= WGS_LISTEN_TO_DROPS;
    if (filter.prefix) set_prefix(listener, *filter.prefix);
    return listener;
}

std::uint64_t reasons_to_drop(Policy policy) {
    const wgs_policy bpf = policy == Policy::require ? WGS_POLICY_REQUIRE : WGS_POLICY_PREFER;
    std::uint64_t result = 1ULL << WGS_REASON_bad_message | 1ULL << WGS_REASON_flood |
                           1ULL << WGS_REASON_unknown_inner | 1ULL << WGS_REASON_no_tunnel;
    for (const ReasonInfo& reason : kReasons) {
        if (wgs_out_verdict(reason.number, bpf) == WGS_VERDICT_DROP ||
            wgs_in_verdict(reason.number, bpf) == WGS_VERDICT_DROP)
            result |= 1ULL << reason.number;
    }
    return result;
}

}  // namespace wgs
