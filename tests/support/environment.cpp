// SPDX-License-Identifier: Apache-2.0
#include "tests/support/environment.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "tests/support/net_namespace.h"
#include "tests/support/process.h"

namespace wgs::test {
namespace {

constexpr int kSlowFactor = 6;

// What it takes to make a link of a type; a VLAN needs a device below it.
std::string probe_script(std::string_view type) {
    if (type == "vxlan") return "link add probe0 type vxlan id 7 dstport 4789\n";
    if (type != "vlan") return fmt::format("link add probe0 type {}\n", type);
    return "link add below0 type veth peer name below1\nlink add link below0 name probe0 type vlan "
           "id 5\n";
}

}  // namespace

void broken(const std::string& what) {
    throw std::runtime_error("test harness: " + what);
}

void broken_call(const std::string& what) {
    const std::error_code code(errno, std::generic_category());
    broken(what + ": " + code.message());
}

std::filesystem::path binary(const std::string& name) {
    if (const char* directory = std::getenv("WGS_BIN_DIR")) {
        return std::filesystem::path(directory) / name;
    }
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

bool slow_machine() {
    const char* value = std::getenv("WGS_TEST_SLOW");
    return value != nullptr && std::string_view(value) == "1";
}

Millis scaled(Millis timeout) {
    return slow_machine() ? timeout * kSlowFactor : timeout;
}

bool eventually(Millis timeout, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + scaled(timeout);
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(20ms);
    }
    return true;
}

std::optional<std::string> mesh_obstacle() {
    if (::geteuid() != 0) return "network namespaces need root";
    if (!kernel_has_link_type("bridge")) return "the kernel has no bridge device";
    if (!kernel_has_link_type("wireguard") && !has_tool("wireguard-go")) {
        return "neither kernel WireGuard nor wireguard-go is here";
    }
    return std::nullopt;
}

bool kernel_has_link_type(std::string_view type) {
    const NetNamespace scratch("probe");
    return run({"ip", "-batch", "-"}, {.ns = &scratch, .input = probe_script(type)}).exit_code == 0;
}

bool has_tool(const std::string& name) {
    const char* path = std::getenv("PATH");
    std::istringstream directories(path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
    for (std::string directory; std::getline(directories, directory, ':');) {
        if (::access((directory + "/" + name).c_str(), X_OK) == 0) return true;
    }
    return false;
}

}  // namespace wgs::test
