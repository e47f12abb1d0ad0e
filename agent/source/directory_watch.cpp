// SPDX-License-Identifier: Apache-2.0
#include "source/directory_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace wgs {
namespace {

constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                  IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;
// A flood of events must not hold up the caller's loop; what is left is read the next time.
constexpr int kMaxReads = 16;

void note(const inotify_event& event, const char* name, DirectoryChanges& changes) {
    if (event.len == 0) {
        changes.unnamed = true;
        return;
    }
    changes.names.emplace(name);
    if ((event.mask & IN_MOVED_TO) != 0) changes.arrived.emplace(name);
}

void decode(const char* buffer, std::size_t length, DirectoryChanges& changes) {
    for (std::size_t offset = 0; offset + sizeof(inotify_event) <= length;) {
        inotify_event event = {};
        std::memcpy(&event, buffer + offset, sizeof event);
        note(event, buffer + offset + sizeof event, changes);
        offset += sizeof event + event.len;
    }
}

}  // namespace

DirectoryWatch::DirectoryWatch() : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

Status DirectoryWatch::watch(const std::filesystem::path& path) {
    if (!inotify_) return {};
    const int descriptor = ::inotify_add_watch(inotify_.get(), path.c_str(), kEvents | IN_ONLYDIR);
    if (descriptor < 0) return os_error(errno, "watch " + path.string());
    const int previous = std::exchange(descriptor_, descriptor);
    // Fails if the kernel has dropped the watch already, with the directory.
    if (previous >= 0 && previous != descriptor) ::inotify_rm_watch(inotify_.get(), previous);
    return {};
}

DirectoryChanges DirectoryWatch::drain() {
    DirectoryChanges changes;
    alignas(inotify_event) std::array<char, 64 * 1024> buffer;
    for (int reads = 0; reads < kMaxReads; ++reads) {
        const ssize_t length = ::read(inotify_.get(), buffer.data(), buffer.size());
        if (length <= 0) break;
        decode(buffer.data(), static_cast<std::size_t>(length), changes);
    }
    return changes;
}

}  // namespace wgs
