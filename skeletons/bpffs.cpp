// SPDX-License-Identifier: Apache-2.0
#include "skeletons/bpffs.h"

#include <linux/magic.h>
#include <mntent.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>

#include "base/unique_fd.h"

namespace wgs {
namespace {

namespace fs = std::filesystem;

// Tells our mount from one that somebody else made.
constexpr const char* kMountSource = "wgsteer";

Result<bool> is_on(const fs::path& path, std::uint32_t magic) {
    struct statfs info {};
    if (::statfs(path.c_str(), &info) != 0) return os_error(errno, "inspect " + path.string());
    return static_cast<std::uint32_t>(info.f_type) == magic;
}

Status mount_at(const fs::path& path) {
    if (::mount(kMountSource, path.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") !=
        0)
        return os_error(errno, "mount bpffs on " + path.string());
    return {};
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
    if (ancestor != path && WGS_TRY(is_on(ancestor, SYSFS_MAGIC))) return mount_at(ancestor);
    return {};
}

Result<bool> is_our_mount(const fs::path& path) {
    const std::unique_ptr<FILE, Deleter<&endmntent>> mounts(setmntent("/proc/self/mounts", "re"));
    if (!mounts) return os_error(errno, "read /proc/self/mounts");
    while (const mntent* entry = getmntent(mounts.get()))
        if (path == entry->mnt_dir && std::string_view(entry->mnt_fsname) == kMountSource)
            return true;
    return false;
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
    if (!WGS_TRY(is_on(root_, BPF_FS_MAGIC))) WGS_TRY(mount_at(root_));
    for (const auto& directory : {maps(), programs(), links(), clsact()})
        WGS_TRY(make_directories(directory));
    return {};
}

Status Bpffs::remove() const {
    std::error_code ignored;
    if (!fs::exists(root_, ignored) || !WGS_TRY(is_on(root_, BPF_FS_MAGIC))) return {};
    for (const auto& directory : {maps(), programs(), links(), clsact()})
        WGS_TRY(remove_tree(directory));
    if (WGS_TRY(is_our_mount(root_)) && ::umount2(root_.c_str(), UMOUNT_NOFOLLOW) != 0)
        return os_error(errno, "unmount " + root_.string());
    // Stays when it is somebody else's mount point or holds other pins.
    fs::remove(root_, ignored);
    return {};
}

}  // namespace wgs
