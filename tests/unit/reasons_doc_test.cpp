// SPDX-License-Identifier: Apache-2.0
// docs/reasons.md is made from maps/reasons.h; WGS_UPDATE_DOCS=1 in the environment writes it anew.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "service/counters.h"

namespace wgs::test {
namespace {

constexpr const char* kPath = WGS_SOURCE_DIR "/docs/reasons.md";

std::string reasons_table() {
    std::string text =
        "# Reasons\n\nWhy a packet got its verdict, as in `wgsteer status`, `wgsteer explain` and "
        "the "
        "label `reason` of\n`wgsteer_verdict_packets_total`. Numbers are stable. Made from "
        "`maps/reasons.h`.\n\n| number | reason | direction | meaning | what to do "
        "|\n|---|---|---|---|---|\n";
    for (const ReasonInfo& reason : kReasons) {
        text += fmt::format("| {} | `{}` | {} | {} | {} |\n", static_cast<int>(reason.number),
                            reason.name, reason.direction, reason.text, reason.advice);
    }
    return text;
}

TEST(ReasonsPage, ShowsTheListThatTheProgramsUse) {
    if (std::getenv("WGS_UPDATE_DOCS") != nullptr) std::ofstream(kPath) << reasons_table();
    std::stringstream page;
    page << std::ifstream(kPath).rdbuf();
    EXPECT_EQ(page.str(), reasons_table());
}

}  // namespace
}  // namespace wgs::test
