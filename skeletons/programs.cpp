// SPDX-License-Identifier: Apache-2.0
#include "skeletons/programs.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>

#include "maps/names.h"
#include "skeletons/fingerprint.h"
#include "skeletons/loader.h"
#include "skeletons/marker.h"
#include "skeletons/objects.h"
#include "skeletons/pinned_link.h"

namespace wgs {
namespace {

Result<Tables> make_tables(std::map<std::string_view, UniqueFd> maps) {
    const auto take = [&](const char* name) { return RawMap(std::move(maps.at(name)), name); };
    const std::size_t cpus = WGS_TRY(possible_cpus());
    return Tables{
        .steer = WGS_TRY(SteerTables::open({.root4 = std::move(maps.at(WGS_MAP_ROOT4)),
                                            .trie4 = std::move(maps.at(WGS_MAP_TRIE4)),
                                            .head6 = std::move(maps.at(WGS_MAP_HEAD6)),
                                            .hash6 = std::move(maps.at(WGS_MAP_HASH6))})),
        .peers = Map<std::uint32_t, wgs_peer>(take(WGS_MAP_PEERS)),
        .records = Map<std::uint32_t, wgs_peer_record>(take(WGS_MAP_RECORDS)),
        .tunnels = Map<std::uint32_t, wgs_tunnel>(take(WGS_MAP_TUNNELS)),
        .underlays = Map<std::uint32_t, wgs_underlay>(take(WGS_MAP_UNDERLAYS)),
        .bypass = Map<wgs_service, std::uint32_t>(take(WGS_MAP_BYPASS)),
        .pods = Map<wgs_pod_key, wgs_pod>(take(WGS_MAP_PODS)),
        .verdicts = CounterMap<wgs_counter>(take(WGS_MAP_VERDICTS), cpus),
        .stats = CounterMap<wgs_peer_stats>(take(WGS_MAP_STATS), cpus),
        .crypto = Map<std::uint32_t, wgs_crypto>(take(WGS_MAP_CRYPTO)),
        .watch = WGS_TRY(WatchTables::open({.watch4 = std::move(maps.at(WGS_MAP_WATCH4)),
                                            .watch6 = std::move(maps.at(WGS_MAP_WATCH6)),
                                            .regions = std::move(maps.at(WGS_MAP_REGIONS))})),
        .leaks = Map<wgs_leak_flow, wgs_leak>(take(WGS_MAP_LEAKS)),
        .events = WGS_TRY(
            EventTap::open(std::move(maps.at(WGS_MAP_TAP)), std::move(maps.at(WGS_MAP_EVENTS)))),
    };
}

Status pin_one(int fd, const std::filesystem::path& path) {
    const std::string next = path.string().append(kWaitingPin);
    if (::unlink(next.c_str()) != 0 && errno != ENOENT) return os_error(errno, "remove " + next);
    if (bpf_obj_pin(fd, next.c_str()) != 0) return os_error(errno, "pin " + next);
    if (::rename(next.c_str(), path.c_str()) != 0)
        return os_error(errno, "replace " + path.string());
    return {};
}

// Maps of layouts that these programs do not know, from before an upgrade.
Status remove_strange_maps(const std::filesystem::path& directory) {
    std::error_code failure;
    for (const auto& pin : std::filesystem::directory_iterator(directory, failure)) {
        const std::string name = pin.path().filename();
        if (name == WGS_MAP_FLOWS || std::ranges::find(kMaps, name) != kMaps.end()) continue;
        if (!std::filesystem::remove(pin.path(), failure)) break;
    }
    if (failure) return os_error(failure.value(), "remove old maps from " + directory.string());
    return {};
}

// The marker's name.
std::string build_of(const ProgramSettings& settings, const std::vector<std::uint32_t>& ids) {
    return fingerprint(embedded_images(), settings, ids);
}

}  // namespace

std::string_view program_name(wgs_hook hook) {
    switch (hook) {
        case WGS_HOOK_NIC_OUT:
            return WGS_PROG_NIC_OUT;
        case WGS_HOOK_WG_IN:
            return WGS_PROG_WG_IN;
        case WGS_HOOK_NIC_IN:
            return WGS_PROG_NIC_IN;
        case WGS_HOOK_NIC_GUARD:
            return WGS_PROG_NIC_GUARD;
        case WGS_HOOK_POD_OUT:
            return WGS_PROG_POD_OUT;
        case WGS_HOOK_LEAK_WATCH:
            return WGS_PROG_LEAK_WATCH;
        default:
            return "unknown";
    }
}

Result<Programs> Programs::load(const Bpffs& bpffs, const ProgramSettings& settings) {
    if (auto pinned = open_pinned(bpffs)) {
        const auto ids = WGS_TRY(ids_of(*pinned));
        std::error_code ignored;
        if (std::filesystem::exists(bpffs.build() / build_of(settings, ids), ignored))
            return own(std::move(*pinned), settings, ids);
    }
    Objects objects = WGS_TRY(load_objects(bpffs, settings));
    const auto ids = WGS_TRY(ids_of(objects));
    return own(std::move(objects), settings, ids);
}

Result<Programs> Programs::own(Objects objects, const ProgramSettings& settings, const Ids& ids) {
    ByHook programs;
    for (std::size_t i = 0; i < kHooks.size(); ++i)
        programs.at(kHooks.at(i)) = {.fd = std::move(objects.programs.at(kHooks.at(i))),
                                     .id = ids.at(i)};
    return Programs(WGS_TRY(make_tables(std::move(objects.maps))), std::move(programs),
                    build_of(settings, ids));
}

Status Programs::pin(const Bpffs& bpffs) const {
    WGS_TRY(remove_markers(bpffs.build()));
    for (const wgs_hook hook : kHooks)
        WGS_TRY(pin_one(at(hook).fd.get(), bpffs.programs() / program_name(hook)));
    WGS_TRY(remove_strange_maps(bpffs.maps()));
    return make_marker(bpffs.build() / build_);
}

}  // namespace wgs
