// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "base/unique_fd.h"

namespace wgs {
namespace {

Status write_all(int fd, std::string_view content, const std::string& what) {
    while (!content.empty()) {
        const ssize_t written = ::write(fd, content.data(), content.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return os_error(errno, what);
        }
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Status fill_temporary(int fd, std::string_view content, mode_t mode, const std::string& what) {
    WGS_TRY(write_all(fd, content, what));
    if (::fchmod(fd, mode) != 0) return os_error(errno, what);
    if (::fsync(fd) != 0) return os_error(errno, what);
    return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
    const std::string what = "read " + path.string();
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return os_error(errno, what);
    struct stat info = {};
    if (::fstat(fd.get(), &info) != 0) return os_error(errno, what);
    if (!S_ISREG(info.st_mode)) return invalid(what + ": not a regular file");

    // Room for the end of the file to show; a file that has grown meanwhile gets more.
    std::string content(std::min(limit, static_cast<std::size_t>(info.st_size)) + 1, '\0');
    std::size_t length = 0;
    while (length <= limit) {
        if (length == content.size()) content.resize(limit + 1);
        const ssize_t count = ::read(fd.get(), content.data() + length, content.size() - length);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return os_error(errno, what);
        if (count == 0) break;
        length += static_cast<std::size_t>(count);
    }
    if (length > limit) return os_error(EFBIG, what);
    content.resize(length);
    content.shrink_to_fit();
    return content;
}

Status write_file_atomically(const std::filesystem::path& path, std::string_view content,
                             mode_t mode) {
    const std::string what = "write " + path.string();
    std::string temporary =
        (path.parent_path() / ("." + path.filename().string() + ".XXXXXX")).string();
    const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd) return os_error(errno, what);

    Status filled = fill_temporary(fd.get(), content, mode, what);
    if (filled && ::rename(temporary.c_str(), path.c_str()) != 0) filled = os_error(errno, what);
    if (!filled) ::unlink(temporary.c_str());
    return filled;
}

}  // namespace wgs
