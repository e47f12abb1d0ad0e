// SPDX-License-Identifier: Apache-2.0
// The agent's configuration file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/config.h"

namespace wgs {

// Both are strict: an unknown key, a bad value, or a value whose feature this version lacks is an
// error that names file, line and key. A missing `node` becomes the host name.
Result<Config> load_config(const std::filesystem::path& path);
Result<Config> parse_config(std::string_view text, const std::string& file);

}  // namespace wgs
