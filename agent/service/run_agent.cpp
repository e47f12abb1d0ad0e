// SPDX-License-Identifier: Apache-2.0
#include "service/run_agent.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <utility>

#include "base/file.h"
#include "service/api.h"
#include "service/cleanup.h"

namespace wgs {
namespace {

constexpr int kLargeBlock = 256 << 10;

}  // namespace

Result<int> run_agent(Config config, const std::string& saved, EventLoop& loop,
                      const MakeSource& make_source) {
    ::signal(SIGPIPE, SIG_IGN);
    // Large documents, and dumps of large devices, go back to the kernel as soon as they are done
    // with; by default the allocator would learn to keep such blocks.
    ::mallopt(M_MMAP_THRESHOLD, kLargeBlock);
    const auto end = [&loop] {
        spdlog::info("ending; the dataplane stays as it is");
        loop.exit(0);
    };
    const auto on_term = WGS_TRY(loop.on_signal(SIGTERM, end));
    const auto on_int = WGS_TRY(loop.on_signal(SIGINT, end));
    const std::unique_ptr<Agent> agent =
        WGS_TRY(Agent::create(std::move(config), loop, make_source));
    WGS_TRY(write_file_atomically(saved_config_path(agent->config().run_dir), saved, 0600));
    const Api api = WGS_TRY(Api::open(*agent, loop));
    WGS_TRY(agent->start());
    return loop.run();
}

}  // namespace wgs
