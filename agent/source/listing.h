// SPDX-License-Identifier: Apache-2.0
// What is in a directory, told from its metadata alone.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/error.h"

namespace wgs {

// Tells whether a file is still what it was when it was read. Symbolic links are followed.
struct FileStamp {
    int error = 0;  // errno, e.g. ELOOP; the rest is then zero
    mode_t mode = 0;
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;

    bool operator==(const FileStamp&) const = default;
};

FileStamp stamp_of(const std::filesystem::path& path);

// Name to stamp of everything but dot files. More than `limit` entries are an error, as is a
// directory that cannot be read to its end: a listing is complete.
Result<std::map<std::string, FileStamp>> list_directory(const std::filesystem::path& path,
                                                        std::size_t limit);

}  // namespace wgs
