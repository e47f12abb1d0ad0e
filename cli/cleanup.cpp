// SPDX-License-Identifier: Apache-2.0
#include "cleanup.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <optional>

#include "base/unique_fd.h"
#include "output.h"
#include "service/cleanup.h"
#include "source/config_file.h"

namespace wgs::cli {
namespace {

Result<Config> find_config(const Client& client, const CleanupOptions& options) {
    if (!options.config.empty()) return load_config(options.config);
    const auto saved = saved_config_path(std::filesystem::path(client.socket()).parent_path());
    if (!std::filesystem::exists(saved)) {
        return make_error(std::errc::no_such_file_or_directory,
                          "no agent answers on " + client.socket() + " and there is no " +
                              saved.string() + "; name the configuration with --config");
    }
    return load_config(saved);
}

bool ask(const Config& config) {
    const bool opens = config.policy == Policy::require;
    print((opens ? "Node " + config.node + " requires encryption, and cleanup opens it: its traffic"
                 : "Traffic of node " + config.node) +
          " to the mesh will leave in clear. Go on? [y/N] ");
    std::fflush(stdout);
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "yes";
}

// Whoever cannot be asked must have said yes, unless the node lets clear text out anyway. The exit
// code to end with; none: go on.
std::optional<int> refuse(const Config& config, const CleanupOptions& options) {
    if (options.yes) return std::nullopt;
    if (::isatty(STDIN_FILENO) != 0)
        return ask(config) ? std::nullopt : std::optional(fail(kExitUsage, "nothing was removed"));
    if (config.policy == Policy::prefer) return std::nullopt;
    return fail(kExitUsage, "cleanup opens this node, which requires encryption; say --yes");
}

int report(const Config& config, const Status& status) {
    if (!status) return fail(kExitBad, "cleanup: " + status.error().message);
    print("Removed every trace of wgsteer from node " + config.node +
          ". Its traffic leaves in clear now.\n");
    return kExitFine;
}

Status clean_up_without_agent(const Config& config) {
    const UniqueFd lock(::open((config.run_dir / "lock").c_str(), O_RDWR | O_CLOEXEC));
    if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return make_error(std::errc::device_or_resource_busy,
                          "an agent is running but does not answer; end it first");
    }
    return clean_up(config);
}

}  // namespace

int clean_up_node(const Client& client, const CleanupOptions& options) {
    const bool alive = client.get("/v1/version").has_value();
    const Result<Config> config = find_config(client, options);
    if (!config) return fail(alive ? kExitUsage : kExitUnreachable, config.error().message);
    if (const auto code = refuse(*config, options)) return *code;
    if (!alive) return report(*config, clean_up_without_agent(*config));
    const Result<Reply> reply = client.post("/v1/cleanup");
    if (!reply) return fail(kExitUnreachable, reply.error().message);
    if (reply->status != 200) return fail(kExitBad, error_text(*reply));
    return report(*config, {});
}

}  // namespace wgs::cli
