// SPDX-License-Identifier: Apache-2.0
// Small-file input and output.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace wgs {

// Reads a whole regular file of at most `limit` bytes; larger is std::errc::file_too_large.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

// Replaces `path` atomically: a temporary file in the same directory (a dot file, so that directory
// watchers skip it), fsync, mode set, rename. On error the old file is untouched and no temporary
// stays.
Status write_file_atomically(const std::filesystem::path& path, std::string_view content,
                             mode_t mode);

}  // namespace wgs
