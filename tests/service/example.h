// SPDX-License-Identifier: Apache-2.0
// What an agent of a small mesh knows and has counted, for tests of what it shows.
#pragma once

#include <string>

#include "service/bpf_steering.h"
#include "service/view.h"
#include "tests/unit/node_builder.h"

namespace wgs {

using namespace std::chrono_literals;

// Two peers: node-b is ready, node-c has no key. node-d has left.
struct Example {
    Example() {
        const NodeInfo b = node({.name = "node-b",
                                 .addresses = {"192.168.50.2", "fd50::2"},
                                 .prefixes = {"10.2.0.0/24", "fd10:2::/64"},
                                 .key = 2});
        const NodeInfo c =
            node({.name = "node-c", .addresses = {"192.168.50.3"}, .prefixes = {"10.3.0.0/24"}});
        peers["node-b"] = {
            .info = b,
            .tunnels = {{.public_key = b.public_key, .endpoint = endpoint("192.168.50.2")}},
            .prefixes = {{prefix("10.2.0.0/24"), PrefixClass::pod},
                         {prefix("192.168.50.2/32"), PrefixClass::node},
                         {prefix("fd10:2::/64"), PrefixClass::pod}},
        };
        peers["node-c"] = {.info = c, .tunnels = {{.endpoint = endpoint("192.168.50.3")}}};
        states = {{"node-b", PeerState::ready}, {"node-c", PeerState::no_key}};

        actual.underlays = {{.name = "eth0", .ifindex = 2}};
        actual.tunnels[0] = TunnelState{.ifindex = 9,
                                        .up = true,
                                        .mtu = 1440,
                                        .port = 51820,
                                        .fwmark = 0x1000,
                                        .public_key = key(1)};
        actual.tunnels[0].sessions[key(2)] = {.endpoint = endpoint("203.0.113.7"),  // it has roamed
                                              .last_handshake = Clock::time_point(1700000000500ms),
                                              .rx_bytes = 1000,
                                              .tx_bytes = 2000};
        actual.steering.slots = {{8, {.state = WGS_STATE_READY, .record = {.name = "node-b"}}},
                                 {9, {.state = WGS_STATE_NO_KEY, .record = {.name = "node-c"}}}};
        actual.steering.prefixes = {
            {prefix("10.1.0.0/24"), {.peer = WGS_PEER_SELF}},
            {prefix("10.0.0.0/8"), {.peer = WGS_PEER_CLUSTER}},
            {prefix("10.2.0.0/24"), {.peer = 8}},
            {prefix("10.4.0.0/24"), {.peer = WGS_PEER_GONE}},
        };
    }

    static Endpoint endpoint(std::string_view address) {
        return {.address = ip(address), .port = 51820};
    }

    [[nodiscard]] AgentView view() const {
        return {.config = config,
                .peers = peers,
                .states = states,
                .actual = actual,
                .leaks = leaks,
                .secrets = secrets,
                .backend = BackendKind::userspace,
                .in_sync = true,
                .source_complete = true,
                .rejections = rejections,
                .rejection_count = 1,
                .held_nodes = 0,
                .changes_made = 16,
                .source = {.upserts = 3,
                           .removals = 1,
                           .errors = 2,
                           .last_event = Clock::time_point(1650000000s),
                           .problems = 1},
                .effort = {.runs = 7,
                           .failures = 1,
                           .looks_at_all = {.count = 4, .time = 250ms},
                           .last_look_at_all = Clock::time_point(1660000000s)},
                .problems = problems,
                .notes = notes};
    }

    Config config{.node = "node-a", .policy = Policy::require, .hosts = true};
    std::map<std::string, CachedPeer> peers;
    PeerStates states;
    ActualState actual;
    LeakWatch leaks;
    ClusterSecrets secrets;
    std::vector<Problem> problems;
    std::vector<Problem> notes;
    std::vector<Rejection> rejections{
        {.node = "node-b", .what = "10.9.0.0/24", .reason = "belongs to node-c"}};
    std::vector<VerdictTotal> verdicts{
        {.point = HookPoint::nic_out,
         .reason = WGS_REASON_steered,
         .counter = {.packets = 5, .bytes = 500}},
        {.point = HookPoint::nic_out,
         .reason = WGS_REASON_no_tunnel,
         .counter = {.packets = 1, .bytes = 100}},
        {.point = HookPoint::wg_in,
         .reason = WGS_REASON_no_tunnel,
         .counter = {.packets = 2, .bytes = 200}},
        {.point = HookPoint::wg_in,
         .reason = WGS_REASON_decrypted,
         .counter = {.packets = 3, .bytes = 300}},
        {.point = HookPoint::nic_in,
         .reason = WGS_REASON_decrypted,
         .counter = {.packets = 3, .bytes = 342}},
    };
    PeerCounts counts{{"node-b", {.steered = 5, .dropped = 1, .clear = 2, .decrypted = 3}},
                      {"node-d", {.clear = 4}}};
};

}  // namespace wgs
