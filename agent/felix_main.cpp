// SPDX-License-Identifier: Apache-2.0
// wgsteer-felix: the agent as the dataplane driver that Felix starts, without arguments.
#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "base/backoff.h"
#include "felix/felix_source.h"
#include "felix/parameters.h"
#include "felix/pipe.h"
#include "service/cleanup.h"
#include "service/logging.h"
#include "service/loop.h"
#include "service/run_agent.h"
#include "source/config_file.h"

namespace wgs::felix {
namespace {

using namespace std::chrono_literals;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr const char* kConfigVariable = "WGSTEER_CONFIG";
constexpr const char* kDefaultConfig = "/etc/wgsteer/felix.yaml";

// What Felix does not decide. The default file need not be there.
Result<Config> load_own_config() {
    const char* named = std::getenv(kConfigVariable);
    const std::string file = named != nullptr ? named : kDefaultConfig;
    if (named == nullptr && !std::filesystem::exists(file))
        return parse_config("source: {felix: {}}\n", "built-in configuration");
    Config config = WGS_TRY(load_config(file));
    if (std::holds_alternative<FelixConfig>(config.source)) return config;
    return invalid(file + ": source: expected felix: {}");
}

// By which everything can be removed later. JSON's strings are YAML's as well.
std::string to_yaml(const Config& config) {
    const auto quoted = [](const std::string& text) { return nlohmann::json(text).dump(); };
    const WireguardConfig& wireguard = config.wireguard;
    const std::string second =
        !wireguard.per_family ? ""
                              : fmt::format("  per_family: true\n  device_v6: {}\n  port_v6: {}\n",
                                            quoted(wireguard.device_v6), wireguard.port_v6);
    return fmt::format(
        "node: {}\nrun_dir: {}\nstate_dir: {}\nbpffs: {}\nsource: {{felix: {{}}}}\npolicy: {}\n"
        "wireguard:\n  device: {}\n  port: {}\n{}",
        quoted(config.node), quoted(config.run_dir), quoted(config.state_dir), quoted(config.bpffs),
        config.policy == Policy::require ? "require" : "prefer", quoted(wireguard.device),
        wireguard.port, second);
}

// Of the driver before us; none: it has left nothing.
std::optional<Config> config_before(const Config& config) {
    const auto saved = saved_config_path(config.run_dir);
    if (!std::filesystem::exists(saved)) return std::nullopt;
    Result<Config> before = load_config(saved);
    if (before) return std::move(*before);
    spdlog::warn("{}", before.error().message);
    return std::nullopt;
}

// Felix may have given a device another name or taken its family away; it would keep the port.
Status retire_old_devices(const Config& config) {
    const auto before = config_before(config);
    if (!before) return {};
    std::set<std::string> wanted;
    for (const TunnelConfig& tunnel : config.wireguard.tunnels())
        wanted.insert(tunnel.device);
    for (const TunnelConfig& tunnel : before->wireguard.tunnels()) {
        if (wanted.contains(tunnel.device)) continue;
        spdlog::info("removing {}, which has another name now or none", tunnel.device);
        WGS_TRY(remove_device(*before, tunnel.device));
    }
    return {};
}

// What happens when Felix has nothing more to say: this process ends, the dataplane stays.
auto end_in(EventLoop& loop) {
    return [&loop](End end, const std::string& message) {
        if (end == End::broken) {
            spdlog::error("{}; ending, the dataplane stays as it is", message);
            loop.exit(kExitFailure);
            return;
        }
        spdlog::info("{}; ending{}, the dataplane stays as it is", message,
                     end == End::restart ? " for Felix to start anew" : "");
        loop.exit(0);
    };
}

Result<int> encrypt(Config config, const Parameters& parameters, Pipe pipe) {
    WGS_TRY(retire_old_devices(config));
    EventLoop loop = WGS_TRY(EventLoop::create());
    FelixOptions options{.self = config.node, .parameters = parameters, .on_end = end_in(loop)};
    const auto make_source = [&](const Config&, SourceSink& sink) {
        return Result<std::unique_ptr<Source>>(
            std::make_unique<FelixSource>(std::move(options), std::move(pipe), sink));
    };
    const std::string saved = to_yaml(config);
    return run_agent(std::move(config), saved, loop, make_source);
}

// WireGuard is off on this node: what an earlier driver has left goes, and others are told that
// there is no key.
class Idle final : private SourceSink {
  public:
    Idle(Config config, const Parameters& parameters, Pipe pipe, EventLoop& loop)
        : config_(std::move(config)),
          loop_(loop),
          source_({.self = config_.node, .parameters = parameters, .on_end = end_in(loop)},
                  std::move(pipe), *this) {}

    Result<int> run() {
        readable_ = WGS_TRY(loop_.on_readable(source_.fd(), [this] { dispatch(); }));
        source_timer_ = WGS_TRY(loop_.timer([this] { dispatch(); }));
        cleanup_timer_ = WGS_TRY(loop_.timer([this] { clean_up_once(); }));
        const auto on_term = WGS_TRY(loop_.on_signal(SIGTERM, [this] { loop_.exit(0); }));
        // The others stop sending before we stop receiving.
        WGS_TRY(source_.withdraw());
        clean_up_once();
        source_.start();
        dispatch();
        return loop_.run();
    }

  private:
    void upsert(const NodeInfo& /*node*/) override {}
    void remove(const std::string& /*name*/) override {}
    void complete() override {}
    void report(const Problem& problem) override {
        spdlog::warn("source: {}: {}", problem.object, problem.message);
    }

    void dispatch() {
        source_.dispatch();
        const auto next = source_.next_timeout();
        if (!next) return;
        const auto delay = std::max(*next - std::chrono::steady_clock::now(),
                                    std::chrono::steady_clock::duration(0));
        arm(source_timer_, std::chrono::ceil<std::chrono::milliseconds>(delay));
    }

    void clean_up_once() {
        const auto before = config_before(config_);
        if (!before) return;
        const Status cleaned = clean_up(*before);
        if (cleaned) {
            spdlog::info("WireGuard is off: what was there is removed");
            return;
        }
        const auto pause = backoff_.next();
        spdlog::error("{}; trying again in {} ms", cleaned.error().message, pause.count());
        arm(cleanup_timer_, pause);
    }

    void arm(EventLoop::Source& timer, std::chrono::milliseconds delay) {
        if (const Status armed = loop_.arm(timer, delay); !armed)
            spdlog::error("{}", armed.error().message);
    }

    Config config_;
    EventLoop& loop_;
    FelixSource source_;
    Backoff backoff_{50ms, 5s};
    EventLoop::Source readable_;
    EventLoop::Source source_timer_;
    EventLoop::Source cleanup_timer_;
};

void tell_what_differs(const Parameters& parameters) {
    if (parameters.rule_priority != Parameters().rule_priority)
        spdlog::info("WireguardRoutingRulePriority is not needed: there is no ip rule");
    if (parameters.threaded_napi) spdlog::warn("WireguardThreadingEnabled: not supported yet");
}

Result<int> drive(Config config, Pipe pipe) {
    const auto [parameters, problems] =
        read_parameters(WGS_TRY(await_configuration(pipe)).parameters);
    for (const Problem& problem : problems)
        spdlog::warn("Felix's configuration: {}: {}", problem.object, problem.message);
    tell_what_differs(parameters);
    apply_parameters(parameters, config);
    if (parameters.enabled()) return encrypt(std::move(config), parameters, std::move(pipe));
    spdlog::info("WireGuard is off in Felix's configuration");
    EventLoop loop = WGS_TRY(EventLoop::create());
    return Idle(std::move(config), parameters, std::move(pipe), loop).run();
}

int usage(const std::string& message) {
    fmt::print(stderr, "wgsteer-felix: {}\n", message);
    return kExitUsage;
}

int run() {
    ::signal(SIGPIPE, SIG_IGN);
    // Before any other descriptor could get these numbers.
    auto pipe = Pipe::open(UniqueFd(Pipe::kFromFelix), UniqueFd(Pipe::kToFelix));
    if (!pipe) return usage(pipe.error().message + "; Felix starts this program, as its driver");
    Result<Config> config = load_own_config();
    if (!config) return usage(config.error().message);
    set_up_logging(config->log_level, config->log_format);
    const Result<int> code = drive(std::move(*config), std::move(*pipe));
    if (code) return *code;
    spdlog::error("{}", code.error().message);
    return kExitFailure;
}

}  // namespace
}  // namespace wgs::felix

int main() {
    return wgs::felix::run();
}
