// SPDX-License-Identifier: Apache-2.0
#include "skeletons/marker.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace wgs {

namespace fs = std::filesystem;

Status make_marker(const fs::path& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return os_error(errno, "create " + path.string());
    return {};
}

Status remove_marker(const fs::path& path) {
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT)
        return os_error(errno, "remove " + path.string());
    return {};
}

Status remove_markers(const fs::path& directory) {
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(directory, failure))
        WGS_TRY(remove_marker(entry.path()));
    if (failure) return os_error(failure.value(), "list " + directory.string());
    return {};
}

}  // namespace wgs
