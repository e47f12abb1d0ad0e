// SPDX-License-Identifier: Apache-2.0
// A wgsteerd of one node: its configuration, its life and its interfaces.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/net_namespace.h"
#include "tests/support/process.h"

namespace wgs::test {

struct AgentSettings {
    std::string node;
    std::filesystem::path directory;  // of the agent: run_dir, state_dir and bpffs lie below it
    std::filesystem::path mesh;       // the shared directory of node files
    std::string source;               // as the configuration file has it; empty: that directory
    std::vector<std::string> addresses;
    std::vector<std::string> prefixes;
    std::vector<std::string> underlay = {"eth0"};
    std::vector<std::string> cluster_prefixes;
    std::string policy = "prefer";
    bool hosts = true;
    std::string leak_watch = "on";
    std::string path = "transparent";
    std::string guard = "off";
    std::string overlay = "auto";
    std::string bypass = "[]";  // as the configuration file has it
    std::string backend = "auto";
    std::string device = "wgsteer0";
    bool per_family = false;  // the second device is DEVICE-v6
    int max_peers = 0;        // 0: as the agent has it
    std::string cluster_secret_file;
    std::string metrics = "127.0.0.1:9586";
    std::vector<std::string> launcher;  // command words in front of the daemon
    std::string mark;                   // for the environment: Workspace::mark()
};

// The configuration file for these settings.
std::string to_yaml(const AgentSettings& settings);

class Agent {
  public:
    // Borrows the namespace. Nothing runs before start().
    Agent(const NetNamespace& ns, AgentSettings settings);

    // Writes the configuration and starts the daemon; returns when it has carried out its first
    // plan, or says what keeps it from that.
    void start();
    // The same without waiting.
    void launch();
    // Returns when a launched daemon is as far as after start().
    void await_start();
    // SIGTERM and its exit code; none if it does not end in time.
    std::optional<int> stop();
    void kill9();
    [[nodiscard]] bool running();

    // A document of the API; breaks the test if the agent does not answer with one.
    [[nodiscard]] nlohmann::json status() const;
    [[nodiscard]] nlohmann::json peers() const;
    // The entry of `peers` with this name, or null.
    [[nodiscard]] nlohmann::json peer(const std::string& name) const;
    // The state of a peer, "" if there is none with this name.
    [[nodiscard]] std::string peer_state(const std::string& name) const;
    // What it calls leaks; none if it does not answer or does not watch.
    [[nodiscard]] std::optional<std::uint64_t> leaks() const;
    // In sync with exactly this many peers, all of them ready.
    bool wait_ready(std::size_t count, Millis timeout = 20s) const;

    // `wgsteer --socket … ARGUMENTS` in the node's namespace.
    [[nodiscard]] Outcome cli(const std::vector<std::string>& arguments) const;
    // `wgsteer cleanup` for this agent, which must not be running.
    [[nodiscard]] Outcome cleanup() const;
    // `wgsteer explain … -o json`.
    [[nodiscard]] nlohmann::json explain(const std::string& source,
                                         const std::string& destination) const;

    // Takes effect with the next start().
    AgentSettings& settings() { return settings_; }
    [[nodiscard]] std::filesystem::path run_dir() const { return settings_.directory / "run"; }
    [[nodiscard]] std::filesystem::path socket() const { return run_dir() / "api.sock"; }
    [[nodiscard]] std::filesystem::path bpffs() const { return settings_.directory / "bpf"; }
    [[nodiscard]] std::filesystem::path node_file() const;
    [[nodiscard]] std::filesystem::path config_file() const {
        return settings_.directory / "config.yaml";
    }
    // Everything the running daemon has logged, or the last one if none runs.
    [[nodiscard]] std::string log() const;

  private:
    [[nodiscard]] nlohmann::json document(const std::string& path) const;

    const NetNamespace* ns_;
    AgentSettings settings_;
    std::optional<Process> process_;
    std::string last_log_;
};

}  // namespace wgs::test
