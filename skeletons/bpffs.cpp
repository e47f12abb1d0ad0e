// SPDX-License-Identifier: Apache-2.0
#include "skeletons/bpffs.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <cerrno>
#include <string>

#include "skeletons/bpffs_mount.h"

namespace wgs {
namespace {

namespace fs = std::filesystem;

Result<bool> is_sysfs(const fs::path& path) {
    struct statfs info {};
    if (::statfs(path.c_str(), &info) != 0) return os_error(errno, "inspect " + path.string());
    return static_cast<std::uint32_t>(info.f_type) == SYSFS_MAGIC;
}

Status make_directories(const fs::path& path) {
    std::error_code failure;
    fs::create_directories(path, failure);
    if (failure) return os_error(failure.value(), "create " + path.string());
    return {};
}

// /sys/fs/bpf of a fresh sysfs is a directory in which none can be made before it is mounted on.
Status mount_below_sysfs(const fs::path& path) {
    std::error_code ignored;
    fs::path ancestor = path;
    while (!fs::exists(ancestor, ignored) && ancestor.has_relative_path())
        ancestor = ancestor.parent_path();
    if (ancestor != path && WGS_TRY(is_sysfs(ancestor))) return mount_bpffs(ancestor);
    return {};
}

Status remove_tree(const fs::path& path) {
    std::error_code failure;
    fs::remove_all(path, failure);
    if (failure) return os_error(failure.value(), "remove " + path.string());
    return {};
}

}  // namespace

Status Bpffs::prepare() const {
    WGS_TRY(mount_below_sysfs(root_));
    WGS_TRY(make_directories(root_));
    if (!WGS_TRY(is_bpffs(root_))) WGS_TRY(mount_bpffs(root_));
    for (const auto& directory : {maps(), programs(), links(), clsact(), build()})
        WGS_TRY(make_directories(directory));
    return {};
}

Status Bpffs::remove() const {
    std::error_code ignored;
    if (!fs::exists(root_, ignored) || !WGS_TRY(is_bpffs(root_))) return {};
    for (const auto& directory : {maps(), programs(), links(), clsact(), build()})
        WGS_TRY(remove_tree(directory));
    WGS_TRY(unmount_bpffs(root_));
    // Stays when it is somebody else's mount point or holds other pins.
    fs::remove(root_, ignored);
    return {};
}

}  // namespace wgs
