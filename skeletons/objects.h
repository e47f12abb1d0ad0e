// SPDX-License-Identifier: Apache-2.0
// Everything of ours in the kernel as descriptors, wherever they come from.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "maps/names.h"
#include "skeletons/bpffs.h"
#include "skeletons/programs.h"

namespace wgs {

inline constexpr std::array<std::string_view, 23> kMaps{
    WGS_MAP_ROOT4,    WGS_MAP_TRIE4,   WGS_MAP_HEAD6,  WGS_MAP_HASH6,     WGS_MAP_PEERS,
    WGS_MAP_RECORDS,  WGS_MAP_TUNNELS, WGS_MAP_BYPASS, WGS_MAP_UNDERLAYS, WGS_MAP_PODS,
    WGS_MAP_VERDICTS, WGS_MAP_STATS,   WGS_MAP_HELLO,  WGS_MAP_FLOOD,     WGS_MAP_WATCH4,
    WGS_MAP_WATCH6,   WGS_MAP_REGIONS, WGS_MAP_LEAKS,  WGS_MAP_TAP,       WGS_MAP_EVENTS,
    WGS_MAP_HEARD,    WGS_MAP_LAPS,    WGS_MAP_CRYPTO};

struct Objects {
    std::array<UniqueFd, WGS_HOOK_COUNT> programs;  // those of kHooks
    std::map<std::string_view, UniqueFd> maps;      // all of kMaps
};

// An error: one of them is not pinned.
Result<Objects> open_pinned(const Bpffs& bpffs);

// How the kernel numbers them, which it does once for each object until the next boot: first the
// programs, in the order of kHooks, then the maps.
Result<std::vector<std::uint32_t>> ids_of(const Objects& objects);

}  // namespace wgs
