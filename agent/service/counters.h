// SPDX-License-Identifier: Apache-2.0
// Reasons in words, and sums over the counters that the programs keep.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "maps/layout.h"

namespace wgs {

struct ReasonInfo {
    wgs_reason number;
    std::string_view name;
    std::string_view direction;  // "out" or "in"
    std::string_view text;
    std::string_view advice;  // for an operator; empty: all is well
};

inline constexpr std::array kReasons{
#define WGS_REASON_INFO(number, name, direction, text, advice)                                     \
    ReasonInfo{WGS_REASON_##name, #name, #direction, text, advice},
    WGS_REASONS(WGS_REASON_INFO)
#undef WGS_REASON_INFO
};

// Numbers and positions agree, which makes the list a table.
static_assert([] {
    for (std::size_t i = 0; i < kReasons.size(); ++i) {
        if (kReasons[i].number != static_cast<wgs_reason>(i)) return false;
    }
    return kReasons.size() <= WGS_REASON_COUNT;
}());

// An unknown number, from a newer program, reads as `none`.
[[nodiscard]] constexpr const ReasonInfo& reason_info(wgs_reason reason) {
    return reason < kReasons.size() ? kReasons[reason] : kReasons[0];
}

// Packets of one peer.
struct PeerTotals {
    std::uint64_t steered = 0;
    std::uint64_t dropped = 0;
    std::uint64_t clear = 0;  // for the peer, but sent as they were
    std::uint64_t decrypted = 0;

    PeerTotals& operator+=(const PeerTotals& other) {
        steered += other.steered;
        dropped += other.dropped;
        clear += other.clear;
        decrypted += other.decrypted;
        return *this;
    }
    bool operator==(const PeerTotals&) const = default;
};

[[nodiscard]] inline PeerTotals peer_totals(const wgs_peer_stats& stats) {
    PeerTotals totals{.steered = stats.by_reason[WGS_REASON_steered].packets,
                      .dropped = stats.dropped.packets,
                      .decrypted = stats.by_reason[WGS_REASON_decrypted].packets};
    std::uint64_t out = 0;
    for (const ReasonInfo& reason : kReasons) {
        const bool outer = reason.number == WGS_REASON_outer;
        if (reason.direction == "out" && !outer) out += stats.by_reason[reason.number].packets;
    }
    // Drops of arriving packets are in `dropped` too, and packets are counted during the reading.
    totals.clear = out - std::min(out, totals.steered + totals.dropped);
    return totals;
}

}  // namespace wgs
