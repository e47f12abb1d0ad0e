// SPDX-License-Identifier: Apache-2.0
#include "service/secret_watch.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace wgs {
namespace {

std::int64_t nanoseconds(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Result<SecretWatch> SecretWatch::open(const std::string& path) {
    SecretWatch watch(path);
    watch.stamps_ = watch.stamps();
    WGS_TRY(watch.load());
    return watch;
}

SecretWatch::Stamp SecretWatch::stamp_of(const std::string& path) {
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0) return {.error = errno};
    return {.device = info.st_dev,
            .inode = info.st_ino,
            .size = info.st_size,
            .mode = info.st_mode,
            .modified_ns = nanoseconds(info.st_mtim),
            .changed_ns = nanoseconds(info.st_ctim)};
}

bool SecretWatch::check() {
    const Stamps now = stamps();
    if (now == stamps_) return false;
    stamps_ = now;
    const Status loaded = load();
    problem_ = loaded ? "" : loaded.error().message;
    return true;
}

// All or nothing.
Status SecretWatch::load() {
    std::vector<ClusterSecret> secrets;
    auto next = load_cluster_secret(next_path());
    if (next) {
        secrets.push_back(std::move(*next));
    } else if (!next.error().is(std::errc::no_such_file_or_directory)) {
        return tl::unexpected(next.error());
    }
    ClusterSecret current = WGS_TRY(load_cluster_secret(path_));
    if (secrets.empty() || secrets.front().id() != current.id())
        secrets.push_back(std::move(current));
    secrets_ = ClusterSecrets(std::move(secrets));
    return {};
}

std::vector<Problem> SecretWatch::problems() const {
    if (problem_.empty()) return {};
    return {{.object = path_, .message = problem_ + "; keeping what was read before"}};
}

}  // namespace wgs
