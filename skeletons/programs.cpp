// SPDX-License-Identifier: Apache-2.0
#include "skeletons/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <nic_in.skel.h>
#include <nic_out.skel.h>
#include <wg_in.skel.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>

#include "maps/names.h"
#include "skeletons/libbpf_log.h"

namespace wgs {
namespace {

template <class Skeleton>
using Owned = std::unique_ptr<Skeleton, Deleter<&Skeleton::destroy>>;

template <class Skeleton>
Result<Owned<Skeleton>> open_skeleton(std::string_view name) {
    const LibbpfLog log;
    Owned<Skeleton> skeleton(Skeleton::open());
    if (!skeleton) return log.error(errno, "open program " + std::string(name));
    return skeleton;
}

void configure(nic_out_bpf& skeleton, const ProgramSettings& settings) {
    skeleton.rodata->policy_require = settings.policy_require;
    skeleton.rodata->hosts = settings.hosts;
    skeleton.rodata->fwmark = settings.fwmark;
    skeleton.rodata->mark_mask = settings.mark_mask;
}

void configure(wg_in_bpf& skeleton, const ProgramSettings& settings) {
    skeleton.rodata->mark_mask = settings.mark_mask;
    skeleton.rodata->decrypted_mark = settings.decrypted_mark;
}

void configure(nic_in_bpf& skeleton, const ProgramSettings& settings) {
    skeleton.rodata->hosts = settings.hosts;
    skeleton.rodata->mark_mask = settings.mark_mask;
    skeleton.rodata->decrypted_mark = settings.decrypted_mark;
}

bool has_row_per_peer(std::string_view map) {
    return map == WGS_MAP_PEERS || map == WGS_MAP_RECORDS || map == WGS_MAP_STATS;
}

// Sizes the maps and tells libbpf where each is, or is to be, pinned.
Status configure_maps(bpf_object* object, const Bpffs& bpffs, const ProgramSettings& settings) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
        const std::string name = bpf_map__name(map);
        if (bpf_map__is_internal(map)) continue;
        if (has_row_per_peer(name))
            bpf_map__set_max_entries(map, settings.max_peers + WGS_PEER_FIRST);
        if (bpf_map__set_pin_path(map, (bpffs.maps() / name).c_str()) != 0)
            return os_error(errno, "set the pin path of map " + name);
    }
    return {};
}

template <class Skeleton>
Status load_skeleton(Skeleton& skeleton, std::string_view name) {
    const LibbpfLog log;
    if (Skeleton::load(&skeleton) == 0) return {};
    return log.error(errno, "load program " + std::string(name));
}

Result<UniqueFd> duplicate(int fd, std::string_view what) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) return os_error(errno, "duplicate the descriptor of " + std::string(what));
    return copy;
}

Result<LoadedProgram> take_program(const bpf_object* object, std::string_view name) {
    const bpf_program* program =
        bpf_object__find_program_by_name(object, std::string(name).c_str());
    if (!program) return os_error(ENOENT, "find program " + std::string(name));
    LoadedProgram loaded{.fd = WGS_TRY(duplicate(bpf_program__fd(program), name))};
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(loaded.fd.get(), &info, &size) != 0)
        return os_error(errno, "inspect program " + std::string(name));
    loaded.id = info.id;
    return loaded;
}

Result<RawMap> take_map(const bpf_object* object, const char* name) {
    const int fd = bpf_object__find_map_fd_by_name(object, name);
    if (fd < 0) return os_error(-fd, std::string("find map ") + name);
    return RawMap(WGS_TRY(duplicate(fd, name)), name);
}

Result<Tables> take_tables(const bpf_object* object) {
    const std::size_t cpus = WGS_TRY(possible_cpus());
    return Tables{
        .prefix4 = Map<wgs_prefix4, wgs_owner>(WGS_TRY(take_map(object, WGS_MAP_PREFIX4))),
        .prefix6 = Map<wgs_prefix6, wgs_owner>(WGS_TRY(take_map(object, WGS_MAP_PREFIX6))),
        .peers = Map<std::uint32_t, wgs_peer>(WGS_TRY(take_map(object, WGS_MAP_PEERS))),
        .records = Map<std::uint32_t, wgs_peer_record>(WGS_TRY(take_map(object, WGS_MAP_RECORDS))),
        .tunnels = Map<std::uint32_t, wgs_tunnel>(WGS_TRY(take_map(object, WGS_MAP_TUNNELS))),
        .verdicts = CounterMap<wgs_counter>(WGS_TRY(take_map(object, WGS_MAP_VERDICTS)), cpus),
        .stats = CounterMap<wgs_peer_stats>(WGS_TRY(take_map(object, WGS_MAP_STATS)), cpus),
    };
}

// The whole life of a skeleton: what is kept of it are descriptors.
template <class Skeleton>
Result<Owned<Skeleton>> load_one(wgs_hook hook, const Bpffs& bpffs,
                                 const ProgramSettings& settings) {
    auto skeleton = WGS_TRY(open_skeleton<Skeleton>(program_name(hook)));
    configure(*skeleton, settings);
    WGS_TRY(configure_maps(skeleton->obj, bpffs, settings));
    WGS_TRY(load_skeleton(*skeleton, program_name(hook)));
    return skeleton;
}

Status pin_one(int fd, const std::filesystem::path& path) {
    const std::string next = path.string() + "-next";  // a BPF file system allows no dots
    if (::unlink(next.c_str()) != 0 && errno != ENOENT) return os_error(errno, "remove " + next);
    if (bpf_obj_pin(fd, next.c_str()) != 0) return os_error(errno, "pin " + next);
    if (::rename(next.c_str(), path.c_str()) != 0)
        return os_error(errno, "replace " + path.string());
    return {};
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
        default:
            return "unknown";
    }
}

Result<Programs> Programs::load(const Bpffs& bpffs, const ProgramSettings& settings) {
    const auto nic_out = WGS_TRY(load_one<nic_out_bpf>(WGS_HOOK_NIC_OUT, bpffs, settings));
    const auto wg_in = WGS_TRY(load_one<wg_in_bpf>(WGS_HOOK_WG_IN, bpffs, settings));
    const auto nic_in = WGS_TRY(load_one<nic_in_bpf>(WGS_HOOK_NIC_IN, bpffs, settings));
    ByHook programs;
    programs[WGS_HOOK_NIC_OUT] = WGS_TRY(take_program(nic_out->obj, WGS_PROG_NIC_OUT));
    programs[WGS_HOOK_WG_IN] = WGS_TRY(take_program(wg_in->obj, WGS_PROG_WG_IN));
    programs[WGS_HOOK_NIC_IN] = WGS_TRY(take_program(nic_in->obj, WGS_PROG_NIC_IN));
    return Programs(WGS_TRY(take_tables(nic_out->obj)), std::move(programs));
}

Status Programs::pin(const Bpffs& bpffs) const {
    for (const wgs_hook hook : kHooks)
        WGS_TRY(pin_one(at(hook).fd.get(), bpffs.programs() / program_name(hook)));
    return {};
}

}  // namespace wgs
