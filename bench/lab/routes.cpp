// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/routes.h"

#include <fmt/format.h>

#include <iterator>

#include "bench/lab/must.h"
#include "tests/support/process.h"

namespace wgs::bench {
namespace {

using namespace std::chrono_literals;

constexpr int kTable = 201;
constexpr auto kPatience = 10min;

const char* flag_of(Family family) {
    return family == Family::v4 ? "-4" : "-6";
}

}  // namespace

std::string calico_routes(const std::vector<OwnedPrefix>& prefixes, const std::string& device,
                          Metric metric) {
    fmt::memory_buffer lines;
    auto out = std::back_inserter(lines);
    for (const OwnedPrefix& one : prefixes) {
        fmt::format_to(out, "route add {} dev {} table {}", one.prefix.to_string(), device, kTable);
        if (metric == Metric::owner) fmt::format_to(out, " metric {}", one.owner);
        fmt::format_to(out, "\n");
    }
    return fmt::to_string(lines);
}

void add_calico_rule(const test::NetNamespace& ns, Family family) {
    ip_batch(ns, family,
             fmt::format("rule add pref 99 not fwmark 0x100000/0x100000 lookup {}\n", kTable));
}

void ip_batch(const test::NetNamespace& ns, Family family, const std::string& lines) {
    const auto outcome =
        test::run({"ip", flag_of(family), "-batch", "-"}, {.ns = &ns, .input = lines}, kPatience);
    if (outcome.exit_code != 0) throw Broken("ip -batch: " + outcome.errors.substr(0, 500));
}

}  // namespace wgs::bench
