// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/config.h"

namespace wgs {

// Where an agent leaves the configuration it runs with, so that cleaning up needs nothing else.
[[nodiscard]] std::filesystem::path saved_config_path(const std::filesystem::path& run_dir);

// Where an agent keeps the private key of each of its tunnels, by TunnelIndex.
[[nodiscard]] std::vector<std::filesystem::path> private_key_files(const Config& config);

// Removes one WireGuard device of an agent with this configuration, and nothing else.
Status remove_device(const Config& config, const std::string& name);

// Removes everything an agent with this configuration has made: programs, maps, its devices,
// the node file, the keys, and its files. Traffic leaves in clear afterwards. Goes on after an
// error and returns the first one; the saved configuration then stays, to try again by.
Status clean_up(const Config& config);

}  // namespace wgs
