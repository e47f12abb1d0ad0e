// SPDX-License-Identifier: Apache-2.0
// `wgsteer bench`, which needs no agent and disturbs none but by the time it takes.
#pragma once

#include <string>
#include <vector>

namespace wgs::cli {

struct BenchOptions {
    std::vector<std::string> suites;  // none: all
    std::string scale = "full";
    std::string from;  // a file with a run; empty: measure
    // What is to be written besides the answer; empty: not.
    std::string save;
    std::string plots;
    std::string document;
    bool check = false;
};

enum class BenchOutput { text, json };

std::vector<std::string> bench_suites();

// The exit code of the command; with `check` bad if a figure misses its target.
int run_benchmarks(const BenchOptions& options, BenchOutput output);

}  // namespace wgs::cli
