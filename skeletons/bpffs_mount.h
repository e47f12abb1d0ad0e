// SPDX-License-Identifier: Apache-2.0
// Mounting a BPF file system so that it stays when the agent goes.
#pragma once

#include <filesystem>

#include "base/error.h"

namespace wgs {

Result<bool> is_bpffs(const std::filesystem::path& path);

// Mounts on this directory. In a private mount namespace (`ip netns exec` makes one for each
// command) the mount would die with the last process there, and all that is pinned in it; so it is
// made in the namespace of the outermost ancestor, if the directory is the same there, and shared
// with ours.
Status mount_bpffs(const std::filesystem::path& path);

// Takes the mount away in both namespaces if mount_bpffs() made it; otherwise does nothing.
Status unmount_bpffs(const std::filesystem::path& path);

}  // namespace wgs
