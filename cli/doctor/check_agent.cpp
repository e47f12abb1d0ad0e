// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/version.h"
#include "cli/doctor/checks.h"

namespace wgs::cli {
namespace {

using Json = nlohmann::json;

// What a document has, or nothing: it may be another version's.
const Json& at(const Json& object, const char* key) {
    static const Json kNothing;
    if (!object.is_object()) return kNothing;
    const auto found = object.find(key);
    return found == object.end() ? kNothing : *found;
}

std::string text_at(const Json& object, const char* key) {
    const Json& value = at(object, key);
    return value.is_string() ? value.get<std::string>() : "";
}

double number_at(const Json& object, const char* key) {
    const Json& value = at(object, key);
    return value.is_number() ? value.get<double>() : 0;
}

void check_config(const Facts& facts, Findings& findings) {
    if (!facts.config_error.empty())
        return fail(findings, "config", facts.config_error, "mend it; see wgsteerd.yaml(5)");
    ok(findings, "config", facts.config_file);
}

void check_version(const AgentFacts& agent, Findings& findings) {
    if (agent.version.empty() || agent.version == kVersion) return;
    warn(findings, "version",
         fmt::format("the agent is {}, this command {}", agent.version, kVersion),
         "restart the agent: it was updated, but still runs");
}

constexpr const char* kSeeStatus = "wgsteer status; the agent's log says when it began";

void check_alarm(const Json& alarm, Findings& findings) {
    const std::string advice = text_at(alarm, "advice");
    findings.push_back(
        {.grade = text_at(alarm, "severity") == "problem" ? Grade::failure : Grade::warning,
         .check = "agent",
         .text = text_at(alarm, "object") + ": " + text_at(alarm, "message"),
         .fix = advice.empty() ? kSeeStatus : advice});
}

bool has_alarm(const Json& status, const std::string& object) {
    return std::ranges::any_of(at(status, "alarms"), [&](const Json& alarm) {
        return text_at(alarm, "object") == object;
    });
}

void check_problems(const Json& status, Findings& findings) {
    const Json& problems = at(status, "problems");
    const Json& alarms = at(status, "alarms");
    for (const Json& alarm : alarms)
        check_alarm(alarm, findings);
    // All that an older agent tells.
    for (const Json& problem : alarms.is_null() ? problems : Json::array())
        fail(findings, "agent", text_at(problem, "object") + ": " + text_at(problem, "message"),
             kSeeStatus);
    if (at(status, "in_sync") == false && problems.empty())
        warn(findings, "agent", "is bringing the kernel in line",
             "look again; if it lasts, at its log");
}

void check_leaks(const AgentFacts& agent, Findings& findings) {
    const Json& leaks = at(agent.status, "leaks");
    if (leaks.is_null()) return warn(findings, "leaks", "nobody watches", "leak_watch: on");
    if (agent.leak_test_failed)
        return fail(findings, "leaks", "the watcher does not pass its self-test",
                    "wgsteer leak-test says why");
    if (number_at(agent.status, "leaks") > 0)
        return warn(findings, "leaks",
                    fmt::format("{} packets have left in clear since the start", leaks.dump()),
                    "wgsteer status names the flows and the time of the last one");
    ok(findings, "leaks", "none, and the watcher passes its test");
}

void check_hooks(const Json& status, Findings& findings) {
    for (const Json& hook : at(status, "hooks")) {
        if (at(hook, "attached") == true) continue;
        fail(findings, "hooks",
             text_at(hook, "program") + " on " + text_at(hook, "device") +
                 " is of an earlier agent or in the wrong place",
             "the agent replaces it within a second; its log says why it could not");
    }
}

std::string advice_for(const std::string& state) {
    if (state == "no_key") return "start wgsteerd there; does it write to the same source?";
    if (state == "conflict")
        return "one of the nodes is a copy: remove its private key and restart it";
    if (state == "stalled") return "is the node up? look at firewalls between, and at its agent";
    return "does it know our key (wgsteer peers there)? is its UDP port reachable?";
}

void check_state(const Json& peer, Findings& findings) {
    const std::string state = text_at(peer, "state");
    if (state == "ready") return;
    const std::string text = text_at(peer, "name") + " is " + state;
    if (state == "conflict" || state == "stalled")
        return fail(findings, "peers", text, advice_for(state));
    warn(findings, "peers", text, advice_for(state));
}

// It was heard from elsewhere than it has published.
void check_endpoint(const Json& peer, Findings& findings) {
    const std::string published = text_at(peer, "published_endpoint");
    const std::string endpoint = text_at(peer, "endpoint");
    if (text_at(peer, "state") != "ready" || published.empty() || published == endpoint) return;
    warn(findings, "endpoint",
         fmt::format("{} is reached at {}, but has published {}: a NAT is between, or its address "
                     "has changed",
                     text_at(peer, "name"), endpoint, published),
         "behind a NAT it must speak first and go on speaking: wireguard.keepalive: 25s there; "
         "else correct 'addresses' and 'wireguard.port' there");
}

// The same peer in a later document.
const Json& again(const Json& peers, const Json& earlier) {
    static const Json kNothing;
    for (const Json& peer : peers)
        if (at(peer, "name") == at(earlier, "name") && at(peer, "tunnel") == at(earlier, "tunnel"))
            return peer;
    return kNothing;
}

// After this time without a handshake WireGuard sends nothing more in a session.
constexpr double kSessionEnds = 180;

// Pings went through the tunnel, and nobody answered.
bool is_silent(const Facts& facts, const std::string& peer) {
    return std::ranges::any_of(facts.probes, [&](const ProbeFacts& probe) {
        return probe.peer == peer && probe.inside && !probe.answers;
    });
}

// Ours goes on without an answer.
void check_session(const Facts& facts, const Json& peer, Findings& findings) {
    const Json& later = again(facts.agent.later, peer);
    const Json& handshake = at(peer, "last_handshake");
    if (text_at(peer, "state") != "ready" || !handshake.is_number() || !later.is_object()) return;
    const auto now = std::chrono::duration<double>(facts.now.time_since_epoch()).count();
    const double age = now - handshake.get<double>();
    const std::string name = text_at(peer, "name");
    if (age < -1)
        return fail(findings, "clock",
                    fmt::format("the last handshake with {} is {:.0f} s in the future: the clock "
                                "was set back",
                                name, -age),
                    "set the clock right; until it has caught up, peers refuse new handshakes");
    const double sent = number_at(later, "tx_bytes") - number_at(peer, "tx_bytes");
    const double received = number_at(later, "rx_bytes") - number_at(peer, "rx_bytes");
    const bool over = age > kSessionEnds || is_silent(facts, name);
    if (over && sent > 0 && received <= 0)
        fail(findings, "peers",
             fmt::format("{} is sent to and answers nothing, its handshake is {:.0f} s old", name,
                         age),
             "is it up? then a firewall between blocks UDP one way, or its receive side stalls "
             "(NAPI, other peers of it are well): wgsteer doctor there");
}

void check_silence(const AgentFacts& agent, Findings& findings) {
    if (agent.process == 0)
        return fail(findings, "agent", agent.error,
                    "systemctl start wgsteer; what an earlier one has set up goes on meanwhile");
    if (agent.stopped)
        return fail(findings, "agent",
                    fmt::format("does not answer: its process {} is stopped", agent.process),
                    fmt::format("kill -CONT {}; who stopped it?", agent.process));
    fail(findings, "agent",
         fmt::format("its process {} is there, but has not answered: {}", agent.process,
                     agent.error),
         fmt::format("its log, and what it waits for: cat /proc/{0}/wchan /proc/{0}/stack; then "
                     "systemctl restart wgsteer, which loses no packet",
                     agent.process));
}

}  // namespace

bool Facts::all_ready() const {
    if (!agent.answers) return false;
    return std::ranges::all_of(agent.peers, [&](const Json& peer) {
        return text_at(peer, "state") == "ready" && !has_alarm(agent.status, text_at(peer, "name"));
    });
}

void check_agent(const Facts& facts, Findings& findings) {
    check_config(facts, findings);
    const AgentFacts& agent = facts.agent;
    if (!agent.answers) return check_silence(agent, findings);
    if (at(agent.status, "in_sync") == true && at(agent.status, "problems").empty())
        ok(findings, "agent", "runs, and the kernel is as it should be");
    check_version(agent, findings);
    check_problems(agent.status, findings);
    check_hooks(agent.status, findings);
    check_leaks(agent, findings);
}

void check_peers(const Facts& facts, Findings& findings) {
    if (!facts.agent.answers) return;
    std::size_t ready = 0;
    for (const Json& peer : facts.agent.peers) {
        if (text_at(peer, "state") == "ready") ++ready;
        if (!has_alarm(facts.agent.status, text_at(peer, "name"))) check_state(peer, findings);
        check_session(facts, peer, findings);
        check_endpoint(peer, findings);
    }
    const std::size_t total = facts.agent.peers.size();
    if (total == 0)
        return warn(findings, "peers", "the source knows no other node",
                    "does each agent read and write the same source?");
    if (ready == total) ok(findings, "peers", fmt::format("all {} are ready", total));
}

}  // namespace wgs::cli
