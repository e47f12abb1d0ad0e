// SPDX-License-Identifier: Apache-2.0
// wgsteerd: the agent of one node.
#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>

#include "base/file.h"
#include "base/version.h"
#include "service/agent.h"
#include "service/api.h"
#include "service/cleanup.h"
#include "service/logging.h"
#include "service/loop.h"
#include "source/config_file.h"

namespace wgs {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr std::size_t kConfigLimit = 1 << 20;

Status save_config(const std::string& file, const Config& config) {
    const std::string text = WGS_TRY(read_file(file, kConfigLimit));
    return write_file_atomically(saved_config_path(config.run_dir), text, 0600);
}

// The dataplane goes on after the return: nothing of it is taken down.
Result<int> serve(const std::string& file, Config config) {
    ::signal(SIGPIPE, SIG_IGN);
    EventLoop loop = WGS_TRY(EventLoop::create());
    const auto end = [&loop] {
        spdlog::info("ending; the dataplane stays as it is");
        loop.exit(0);
    };
    const auto on_term = WGS_TRY(loop.on_signal(SIGTERM, end));
    const auto on_int = WGS_TRY(loop.on_signal(SIGINT, end));
    const std::unique_ptr<Agent> agent = WGS_TRY(Agent::create(std::move(config), loop));
    WGS_TRY(save_config(file, agent->config()));
    const Api api = WGS_TRY(Api::open(*agent, loop));
    WGS_TRY(agent->start());
    return loop.run();
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
