// SPDX-License-Identifier: Apache-2.0
#include "service/cleanup.h"

#include <csignal>
#include <utility>

#include "kernel/wireguard.h"
#include "service/bpf_steering.h"
#include "source/make_source.h"

namespace wgs {
namespace {

class NullSink final : public SourceSink {
    void upsert(const NodeInfo&) override {}
    void remove(const std::string&) override {}
    void complete() override {}
    void report(const Problem&) override {}
};

Status withdraw_self(const Config& config) {
    // What Felix knows of us is taken back by the driver alone, and only while Felix runs.
    if (std::holds_alternative<FelixConfig>(config.source)) return {};
    NullSink sink;
    return WGS_TRY(make_source(config, sink))->withdraw();
}

}  // namespace

Status remove_device(const Config& config, const std::string& name) {
    const PrivateKey unused = PrivateKey::generate();
    const WireguardOptions options{
        .device = name, .run_dir = config.run_dir, .private_key = unused};
    const std::string socket = name + ".sock";
    const bool userspace = std::filesystem::exists(config.run_dir / "wireguard" / socket);
    const auto device = WGS_TRY(
        open_wireguard(userspace ? BackendChoice::userspace : BackendChoice::kernel, options));
    return device->destroy();
}

namespace {

Status remove_devices(const Config& config) {
    Status result;
    for (const TunnelConfig& tunnel : config.wireguard.tunnels()) {
        Status destroyed = remove_device(config, tunnel.device);
        if (result) result = std::move(destroyed);
    }
    return result;
}

Status remove_file(const std::filesystem::path& file) {
    std::error_code code;
    std::filesystem::remove(file, code);
    if (code) return os_error(code.value(), "remove " + file.string());
    return {};
}

Status remove_files(const Config& config) {
    std::vector<std::filesystem::path> files = private_key_files(config);
    files.push_back(config.run_dir / "api.sock");
    files.push_back(config.run_dir / "lock");
    files.push_back(api_server_file(config));
    for (const auto& file : files)
        WGS_TRY(remove_file(file));
    return {};
}

// Without it another try would not know what to remove, so it goes once all else has gone.
Status remove_saved_config(const Config& config) {
    WGS_TRY(remove_file(saved_config_path(config.run_dir)));
    // The directories may be shared with others: only empty ones go.
    for (const auto& directory : {config.run_dir / "wireguard", config.run_dir, config.state_dir}) {
        std::error_code ignored;
        std::filesystem::remove(directory, ignored);
    }
    return {};
}

}  // namespace

std::vector<std::filesystem::path> private_key_files(const Config& config) {
    std::vector files{config.state_dir / "private.key"};
    if (config.wireguard.per_family) files.push_back(config.state_dir / "private-v6.key");
    return files;
}

std::filesystem::path saved_config_path(const std::filesystem::path& run_dir) {
    return run_dir / "config.yaml";
}

Status clean_up(const Config& config) {
    std::signal(SIGPIPE, SIG_IGN);  // of connections that a server has closed
    // Our own entry first: the others stop sending before we stop receiving.
    Status results[] = {withdraw_self(config).within("withdraw self"),
                        BpfSteering::clean_up(config.bpffs).within("remove programs and maps"),
                        remove_devices(config).within("remove tunnel"), remove_files(config)};
    for (Status& result : results) {
        if (!result) return std::move(result);
    }
    return remove_saved_config(config);
}

}  // namespace wgs
