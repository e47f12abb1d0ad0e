// SPDX-License-Identifier: Apache-2.0
#include "skeletons/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <leak_watch.skel.h>
#include <nic_guard.skel.h>
#include <nic_in.skel.h>
#include <nic_out.skel.h>
#include <pod_out.skel.h>
#include <sodium.h>
#include <unistd.h>
#include <wg_in.skel.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>

#include "maps/flows.h"
#include "maps/names.h"
#include "skeletons/libbpf_log.h"
#include "skeletons/map.h"

namespace wgs {
namespace {

// Maps that programs address directly are sections (maps/maps.bpf.h), after which libbpf names
// them.
struct Section {
    std::string_view name;
    std::string_view map;  // as kMaps has it
};
constexpr std::array kSections{Section{".data.wgs_tap", WGS_MAP_TAP},
                               Section{".data.wgs_laps", WGS_MAP_LAPS}};

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
    skeleton.rodata->tunnels = settings.tunnels;
    skeleton.rodata->policy_require = settings.policy_require;
    skeleton.rodata->hosts = settings.hosts;
    skeleton.rodata->fast = settings.fast;
    skeleton.rodata->overlay = settings.overlay;
    skeleton.rodata->crypto_latency = settings.crypto_latency;
    skeleton.rodata->fwmark = settings.fwmark;
    skeleton.rodata->decrypted_mark = settings.decrypted_mark;
    skeleton.rodata->mark_mask = settings.mark_mask;
}

void configure(wg_in_bpf& skeleton, const ProgramSettings& settings) {
    skeleton.rodata->fast = settings.fast;
    skeleton.rodata->mark_mask = settings.mark_mask;
    skeleton.rodata->decrypted_mark = settings.decrypted_mark;
}

void configure(nic_in_bpf& skeleton, const ProgramSettings& settings) {
    skeleton.rodata->tunnels = settings.tunnels;
    skeleton.rodata->policy_require = settings.policy_require;
    skeleton.rodata->hosts = settings.hosts;
    skeleton.rodata->overlay = settings.overlay;
    skeleton.rodata->mark_mask = settings.mark_mask;
    skeleton.rodata->decrypted_mark = settings.decrypted_mark;
}

void configure(nic_guard_bpf& skeleton, const ProgramSettings& settings) {
    skeleton.rodata->tunnels = settings.tunnels;
    skeleton.rodata->policy_require = settings.policy_require;
    skeleton.rodata->hosts = settings.hosts;
    skeleton.rodata->overlay = settings.overlay;
    skeleton.rodata->sees_decrypted = settings.guard_sees_decrypted;
}

void configure(leak_watch_bpf& skeleton, const ProgramSettings& settings) {
    skeleton.rodata->fwmark = settings.fwmark;
    skeleton.rodata->mark_mask = settings.mark_mask;
}

void configure(pod_out_bpf& skeleton, const ProgramSettings& settings) {
    skeleton.rodata->fast = settings.fast;
    skeleton.rodata->hosts = settings.hosts;
    skeleton.rodata->overlay = settings.overlay;
    skeleton.rodata->crypto_latency = settings.crypto_latency;
}

bool has_row_per_peer(std::string_view map) {
    return map == WGS_MAP_PEERS || map == WGS_MAP_RECORDS || map == WGS_MAP_STATS ||
           map == WGS_MAP_CRYPTO || map == WGS_MAP_HELLO;
}

// The kernel allocates this map in full: it is there only while it is used.
Status forgo_flows(bpf_map* map, const std::filesystem::path& pin) {
    bpf_map__set_max_entries(map, 1);
    if (::unlink(pin.c_str()) != 0 && errno != ENOENT)
        return os_error(errno, "remove " + pin.string());
    return {};
}

// As kMaps has it.
std::string name_of(const bpf_map* map) {
    const std::string name = bpf_map__name(map);
    const auto* section = std::ranges::find(kSections, name, &Section::name);
    return section == kSections.end() ? name : std::string(section->map);
}

bool is_section(std::string_view map) {
    return std::ranges::find(kSections, map, &Section::map) != kSections.end();
}

// Sizes the maps and tells libbpf where each is, or is to be, pinned. Those that are not the
// agent's concern belong to their program alone.
Status configure_maps(bpf_object* object, const Bpffs& bpffs, const ProgramSettings& settings) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
        const std::string name = name_of(map);
        if (name == WGS_MAP_FLOWS && !settings.fast) WGS_TRY(forgo_flows(map, bpffs.maps() / name));
        const bool shared = name == WGS_MAP_FLOWS && settings.fast;
        if (!shared && std::ranges::find(kMaps, name) == kMaps.end()) continue;
        // libbpf thinks of it only where skeletons speak of a section.
        if (is_section(name)) bpf_map__set_map_flags(map, BPF_F_MMAPABLE);
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

Result<UniqueFd> take_program(const bpf_object* object, wgs_hook hook) {
    const std::string name(program_name(hook));
    const bpf_program* program = bpf_object__find_program_by_name(object, name.c_str());
    if (!program) return os_error(ENOENT, "find program " + name);
    return duplicate(bpf_program__fd(program), name);
}

Result<UniqueFd> take_map(const bpf_object* object, std::string_view name) {
    const auto* section = std::ranges::find(kSections, name, &Section::map);
    const std::string in_object(section == kSections.end() ? name : section->name);
    const int fd = bpf_object__find_map_fd_by_name(object, in_object.c_str());
    if (fd < 0) return os_error(-fd, "find map " + std::string(name));
    return duplicate(fd, name);
}

// Before anybody enters a flow; a table that was there has its seed.
Status seed_flows(const bpf_object* object) {
    const Map<std::uint32_t, wgs_flow_line> flows(
        RawMap(WGS_TRY(take_map(object, WGS_MAP_FLOWS)), WGS_MAP_FLOWS));
    wgs_flow_line seed = WGS_TRY(flows.find(WGS_FLOW_SEED_ROW)).value_or(wgs_flow_line{});
    while (seed.places[0] == 0)
        randombytes_buf(&seed.places[0], sizeof(seed.places[0]));
    return flows.store(WGS_FLOW_SEED_ROW, seed);
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

template <class Skeleton>
std::span<const std::byte> image() {
    std::size_t size = 0;
    const void* bytes = Skeleton::elf_bytes(&size);
    return {static_cast<const std::byte*>(bytes), size};
}

}  // namespace

std::vector<std::span<const std::byte>> embedded_images() {
    return {image<nic_out_bpf>(),   image<wg_in_bpf>(),   image<nic_in_bpf>(),
            image<nic_guard_bpf>(), image<pod_out_bpf>(), image<leak_watch_bpf>()};
}

Result<Objects> load_objects(const Bpffs& bpffs, const ProgramSettings& settings) {
    const auto nic_out = WGS_TRY(load_one<nic_out_bpf>(WGS_HOOK_NIC_OUT, bpffs, settings));
    const auto wg_in = WGS_TRY(load_one<wg_in_bpf>(WGS_HOOK_WG_IN, bpffs, settings));
    const auto nic_in = WGS_TRY(load_one<nic_in_bpf>(WGS_HOOK_NIC_IN, bpffs, settings));
    const auto nic_guard = WGS_TRY(load_one<nic_guard_bpf>(WGS_HOOK_NIC_GUARD, bpffs, settings));
    const auto pod_out = WGS_TRY(load_one<pod_out_bpf>(WGS_HOOK_POD_OUT, bpffs, settings));
    const auto leak_watch = WGS_TRY(load_one<leak_watch_bpf>(WGS_HOOK_LEAK_WATCH, bpffs, settings));
    WGS_TRY(seed_flows(pod_out->obj));
    Objects objects;
    objects.programs[WGS_HOOK_NIC_OUT] = WGS_TRY(take_program(nic_out->obj, WGS_HOOK_NIC_OUT));
    objects.programs[WGS_HOOK_WG_IN] = WGS_TRY(take_program(wg_in->obj, WGS_HOOK_WG_IN));
    objects.programs[WGS_HOOK_NIC_IN] = WGS_TRY(take_program(nic_in->obj, WGS_HOOK_NIC_IN));
    objects.programs[WGS_HOOK_NIC_GUARD] =
        WGS_TRY(take_program(nic_guard->obj, WGS_HOOK_NIC_GUARD));
    objects.programs[WGS_HOOK_POD_OUT] = WGS_TRY(take_program(pod_out->obj, WGS_HOOK_POD_OUT));
    objects.programs[WGS_HOOK_LEAK_WATCH] =
        WGS_TRY(take_program(leak_watch->obj, WGS_HOOK_LEAK_WATCH));
    for (const std::string_view map : kMaps)
        objects.maps[map] = WGS_TRY(take_map(nic_out->obj, map));
    return objects;
}

Result<UniqueFd> load_twin(wgs_hook hook, const Bpffs& bpffs, const ProgramSettings& settings) {
    if (hook == WGS_HOOK_NIC_OUT)
        return take_program(WGS_TRY(load_one<nic_out_bpf>(hook, bpffs, settings))->obj, hook);
    if (hook == WGS_HOOK_POD_OUT)
        return take_program(WGS_TRY(load_one<pod_out_bpf>(hook, bpffs, settings))->obj, hook);
    return os_error(EINVAL, "load a second " + std::string(program_name(hook)));
}

}  // namespace wgs
