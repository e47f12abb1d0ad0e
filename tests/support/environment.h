// SPDX-License-Identifier: Apache-2.0
// Where a namespace test finds its binaries, how long it waits, and whether this machine can run
// it.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace wgs::test {

using namespace std::chrono_literals;
using Millis = std::chrono::milliseconds;

// Ends the test: the harness itself could not do its work. GoogleTest reports the exception.
[[noreturn]] void broken(const std::string& what);
// The same with the text of errno.
[[noreturn]] void broken_call(const std::string& what);

// A binary of the project: in WGS_BIN_DIR if that is set, else beside the running test.
std::filesystem::path binary(const std::string& name);

// Whether WGS_TEST_SLOW=1 says that the machine is emulated.
bool slow_machine();

// A time-out for this machine: longer on a slow one.
Millis scaled(Millis timeout);

// Polls until the condition holds; false if scaled(timeout) passes first. What `condition` throws
// passes through.
bool eventually(Millis timeout, const std::function<bool()>& condition);

// Why this machine cannot run a mesh: not root, no namespaces, no WireGuard of either kind.
std::optional<std::string> mesh_obstacle();

// Whether the kernel creates links of this type ("bridge", "wireguard", "vlan"...).
bool kernel_has_link_type(std::string_view type);

// Whether `name` is found in PATH.
bool has_tool(const std::string& name);

}  // namespace wgs::test
