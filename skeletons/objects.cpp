// SPDX-License-Identifier: Apache-2.0
#include "skeletons/objects.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <filesystem>
#include <string>

namespace wgs {
namespace {

Result<UniqueFd> open_pin(const std::filesystem::path& path) {
    UniqueFd object(bpf_obj_get(path.c_str()));
    if (!object) return os_error(errno, "open " + path.string());
    return object;
}

template <class Info>
Result<std::uint32_t> id_of(const UniqueFd& object, std::string_view name) {
    Info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(object.get(), &info, &size) != 0)
        return os_error(errno, "inspect " + std::string(name));
    return info.id;
}

}  // namespace

Result<Objects> open_pinned(const Bpffs& bpffs) {
    Objects objects;
    for (const wgs_hook hook : kHooks)
        objects.programs.at(hook) = WGS_TRY(open_pin(bpffs.programs() / program_name(hook)));
    for (const std::string_view map : kMaps)
        objects.maps[map] = WGS_TRY(open_pin(bpffs.maps() / map));
    return objects;
}

Result<std::vector<std::uint32_t>> ids_of(const Objects& objects) {
    std::vector<std::uint32_t> ids;
    for (const wgs_hook hook : kHooks)
        ids.push_back(WGS_TRY(id_of<bpf_prog_info>(objects.programs.at(hook), program_name(hook))));
    for (const auto& [name, map] : objects.maps)
        ids.push_back(WGS_TRY(id_of<bpf_map_info>(map, name)));
    return ids;
}

}  // namespace wgs
