// SPDX-License-Identifier: Apache-2.0
#include "skeletons/bpffs_mount.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"

namespace wgs {
namespace {

namespace fs = std::filesystem;

// Tells our mount from one that somebody else made.
constexpr const char* kSource = "wgsteer";

Status mount_here(const fs::path& path) {
    constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (::mount(kSource, path.c_str(), "bpf", kFlags, "mode=0700") != 0)
        return os_error(errno, "mount a BPF file system on " + path.string());
    return {};
}

Result<bool> is_our_mount(const fs::path& path) {
    // Of this thread: another one may be in another namespace.
    const std::unique_ptr<FILE, Deleter<&endmntent>> mounts(
        setmntent("/proc/thread-self/mounts", "re"));
    if (!mounts) return os_error(errno, "read /proc/thread-self/mounts");
    while (const mntent* entry = getmntent(mounts.get()))
        if (path == entry->mnt_dir && std::string_view(entry->mnt_fsname) == kSource) return true;
    return false;
}

Status unmount_here(const fs::path& path) {
    if (!WGS_TRY(is_our_mount(path))) return {};
    if (::umount2(path.c_str(), UMOUNT_NOFOLLOW) != 0)
        return os_error(errno, "unmount " + path.string());
    return {};
}

bool is_same_file(const struct stat& left, const struct stat& right) {
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

// 0: none, or not visible.
pid_t parent_of(pid_t process) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    constexpr std::string_view kLabel = "PPid:";
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(kLabel)) return std::stoi(line.substr(kLabel.size()));
    return 0;
}

// The mount namespace of the outermost ancestor that lets us see its own; none when it is ours.
UniqueFd outer_namespace() {
    UniqueFd outermost;
    for (pid_t process = parent_of(::getpid()); process > 0; process = parent_of(process)) {
        const std::string path = "/proc/" + std::to_string(process) + "/ns/mnt";
        UniqueFd candidate(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (candidate) outermost = std::move(candidate);
    }
    struct stat ours {};
    struct stat outer {};
    if (!outermost || ::fstat(outermost.get(), &outer) != 0 ||
        ::stat("/proc/self/ns/mnt", &ours) != 0 || is_same_file(ours, outer))
        return {};
    return outermost;
}

// Runs `action` in that namespace, on a thread of its own, because a thread cannot come back from
// it. Does nothing when there is none to enter.
void in_outer_namespace(const std::function<void()>& action) {
    const UniqueFd destination = outer_namespace();
    if (!destination) return;
    std::thread([&] {
        if (::unshare(CLONE_FS) == 0 && ::setns(destination.get(), CLONE_NEWNS) == 0) action();
    }).join();
}

// A copy of the BPF file system at `path`, after mounting one there if the directory is `ours`. To
// be called in the outer namespace; none on any failure.
UniqueFd share_mount(const fs::path& path, const struct stat& ours) {
    struct stat there {};
    const auto mounted = is_bpffs(path);
    if (!mounted || ::stat(path.c_str(), &there) != 0) return {};
    if (!*mounted && (!is_same_file(ours, there) || !mount_here(path))) return {};
    return UniqueFd(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

}  // namespace

Result<bool> is_bpffs(const fs::path& path) {
    struct statfs info {};
    if (::statfs(path.c_str(), &info) != 0) return os_error(errno, "inspect " + path.string());
    return static_cast<std::uint32_t>(info.f_type) == BPF_FS_MAGIC;
}

Status mount_bpffs(const fs::path& path) {
    struct stat ours {};
    if (::stat(path.c_str(), &ours) != 0) return os_error(errno, "inspect " + path.string());
    UniqueFd shared;
    in_outer_namespace([&] { shared = share_mount(path, ours); });
    if (WGS_TRY(is_bpffs(path))) return {};  // it came by mount propagation
    if (shared &&
        ::move_mount(shared.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0)
        return {};
    return mount_here(path);
}

Status unmount_bpffs(const fs::path& path) {
    WGS_TRY(unmount_here(path));
    Status result;
    in_outer_namespace([&] { result = unmount_here(path); });
    return result;
}

}  // namespace wgs
