// SPDX-License-Identifier: Apache-2.0
// wgsteerd: the agent of one node.
#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <utility>

#include "base/file.h"
#include "base/version.h"
#include "service/logging.h"
#include "service/loop.h"
#include "service/run_agent.h"
#include "source/config_file.h"
#include "source/make_source.h"

namespace wgs {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr std::size_t kConfigLimit = 1 << 20;

Result<int> serve(const std::string& file, Config config) {
    const std::string text = WGS_TRY(read_file(file, kConfigLimit));
    EventLoop loop = WGS_TRY(EventLoop::create());
    return run_agent(std::move(config), text, loop, &make_source);
}

int run(const std::string& file) {
    Result<Config> config = load_config(file);
    if (!config) {
        fmt::print(stderr, "wgsteerd: {}\n", config.error().message);
        return kExitUsage;
    }
    set_up_logging(config->log_level, config->log_format);
    const Result<int> code = serve(file, std::move(*config));
    if (code) return *code;
    spdlog::error("{}", code.error().message);
    return kExitFailure;
}

}  // namespace
}  // namespace wgs

int main(int argc, char** argv) {
    CLI::App app("The agent of one node: encrypts the traffic to the other nodes with WireGuard.",
                 "wgsteerd");
    std::string file = "/etc/wgsteer/wgsteer.yaml";
    app.add_option("--config", file, "Configuration file")->capture_default_str();
    app.set_version_flag("--version", std::string(wgs::kVersion));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : wgs::kExitUsage;
    }
    return wgs::run(file);
}
