// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "cli/agent_process.h"
#include "cli/doctor/gather.h"
#include "cli/doctor/probe.h"

namespace wgs::cli {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostProbed = 16;
// By then WireGuard's counters, which the agent reads now and then, hold the probes.
constexpr std::chrono::milliseconds kBetweenReadings{800};
// With one answer of the agent: somebody waits for what the doctor has to say.
constexpr std::chrono::seconds kPatience{5};

Json document(const Client& client, const std::string& path) {
    const Result<Reply> reply = client.get(path);
    if (!reply || reply->status != 200) return nullptr;
    Json document = Json::parse(reply->body, nullptr, false);
    return document.is_discarded() ? Json() : document;
}

// proc(5): "CapEff:" of status, "Max open files" of limits.
void look_at_process(pid_t process, AgentFacts& agent) {
    const std::string directory = "/proc/" + std::to_string(process);
    std::ifstream status(directory + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("CapEff:"))
            agent.capabilities =
                std::stoull(line.substr(line.find_last_of(" \t") + 1), nullptr, 16);
    constexpr std::string_view kFiles = "Max open files";
    std::ifstream limits(directory + "/limits");
    for (std::string line; std::getline(limits, line);)
        if (line.starts_with(kFiles))
            std::istringstream(line.substr(kFiles.size())) >> agent.open_files;
}

// "192.168.50.2:51820", "[fd50::2]:51820".
std::optional<ProbeTarget> target_of(const Json& peer) {
    const Json endpoint = peer.is_object() ? peer.value("endpoint", Json()) : Json();
    if (!endpoint.is_string()) return std::nullopt;
    const auto text = endpoint.get<std::string>();
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    std::string host = text.substr(0, colon);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    const Result<IpAddress> address = IpAddress::parse(host);
    if (!address) return std::nullopt;
    return ProbeTarget{.peer = peer.value("name", ""),
                       .state = peer.value("state", ""),
                       .address = *address,
                       .port = static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1))};
}

// Between nodes that encrypt their own traffic, pings go through the tunnel.
void set_size(const Facts& facts, ProbeTarget& target) {
    const std::size_t index = std::min<std::size_t>(target.address.family() == Family::v4 ? 0 : 1,
                                                    facts.tunnels.size() - 1);
    target.inside = facts.config.hosts && target.state == "ready" && !facts.tunnels.empty() &&
                    facts.tunnels[index].exists;
    if (target.inside)
        target.wanted = facts.tunnels[index].mtu;
    else if (!facts.underlays.empty())
        target.wanted = facts.underlays.front().mtu;
}

bool is_chosen(const DoctorOptions& options, const std::string& name) {
    return options.peers.empty() || std::ranges::find(options.peers, name) != options.peers.end();
}

}  // namespace

void gather_agent(const Client& patient, Facts& facts) {
    const Client client(patient.socket(), kPatience);
    AgentFacts& agent = facts.agent;
    if (const auto process = agent_process(client.socket())) {
        agent.process = process->id;
        agent.stopped = process->stopped();
    }
    const Result<Reply> reply = client.get("/v1/status");
    if (!reply) {
        agent.error = reply.error().message;
        return;
    }
    agent.status = document(client, "/v1/status");
    agent.answers = agent.status.is_object();
    if (!agent.answers) {
        agent.error = "the agent answers, but cannot tell its status: " + error_text(*reply);
        return;
    }
    agent.peers = document(client, "/v1/peers");
    if (!agent.peers.is_array()) agent.peers = Json::array();
    const Json version = document(client, "/v1/version");
    if (version.is_object()) agent.version = version.value("version", "");
    const Json test = document(client, "/v1/leak-test");
    if (test.is_object() && test.contains("self_test"))
        agent.leak_test_failed = test["self_test"] == "failed";
    if (agent.process > 0) look_at_process(agent.process, agent);
}

void gather_again(const Client& client, Facts& facts) {
    if (!facts.agent.answers) return;
    std::this_thread::sleep_for(kBetweenReadings);
    facts.agent.later = document(Client(client.socket(), kPatience), "/v1/peers");
}

void gather_probes(const DoctorOptions& options, Facts& facts) {
    std::vector<ProbeTarget> targets;
    for (const Json& peer : facts.agent.peers) {
        auto target = target_of(peer);
        if (!target || !is_chosen(options, target->peer)) continue;
        if (targets.size() == kMostProbed && options.peers.empty()) {
            ++facts.peers_not_probed;
            continue;
        }
        set_size(facts, *target);
        if (target->wanted > 0) targets.push_back(std::move(*target));
    }
    facts.probes = probe(targets);
}

}  // namespace wgs::cli
