// SPDX-License-Identifier: Apache-2.0
// What a change and a full sync cost the agent in a large mesh, in namespaces of its own.
#include <fmt/core.h>
#include <sched.h>
#include <sys/mount.h>

#include <cstdlib>

#include "bench/control.h"

namespace wgs {
namespace {

[[noreturn]] void die(const std::string& message) {
    fmt::print(stderr, "control_bench: {}\n", message);
    std::exit(1);
}

double milliseconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

double microseconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::micro>(time).count();
}

// Nothing that is made here outlasts the process.
void enter_private_namespaces() {
    if (::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0) die("needs root");
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("wgs-bench", "/tmp", "tmpfs", 0, nullptr) != 0) {
        die("cannot mount");
    }
}

void print(const ControlLoad& load, const ControlNumbers& numbers) {
    fmt::print("{} nodes with {} prefixes each\n", load.nodes, load.prefixes_per_node);
    fmt::print("  load the peer cache       {:8.1f} ms\n", milliseconds(numbers.load));
    fmt::print("  full sync of the tables   {:8.1f} ms\n", milliseconds(numbers.full_sync));
    fmt::print("  all peers become ready    {:8.1f} ms\n", milliseconds(numbers.all_ready));
    fmt::print("  longest run of these      {:8.1f} ms\n", milliseconds(numbers.longest_run));
    fmt::print("  look at everything        {:8.1f} ms\n", milliseconds(numbers.look));
    fmt::print("  one prefix more, median   {:8.1f} us\n", microseconds(numbers.change));
    fmt::print("  one prefix more, 99 %     {:8.1f} us\n", microseconds(numbers.change_p99));
}

}  // namespace
}  // namespace wgs

int main() {
    wgs::enter_private_namespaces();
    for (const std::uint32_t nodes : {10U, 1'000U, 10'000U}) {
        const wgs::ControlLoad load{.nodes = nodes};
        const auto numbers = wgs::measure_control(load);
        if (!numbers) wgs::die(numbers.error().message);
        wgs::print(load, *numbers);
    }
    return 0;
}
