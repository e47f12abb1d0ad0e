// SPDX-License-Identifier: Apache-2.0
// Markers: empty directories whose names say what a BPF file system, which can hold no plain file,
// is to remember.
#pragma once

#include <filesystem>

#include "base/error.h"

namespace wgs {

// There already is not an error; nor is not there when it is to be removed.
Status make_marker(const std::filesystem::path& path);
Status remove_marker(const std::filesystem::path& path);
// All of one directory.
Status remove_markers(const std::filesystem::path& directory);

}  // namespace wgs
