// SPDX-License-Identifier: Apache-2.0
#include "bench.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/measure/json.h"
#include "bench/report/document.h"
#include "bench/report/plots.h"
#include "bench/report/table.h"
#include "bench/suites.h"
#include "output.h"

namespace wgs::cli {
namespace {

using bench::Run;

Status write_file(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path);
    file << text << std::flush;
    if (!file) return os_error(errno, "write " + path.string());
    return {};
}

Result<Run> read_run(const std::string& path) {
    std::ifstream file(path);
    if (!file) return os_error(errno, "read " + path);
    try {
        return bench::run_from_json(nlohmann::json::parse(file));
    } catch (const nlohmann::json::exception& error) {
        return invalid(path + ": " + error.what());
    }
}

Result<Run> measure(const BenchOptions& options) {
    bench::Plan plan = bench::plan_of(bench::scale_of(options.scale));
    plan.suites = {options.suites.begin(), options.suites.end()};
    plan.progress = [](const std::string& what) { fmt::print(stderr, "{}\n", what); };
    return bench::run_suites(plan);
}

Status write_plots(const Run& run, const std::filesystem::path& directory) {
    for (const auto& [name, image] : bench::draw_plots(run))
        WGS_TRY(write_file(directory / name, image));
    return {};
}

Status write_all(const BenchOptions& options, const Run& run) {
    if (!options.save.empty())
        WGS_TRY(write_file(options.save, bench::to_json(run).dump(1) + "\n"));
    if (!options.plots.empty()) WGS_TRY(write_plots(run, options.plots));
    if (!options.document.empty()) WGS_TRY(bench::update_document(options.document, run));
    return {};
}

}  // namespace

std::vector<std::string> bench_suites() {
    std::vector<std::string> names;
    for (const bench::Suite& suite : bench::kSuites)
        names.emplace_back(suite.name);
    return names;
}

int run_benchmarks(const BenchOptions& options, BenchOutput output) {
    const Result<Run> run = options.from.empty() ? measure(options) : read_run(options.from);
    if (!run) return fail(kExitUsage, run.error().message);
    const Status written = write_all(options, *run);
    if (!written) return fail(kExitUsage, written.error().message);
    print(output == BenchOutput::json ? bench::to_json(*run).dump(2) + "\n"
                                      : bench::render_run(*run));
    return options.check && !bench::reaches_all(*run) ? kExitBad : kExitFine;
}

}  // namespace wgs::cli
