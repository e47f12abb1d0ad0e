// SPDX-License-Identifier: Apache-2.0
#include "service/leak_test.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <iterator>

namespace wgs {
namespace {

using Rows = WatchTable;

// The first address of a row stands for it, unless a longer one begins with it too, or packets for
// it stay on the link.
bool speaks_for_itself(const Rows& rows, Rows::const_iterator row) {
    const IpAddress& address = row->first.address();
    const auto next = std::next(row);
    const bool hidden = next != rows.end() && next->first.address() == address;
    return !hidden && !address.is_multicast() && !address.is_link_local() &&
           !address.is_unspecified();
}

bool is_watched(std::uint32_t from, std::uint32_t to) {
    return ((from | to) & WGS_WATCH_POD) != 0 || (from & to & WGS_WATCH_HOSTS) != 0;
}

std::optional<Flow> leak_from(const Rows& rows, Rows::const_iterator source) {
    const IpAddress& from = source->first.address();
    for (auto row = rows.begin(); row != rows.end(); ++row) {
        const bool other = row != source && row->first.family() == source->first.family() &&
                           (row->second & WGS_WATCH_TO) != 0;
        if (other && is_watched(source->second, row->second) && speaks_for_itself(rows, row))
            return Flow{.source = from, .destination = row->first.address()};
    }
    return std::nullopt;
}

SelfTestReport report(SelfTest outcome, std::string detail) {
    return {.outcome = outcome, .detail = std::move(detail)};
}

}  // namespace

std::optional<Flow> leaking_flow(const Rows& watched) {
    for (auto row = watched.begin(); row != watched.end(); ++row) {
        if ((row->second & WGS_WATCH_FROM) == 0 || !speaks_for_itself(watched, row)) continue;
        if (const auto flow = leak_from(watched, row)) return flow;
    }
    return std::nullopt;
}

SelfTestReport test_leak_watch(const BpfSteering& steering, const SteeringState& state,
                               std::uint32_t fwmark) {
    const std::optional<Flow> leak = leaking_flow(state.watched);
    if (!leak || state.tunnels.empty())
        return report(SelfTest::nothing_yet, "no peer is protected yet");
    Flow outer = *leak;
    outer.protocol = IPPROTO_UDP;
    outer.source_port = outer.destination_port = state.tunnels.begin()->second.port;
    const Result<bool> seen = steering.is_leak(first_packet(*leak), 0);
    const Result<bool> mistaken = steering.is_leak(first_packet(outer), fwmark);
    if (!seen || !mistaken)
        return report(SelfTest::failed, (seen ? mistaken : seen).error().message);
    const std::string between =
        fmt::format("{} > {}", leak->source.to_string(), leak->destination.to_string());
    if (!*seen) return report(SelfTest::failed, "does not see clear text " + between);
    if (*mistaken) return report(SelfTest::failed, "takes encrypted packets for clear text");
    return report(SelfTest::passed,
                  "sees clear text " + between + ", and lets encrypted packets be");
}

}  // namespace wgs
