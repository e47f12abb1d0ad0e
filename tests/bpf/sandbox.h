// SPDX-License-Identifier: Apache-2.0
// Where these tests live: private mount and network namespaces and a temporary directory, so that
// no program, pin or device outlasts them. Linking sandbox.cpp is enough; without privileges all
// skip.
#pragma once

#include <filesystem>
#include <string>

namespace wgs {

// A path for a BPF file system of its own, not there yet.
std::filesystem::path new_bpffs_path();

// Runs a shell command; fails the test if that fails.
void run_command(const std::string& command);

// Index of a device; fails the test if there is none.
unsigned index_of(const std::string& device);

}  // namespace wgs
