// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>

#include <array>

#include "base/file.h"
#include "base/unique_fd.h"
#include "model/key.h"

namespace wgs {
namespace {

constexpr mode_t kPrivate = 0600;
constexpr mode_t kOthers = 0077;
constexpr std::size_t kBase64Length = 44;

// Wipes text that held a secret when the scope ends.
class WipedText {
  public:
    explicit WipedText(std::string text) : text_(std::move(text)) {}
    WipedText(const WipedText&) = delete;
    WipedText& operator=(const WipedText&) = delete;
    ~WipedText() { sodium_memzero(text_.data(), text_.size()); }
    [[nodiscard]] std::string& get() { return text_; }

  private:
    std::string text_;
};

Status check_ownership(int fd, const std::string& path) {
    struct stat info = {};
    if (::fstat(fd, &info) != 0) return os_error(errno, "read " + path);
    if (!S_ISREG(info.st_mode)) return invalid(path + ": the private key must be a regular file");
    if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
        return invalid(path + ": the private key belongs to another user");
    }
    if ((info.st_mode & kOthers) != 0) {
        return invalid(path + ": the private key is open to other users; run: chmod 600 " + path);
    }
    return {};
}

// Reads one byte more than a key can have, so that a longer file is noticed.
Status read_key_text(int fd, const std::string& path, std::string& text) {
    text.assign(kBase64Length + 2, '\0');
    std::size_t length = 0;
    while (length < text.size()) {
        const ssize_t count = ::read(fd, text.data() + length, text.size() - length);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return os_error(errno, "read " + path);
        if (count == 0) break;
        length += static_cast<std::size_t>(count);
    }
    text.resize(length);
    if (text.ends_with('\n')) text.pop_back();
    return {};
}

Result<PrivateKey> load(int fd, const std::string& path) {
    WGS_TRY(check_ownership(fd, path));
    WipedText text{std::string()};
    WGS_TRY(read_key_text(fd, path, text.get()));
    return PrivateKey::parse(text.get()).within(path);
}

Result<PrivateKey> create(const std::string& path) {
    PrivateKey key = PrivateKey::generate();
    WipedText text(key.to_base64() + "\n");
    WGS_TRY(write_file_atomically(path, text.get(), kPrivate));
    return key;
}

}  // namespace

Result<PrivateKey> load_or_create_private_key(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
    if (fd) return load(fd.get(), path);
    if (errno == ENOENT) return create(path);
    return os_error(errno, "read " + path);
}

}  // namespace wgs
