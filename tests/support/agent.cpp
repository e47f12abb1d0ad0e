// SPDX-License-Identifier: Apache-2.0
#include "tests/support/agent.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <csignal>
#include <fstream>

#include "tests/support/http.h"

namespace wgs::test {
namespace {

constexpr Millis kStartTimeout = 15s;
constexpr Millis kStopTimeout = 10s;

// A flow list; each item quoted, since an IPv6 address would read as a map.
std::string yaml_list(const std::vector<std::string>& items) {
    std::string text;
    for (const std::string& item : items)
        text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", item);
    return "[" + text + "]";
}

std::string list_line(std::string_view key, const std::vector<std::string>& items) {
    return items.empty() ? "" : fmt::format("{}: {}\n", key, yaml_list(items));
}

// What keeps it from starting is for the test to look at.
bool has_started(const std::string& document) {
    const auto status = nlohmann::json::parse(document, nullptr, false);
    if (!status.is_object()) return false;
    return !status.value("starting", true) ||
           std::ranges::any_of(status["problems"], [](const nlohmann::json& problem) {
               return problem.value("object", "") == "kernel";
           });
}

}  // namespace

std::string to_yaml(const AgentSettings& settings) {
    const std::string directory = settings.directory.string();
    return fmt::format("node: {}\n", settings.node) +
           fmt::format("run_dir: {}/run\nstate_dir: {}/state\nbpffs: {}/bpf\n", directory,
                       directory, directory) +
           fmt::format("source: {}\n", settings.source.empty() ? fmt::format("{{directory: {}}}",
                                                                             settings.mesh.string())
                                                               : settings.source) +
           list_line("addresses", settings.addresses) + list_line("prefixes", settings.prefixes) +
           list_line("underlay", settings.underlay) +
           (settings.max_peers > 0 ? fmt::format("max_peers: {}\n", settings.max_peers) : "") +
           list_line("cluster_prefixes", settings.cluster_prefixes) +
           fmt::format("policy: {}\nhosts: {}\npath: {}\nguard: {}\nmetrics: \"{}\"\n",
                       settings.policy, settings.hosts, settings.path, settings.guard,
                       settings.metrics) +
           fmt::format("leak_watch: {}\n", settings.leak_watch) +
           fmt::format("overlay: {}\nbypass: {}\n", settings.overlay, settings.bypass) +
           fmt::format("wireguard:\n  backend: {}\n  device: {}\n", settings.backend,
                       settings.device) +
           (settings.per_family
                ? fmt::format("  per_family: true\n  device_v6: {}-v6\n", settings.device)
                : "") +
           fmt::format("  cluster_secret_file: \"{}\"\n", settings.cluster_secret_file);
}

Agent::Agent(const NetNamespace& ns, AgentSettings settings)
    : ns_(&ns), settings_(std::move(settings)) {}

void Agent::start() {
    launch();
    await_start();
}

void Agent::await_start() {
    std::string last;
    const bool up = eventually(kStartTimeout, [&] {
        const auto reply = http_get(socket(), "/v1/status", 1s);
        if (reply) last = reply->body;
        return !running() || (reply && has_started(reply->body));
    });
    if (!up || !running()) {
        broken(fmt::format("agent {} has not started: {}\n{}", settings_.node, last, log()));
    }
}

void Agent::launch() {
    if (process_) kill9();
    std::filesystem::create_directories(settings_.directory);
    std::ofstream(config_file()) << to_yaml(settings_);
    std::vector<std::string> argv = settings_.launcher;
    argv.insert(argv.end(), {binary("wgsteerd"), "--config", config_file()});
    process_.emplace(argv, ProcessOptions{.ns = ns_, .environment = {settings_.mark}});
}

std::optional<int> Agent::stop() {
    process_->signal(SIGTERM);
    const std::optional<int> exit_code = process_->wait(kStopTimeout);
    last_log_ = log();
    process_.reset();
    return exit_code;
}

void Agent::kill9() {
    last_log_ = log();
    process_.reset();
}

bool Agent::running() {
    return process_ && process_->running();
}

nlohmann::json Agent::document(const std::string& path) const {
    const std::optional<HttpReply> reply = http_get(socket(), path);
    if (!reply) broken(fmt::format("agent {}: no answer to {}\n{}", settings_.node, path, log()));
    auto parsed = nlohmann::json::parse(reply->body, nullptr, false);
    if (reply->status != 200 || parsed.is_discarded()) {
        broken(fmt::format("agent {}: {} answered {}: {}", settings_.node, path, reply->status,
                           reply->body));
    }
    return parsed;
}

nlohmann::json Agent::status() const {
    return document("/v1/status");
}

nlohmann::json Agent::peers() const {
    return document("/v1/peers");
}

nlohmann::json Agent::peer(const std::string& name) const {
    for (const auto& entry : peers()) {
        if (entry.value("name", "") == name) return entry;
    }
    return nullptr;
}

std::string Agent::peer_state(const std::string& name) const {
    const nlohmann::json entry = peer(name);
    return entry.is_null() ? "" : entry.value("state", "");
}

std::optional<std::uint64_t> Agent::leaks() const {
    const std::optional<HttpReply> reply = http_get(socket(), "/v1/status");
    if (!reply) return std::nullopt;
    const auto status = nlohmann::json::parse(reply->body, nullptr, false);
    if (!status.is_object() || status.value("leaks", nlohmann::json()).is_null())
        return std::nullopt;
    return status["leaks"].get<std::uint64_t>();
}

bool Agent::wait_ready(std::size_t count, Millis timeout) const {
    return eventually(timeout, [&] {
        const nlohmann::json now = status();
        const nlohmann::json totals = now.value("peers", nlohmann::json::object());
        return now.value("in_sync", false) && totals.value("total", 0U) == count &&
               totals.value("ready", 0U) == count;
    });
}

Outcome Agent::cli(const std::vector<std::string>& arguments) const {
    std::vector<std::string> argv = {binary("wgsteer"), "--socket", socket()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run(argv, {.ns = ns_, .environment = {settings_.mark}});
}

Outcome Agent::cleanup() const {
    return cli({"cleanup"});
}

nlohmann::json Agent::explain(const std::string& source, const std::string& destination) const {
    const Outcome outcome = cli({"explain", "--src", source, "--dst", destination, "-o", "json"});
    auto parsed = nlohmann::json::parse(outcome.output, nullptr, false);
    if (parsed.is_discarded()) broken("explain printed " + outcome.output + outcome.errors);
    return parsed;
}

std::filesystem::path Agent::node_file() const {
    return settings_.mesh / (settings_.node + ".yaml");
}

std::string Agent::log() const {
    return process_ ? process_->output() + process_->errors() : last_log_;
}

}  // namespace wgs::test
