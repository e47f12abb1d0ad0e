// SPDX-License-Identifier: Apache-2.0
#include "service/findings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

namespace wgs {
namespace {

using Findings = std::vector<Finding>;
using std::chrono::seconds;

// So many are no accident any more.
constexpr std::size_t kManyLosses = 3;
// Keys are exchanged now and then, but not so often.
constexpr std::size_t kManyKeys = 3;

std::int64_t whole_seconds(std::chrono::steady_clock::duration time) {
    return std::chrono::duration_cast<seconds>(time).count();
}

// A node in one of our tunnels.
struct Peer {
    const std::string& name;
    TunnelIndex tunnel;
    const TunnelPeer& cached;
    std::uint16_t port;
    const Session* session = nullptr;

    [[nodiscard]] std::string endpoint() const {
        if (session != nullptr && session->endpoint) return session->endpoint->to_string();
        return cached.endpoint ? cached.endpoint->to_string() : "its address";
    }
};

Peer peer_of(const Facts& facts, const std::string& name, const CachedPeer& node,
             TunnelIndex tunnel) {
    const TunnelPeer& cached = node.tunnels[tunnel];
    Peer peer{.name = name,
              .tunnel = tunnel,
              .cached = cached,
              .port = cached.endpoint ? cached.endpoint->port : std::uint16_t{0}};
    const bool known = tunnel < facts.tunnels.size() && facts.tunnels[tunnel].sessions != nullptr;
    if (!known || !cached.public_key) return peer;
    const auto found = facts.tunnels[tunnel].sessions->find(*cached.public_key);
    if (found != facts.tunnels[tunnel].sessions->end()) peer.session = &found->second;
    return peer;
}

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

// The words are those of the system calls.
std::string advice_for_failure(const std::string& failure) {
    if (has(failure, "Address already in use"))
        return "another program has our UDP port: 'ss -ulnp' names it; end it, or set "
               "'wireguard.port'; the agent goes on trying";
    if (has(failure, "from wireguard-go"))
        return "wireguard-go does not answer: is it stopped ('ps -o pid,stat -C wireguard-go')? "
               "'kill -CONT', or 'kill -9', after which the agent starts it again";
    if (has(failure, "No space left"))
        return "make room: 'df' and 'df -i' of state_dir and run_dir, and 'memory.max' of the unit";
    return "the agent goes on trying; 'wgsteer doctor' checks what the kernel must have";
}

void add_underlays(const Facts& facts, Findings& findings) {
    if (facts.underlays.empty())
        findings.push_back({.kind = AlarmKind::underlay,
                            .object = "underlay",
                            .message = "no underlay device was found",
                            .advice = "does a device hold one of 'addresses', or does 'underlay' "
                                      "name one that is here?"});
    const bool any_up = std::ranges::any_of(facts.underlays, &Underlay::up);
    for (const Underlay& underlay : facts.underlays) {
        if (underlay.up) continue;
        findings.push_back(
            {.kind = AlarmKind::underlay,
             .object = underlay.name,
             .severity = any_up ? Severity::warning : Severity::problem,
             .message = "the underlay device is down: nothing reaches peers by it",
             .advice = fmt::format("'ip link set {} up'; if it says NO-CARRIER, look at the cable "
                                   "or the switch",
                                   underlay.name)});
    }
}

void add_agents_own(const Facts& facts, Findings& findings) {
    if (!facts.failure.empty())
        findings.push_back({.kind = AlarmKind::kernel,
                            .object = "kernel",
                            .message = facts.failure,
                            .advice = advice_for_failure(facts.failure)});
    add_underlays(facts, findings);
    for (const Problem& leak : facts.leaks)
        findings.push_back({.kind = AlarmKind::leak,
                            .object = leak.object,
                            .message = leak.message,
                            .advice = "look at the order of tc programs with 'wgsteer status', and "
                                      "at 'leak' lines there; report it"});
    for (const Problem& chain : facts.chain)
        findings.push_back({.kind = AlarmKind::foreign_chain,
                            .object = chain.object,
                            .message = chain.message,
                            .advice = "'bpftool net' and 'tc filter show dev DEVICE egress' name "
                                      "it: let it pass packets on (TC_ACT_UNSPEC, TCX_NEXT), or "
                                      "list its device under 'underlay'"});
    for (const std::string& line : facts.plan)
        findings.push_back({.kind = AlarmKind::plan, .object = "plan", .message = line});
}

bool is_shared(const CachedPeer& node, const std::string& key) {
    return std::ranges::any_of(node.tunnels, [&](const TunnelPeer& peer) {
        return peer.key_conflict && peer.public_key->to_base64() == key;
    });
}

std::string advice_for(const Rejection& rejection, bool shared_key) {
    if (shared_key)
        return "one of the two is a copy: remove the private key below its state_dir and restart "
               "its agent, which makes a new one";
    if (has(rejection.reason, "max_peers"))
        return "raise 'max_peers' on all nodes, and restart their agents";
    return "correct 'prefixes' or 'addresses' of one of the nodes: what is refused is not steered "
           "to it";
}

void add_claims(const Facts& facts, Findings& findings) {
    for (const Rejection& rejection : facts.rejections) {
        const auto peer = facts.peers.find(rejection.node);
        const bool key = peer != facts.peers.end() && is_shared(peer->second, rejection.what);
        findings.push_back({.kind = key ? AlarmKind::key_conflict : AlarmKind::rejected,
                            .object = rejection.node,
                            .message = rejection.what + ": " + rejection.reason,
                            .advice = advice_for(rejection, key)});
    }
    for (const auto& [node, count] : facts.new_keys) {
        if (count < kManyKeys) continue;
        findings.push_back(
            {.kind = AlarmKind::key_conflict,
             .object = node,
             .message = fmt::format("has published another key {} times within 10 minutes: two "
                                    "machines have this name",
                                    count),
             .advice = "set 'node' in the configuration of one of them, and restart its agent"});
    }
    for (const Problem& problem : facts.source)
        findings.push_back({.kind = AlarmKind::source,
                            .object = problem.object,
                            .message = problem.message,
                            .advice = "the last good state stays until it is mended"});
}

// What came back tells which way is blocked.
void add_waiting(const Facts& facts, const Peer& peer, Findings& findings) {
    const auto since = facts.waiting.find(PeerNameView(peer.name, peer.tunnel));
    if (since == facts.waiting.end() || facts.now - since->second < kHandshakePatience) return;
    const bool heard = peer.session != nullptr && peer.session->rx_bytes > 0;
    const std::string endpoint = peer.endpoint();
    findings.push_back(
        {.kind = AlarmKind::no_handshake,
         .object = peer.name,
         .message =
             fmt::format("no handshake for {} s: {}", whole_seconds(facts.now - since->second),
                         heard ? "it is heard, but what we send to " + endpoint + " is not answered"
                               : "nothing comes back from " + endpoint),
         .advice = heard
                       ? fmt::format("is UDP from here to {} blocked? does it know our key and "
                                     "address ('wgsteer peers' there)?",
                                     endpoint)
                       : fmt::format("is its agent running, is UDP port {} open both ways, and is "
                                     "the key it has published its own ('wgsteer status' there)?",
                                     peer.port)});
}

void add_state(const Facts& facts, const Peer& peer, Findings& findings) {
    if (!peer.cached.public_key) {
        findings.push_back({.kind = AlarmKind::no_key,
                            .object = peer.name,
                            .severity = Severity::warning,
                            .message = facts.config.policy == Policy::require
                                           ? "has published no key: what is sent to it is dropped"
                                           : "has published no key: nothing is encrypted to it",
                            .advice = "start wgsteerd there"});
    } else if (!peer.cached.endpoint && !peer.cached.key_conflict) {
        findings.push_back({.kind = AlarmKind::no_address,
                            .object = peer.name,
                            .message = "has no address of a family that this node has",
                            .advice = "give one of the two an address of the other's family"});
    }
    add_waiting(facts, peer, findings);
}

Finding stalled(const Facts& facts, const Peer& peer, const Ailment& ailment) {
    const auto silence = whole_seconds(facts.now - ailment.since);
    const std::string endpoint = peer.endpoint();
    Finding finding{.kind = AlarmKind::stalled, .object = peer.name};
    if (ailment.handshakes) {
        finding.message = fmt::format(
            "handshakes complete, but no data has come for {} s: its packets are not received; "
            "session made anew {} times",
            silence, ailment.restarts);
        finding.advice =
            "the receive side stands still, as with threaded NAPI on the kernels of "
            "CVE-2026-52945: 'echo 0 > /sys/class/net/" +
            facts.config.wireguard.tunnels()[peer.tunnel].device +
            "/threaded' here and there, and update the kernel";
        return finding;
    }
    finding.message = fmt::format(
        "dead: nothing has come back from {} for {} s, neither data nor handshakes; session made "
        "anew {} times",
        endpoint, silence, ailment.restarts);
    finding.advice = fmt::format(
        "is the node up ('ping {}'), does its agent run, and is UDP port {} open both ways?",
        peer.cached.endpoint ? peer.cached.endpoint->address.to_string() : "it", peer.port);
    return finding;
}

Finding one_way(const Facts& facts, const Peer& peer, const Ailment& ailment) {
    const std::string endpoint = peer.endpoint();
    const std::int64_t silence = whole_seconds(facts.now - ailment.since);
    Finding finding{.kind = AlarmKind::one_way, .object = peer.name, .severity = Severity::warning};
    if (ailment.handshakes) {
        finding.message = fmt::format(
            "handshakes with {} complete, but no data has come for {} s: a receive side may stand "
            "still",
            endpoint, silence);
        finding.advice =
            "'wgsteer doctor' here and there: is threaded NAPI on, on a kernel of "
            "CVE-2026-52945? do packet filters drop UDP by its content?";
        return finding;
    }
    finding.message = fmt::format(
        "sending to {}, but nothing has come back for {} s: dead, or one way is blocked", endpoint,
        silence);
    finding.advice = fmt::format(
        "is the node up, does WireGuard run there ('wgsteer status'), and is UDP port {} open both "
        "ways? 'wgsteer peers {}' here and there shows who receives",
        peer.port, peer.name);
    return finding;
}

// Who shares no secret gets no session.
void add_secrets(const Facts& facts, Findings& findings) {
    for (const Problem& file : facts.secret_files)
        findings.push_back(
            {.kind = AlarmKind::secret,
             .object = file.object,
             .message = file.message,
             .advice = "mend the file, or take it away: it is read again by itself"});
    const bool ours = facts.secrets != nullptr && !facts.secrets->empty();
    for (const auto& [name, node] : facts.peers) {
        const std::vector<std::string>& theirs = node.info.secrets;
        const bool keyed = std::ranges::any_of(
            node.tunnels, [](const TunnelPeer& peer) { return peer.public_key.has_value(); });
        if (!keyed || (ours ? facts.secrets->any_of(theirs) : theirs.empty())) continue;
        findings.push_back(
            {.kind = AlarmKind::secret,
             .object = name,
             .message = ours ? "knows no cluster secret of ours: it gets no session"
                             : "has a cluster secret, and this node has none: there is no session",
             .advice = "give both nodes the same file as wireguard.cluster_secret_file"});
    }
}

void add_ailment(const Facts& facts, const Peer& peer, Findings& findings) {
    if (peer.tunnel >= facts.tunnels.size() || !is_programmable(peer.cached)) return;
    const auto* ailments = facts.tunnels[peer.tunnel].ailments;
    if (ailments == nullptr || ailments->empty()) return;
    const auto found = ailments->find(*peer.cached.public_key);
    if (found == ailments->end()) return;
    findings.push_back(found->second.stalled ? stalled(facts, peer, found->second)
                                             : one_way(facts, peer, found->second));
}

void add_peers(const Facts& facts, Findings& findings) {
    for (const auto& [name, node] : facts.peers) {
        for (const TunnelIndex tunnel : tunnels_of(node)) {
            const Peer peer = peer_of(facts, name, node, tunnel);
            add_state(facts, peer, findings);
            add_ailment(facts, peer, findings);
        }
    }
}

void add_too_large(const std::string& name, const OddPacketWatch::Odd& odd, Findings& findings) {
    if (odd.too_big != 0)
        findings.push_back(
            {.kind = AlarmKind::mtu,
             .object = name,
             .severity = Severity::warning,
             .message = fmt::format("MTU: {} packets for it were larger than the tunnel takes, and "
                                    "more keep coming though their senders are told",
                                    odd.too_big),
             .advice =
                 "lower the MTU of the pods to that of the tunnel ('wgsteer status'), or stop "
                 "filtering ICMP 'fragmentation needed' and ICMPv6 'packet too big'"});
    if (odd.oversize != 0)
        findings.push_back(
            {.kind = AlarmKind::mtu,
             .object = name,
             .severity = Severity::warning,
             .message =
                 fmt::format("MTU: {} encrypted packets for it had to be fragmented", odd.oversize),
             .advice = "lower the MTU of the overlay, or raise that of the underlay"});
}

void add_odd_packets(const Facts& facts, Findings& findings) {
    for (const auto& [node, odd] : facts.odd) {
        const std::string& name = node;
        const bool ready = std::ranges::any_of(facts.states, [&](const auto& state) {
            return state.first.node == name && state.second == PeerState::ready;
        });
        if (odd.clear_in != 0 && ready)
            findings.push_back(
                {.kind = AlarmKind::clear_text,
                 .object = name,
                 .message = fmt::format("{} packets have come from it in clear, though it can "
                                        "encrypt to us{}",
                                        odd.clear_in,
                                        facts.config.policy == Policy::require ? ": dropped" : ""),
                 .advice = "'wgsteer status' and 'wgsteer peers' there: are its programs attached "
                           "and reached, is this node ready, are 'hosts' and 'bypass' the same?"});
        add_too_large(name, odd, findings);
    }
}

void add_clock(const Facts& facts, Findings& findings) {
    if (facts.clock_behind >= ClockWatch::kJump)
        findings.push_back(
            {.kind = AlarmKind::clock,
             .object = "clock",
             .message = fmt::format("the clock has gone back and is {} s behind what it was: peers "
                                    "refuse new handshakes of ours as replays",
                                    facts.clock_behind.count()),
             .advice = "is the time right now ('timedatectl')? then the peers recover as they "
                       "make our session anew; keep the clock with NTP"});
    if (facts.clock_ahead >= ClockWatch::kJump)
        findings.push_back(
            {.kind = AlarmKind::clock,
             .object = "clock",
             .severity = Severity::warning,
             .message = fmt::format("the clock has jumped {} s forward", facts.clock_ahead.count()),
             .advice = "if that was wrong, peers will refuse our handshakes once it is set back"});
}

void add_machinery(const Facts& facts, Findings& findings) {
    for (const auto& [hook, count] : facts.lost_hooks)
        findings.push_back({.kind = AlarmKind::lost_hook,
                            .object = hook,
                            .severity = Severity::warning,
                            .message = fmt::format("was detached by somebody else {} times within "
                                                   "10 minutes, and attached again",
                                                   count),
                            .advice = "find who resets tc or BPF links on that device: packets may "
                                      "have left in clear in between"});
    if (facts.lost_devices != 0)
        findings.push_back(
            {.kind = AlarmKind::lost_device,
             .object = facts.config.wireguard.device,
             .severity = facts.lost_devices < kManyLosses ? Severity::warning : Severity::problem,
             .message = fmt::format("the tunnel was lost {} times within 10 minutes, and was made "
                                    "again",
                                    facts.lost_devices),
             .advice = facts.backend == BackendKind::userspace
                           ? "who kills wireguard-go, or deletes the device? look for the OOM "
                             "killer in 'dmesg'; kernel WireGuard needs no process"
                           : "who deletes the device? network managers must leave it alone"});
    for (const auto& [device, deeds] : facts.meddling)
        findings.push_back(
            {.kind = AlarmKind::altered,
             .object = device,
             .severity = Severity::warning,
             .message =
                 fmt::format("somebody else {} within 10 minutes; it is as it should be again",
                             fmt::join(deeds, ", ")),
             .advice = "who uses 'wg' or 'ip link' on it? wg-quick and network managers must "
                       "leave it alone, and no other agent may have this device"});
    if (facts.peers.size() * 10 >= std::size_t{facts.config.max_peers} * 9)
        findings.push_back({.kind = AlarmKind::table_full,
                            .object = "peers",
                            .severity = Severity::warning,
                            .message = fmt::format("{} of {} peers that fit the tables",
                                                   facts.peers.size(), facts.config.max_peers),
                            .advice = "raise 'max_peers' before the mesh grows"});
}

}  // namespace

std::vector<Finding> find_what_is_wrong(const Facts& facts) {
    Findings findings;
    add_agents_own(facts, findings);
    add_claims(facts, findings);
    add_secrets(facts, findings);
    add_peers(facts, findings);
    add_odd_packets(facts, findings);
    add_clock(facts, findings);
    add_machinery(facts, findings);
    return findings;
}

}  // namespace wgs
