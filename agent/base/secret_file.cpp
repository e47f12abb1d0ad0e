// SPDX-License-Identifier: Apache-2.0
#include "base/secret_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace wgs {
namespace {

constexpr mode_t kOthers = 0077;

Status check_ownership(int fd, const std::string& path, const std::string& what) {
    struct stat info = {};
    if (::fstat(fd, &info) != 0) return os_error(errno, "read " + path);
    if (!S_ISREG(info.st_mode)) return invalid(path + ": " + what + " must be a regular file");
    if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
        return invalid(path + ": " + what + " belongs to another user");
    }
    if ((info.st_mode & kOthers) != 0) {
        return invalid(path + ": " + what + " is open to other users; run: chmod 600 " + path);
    }
    return {};
}

}  // namespace

SecretText& SecretText::operator=(SecretText&& other) noexcept {
    if (this == &other) return *this;
    wipe();
    text_ = std::move(other.text_);
    other.wipe();
    return *this;
}

// All of its memory, for a short text lies within the object and stays there when it is moved.
void SecretText::wipe() {
    text_.resize(text_.capacity());
    sodium_memzero(text_.data(), text_.size());
    text_.clear();
}

void SecretText::drop_newline() {
    if (text_.ends_with('\n')) text_.pop_back();
}

Result<SecretText> read_secret_file(const std::string& path, std::string_view what,
                                    std::size_t limit, Symlinks symlinks) {
    const int follow = symlinks == Symlinks::follow ? 0 : O_NOFOLLOW;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | follow));
    if (!fd) return os_error(errno, "read " + path);
    WGS_TRY(check_ownership(fd.get(), path, std::string(what)));
    std::string text(limit, '\0');
    std::size_t length = 0;
    while (length < text.size()) {
        const ssize_t count = ::read(fd.get(), text.data() + length, text.size() - length);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            sodium_memzero(text.data(), text.size());
            return os_error(errno, "read " + path);
        }
        if (count == 0) break;
        length += static_cast<std::size_t>(count);
    }
    text.resize(length);
    return SecretText(std::move(text));
}

}  // namespace wgs
