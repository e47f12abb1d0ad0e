// SPDX-License-Identifier: Apache-2.0
#include "source/listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

#include "base/unique_fd.h"

namespace wgs {
namespace {

std::int64_t nanoseconds(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileStamp stamp_of(int directory, const char* name) {
    struct stat info = {};
    if (::fstatat(directory, name, &info, 0) != 0) return {.error = errno};
    return {.mode = info.st_mode,
            .device = info.st_dev,
            .inode = info.st_ino,
            .size = info.st_size,
            .modified_ns = nanoseconds(info.st_mtim),
            .changed_ns = nanoseconds(info.st_ctim)};
}

}  // namespace

FileStamp stamp_of(const std::filesystem::path& path) {
    return stamp_of(AT_FDCWD, path.c_str());
}

Result<std::map<std::string, FileStamp>> list_directory(const std::filesystem::path& path,
                                                        std::size_t limit) {
    const std::string what = "read directory " + path.string();
    const std::unique_ptr<DIR, Deleter<&::closedir>> directory(::opendir(path.c_str()));
    if (!directory) return os_error(errno, what);

    std::map<std::string, FileStamp> files;
    while (true) {
        errno = 0;
        const dirent* entry = ::readdir(directory.get());
        if (entry == nullptr && errno != 0) return os_error(errno, what);
        if (entry == nullptr) return files;
        if (entry->d_name[0] == '.') continue;
        if (files.size() == limit) return os_error(EFBIG, what);
        files.emplace(entry->d_name, stamp_of(::dirfd(directory.get()), entry->d_name));
    }
}

}  // namespace wgs
