// SPDX-License-Identifier: Apache-2.0
// Rows of the underlay and bypass tables.
#include <algorithm>
#include <set>

#include "maps/layout.h"
#include "plan/planner.h"

namespace wgs {

// A device keeps its row for as long as it is there: rows of peers refer to it.
void Planner::number_underlays() {
    std::set<std::uint8_t> taken;
    for (const auto& [row, entry] : actual_.steering.underlays) {
        underlay_rows_.emplace(entry.ifindex, row);
        taken.insert(row);
    }
    for (const Underlay& underlay : actual_.underlays) {
        if (underlay_rows_.contains(underlay.ifindex)) continue;
        std::uint8_t row = 0;
        while (taken.contains(row))
            ++row;
        if (row >= WGS_MAX_UNDERLAYS) {
            plan_.problems.push_back("too many underlay devices for " + underlay.name);
            continue;
        }
        taken.insert(row);
        underlay_rows_.emplace(underlay.ifindex, row);
    }
}

void Planner::set_underlays() {
    for (const Underlay& underlay : actual_.underlays) {
        const auto row = underlay_rows_.find(underlay.ifindex);
        if (row == underlay_rows_.end()) continue;
        const UnderlayEntry wanted{.ifindex = underlay.ifindex, .mac = underlay.mac};
        const auto there = actual_.steering.underlays.find(row->second);
        if (there == actual_.steering.underlays.end() || there->second != wanted) {
            emit(SetUnderlay{.index = row->second, .entry = wanted});
        }
    }
}

// Last of all, when no peer refers to the row any more. An underlay that has lost its address for a
// moment keeps it.
void Planner::free_underlays() {
    if (actual_.underlays.empty()) return;
    for (const auto& [row, entry] : actual_.steering.underlays) {
        const auto is_it = [&](const Underlay& it) { return it.ifindex == entry.ifindex; };
        if (std::ranges::none_of(actual_.underlays, is_it)) emit(SetUnderlay{.index = row});
    }
}

void Planner::set_bypass() {
    for (const Service& service : desired_.bypass) {
        if (!actual_.steering.bypass.contains(service)) emit(AddBypass{.service = service});
    }
    for (const Service& service : actual_.steering.bypass) {
        if (!desired_.bypass.contains(service)) emit(RemoveBypass{.service = service});
    }
}

}  // namespace wgs
