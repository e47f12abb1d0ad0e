// SPDX-License-Identifier: Apache-2.0
// What the doctor knows of a node, as plain data: gathered in one place, judged in another.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kernel/policy_rules.h"
#include "model/config.h"

namespace wgs::cli {

struct KernelFacts {
    std::string release;  // uname -r
    std::string version;  // uname -v
    bool has_wireguard = false;
    bool has_wireguard_go = false;
    bool jit = true;
    std::uint64_t capabilities = ~std::uint64_t{0};  // effective ones, of the doctor
    bool clock_synchronised = true;
};

// A program in a device's chain.
struct ChainProgram {
    std::string name;
    std::uint32_t id = 0;  // 0: a filter which is no BPF program
    std::string kind;      // "tcx", "bpf", "flower", ...
    [[nodiscard]] bool ours() const { return name.starts_with("wgs_"); }
};

struct DeviceFacts {
    std::string name;
    std::uint32_t mtu = 0;
    bool up = false;
    std::optional<bool> threaded;  // NAPI
    std::optional<int> rp_filter;  // what is in force: the larger of "all" and its own
    std::optional<bool> gro;
    std::optional<bool> gso;
    bool exists = true;
    std::vector<ChainProgram> egress;  // in the order in which they run
    std::vector<ChainProgram> ingress;
    std::optional<ChainProgram> xdp;
};

struct FileFacts {
    std::string path;
    bool exists = false;
    std::uint32_t mode = 0;  // permission bits
    std::uint32_t owner = 0;
    bool full = false;  // its file system has no room, or cannot be written
};

// What came back from a peer.
struct ProbeFacts {
    std::string peer;
    std::string address;
    std::string state;          // of the peer
    bool sent = false;          // there is a route
    bool answers = false;       // to a small packet
    bool inside = false;        // through the tunnel
    std::uint32_t wanted = 0;   // bytes of the IP packet which must pass
    std::uint32_t largest = 0;  // that did
    std::string hop;            // who said that one is too big; empty: nobody
    bool port_closed = false;   // nothing listens on its UDP port
    bool refused = false;       // this node does not let UDP for that port out
    std::optional<std::chrono::milliseconds> clock_ahead;  // of ours
};

// A line of the packet filter which uses bits of ours.
struct MarkUse {
    std::string where;  // "iptables", "nft"
    std::string line;
};

// One that keeps packets of our tunnels, or with `policy` a chain that keeps what it does not know.
struct FilterRule {
    std::string where;
    std::string line;
    bool policy = false;
};

struct AgentFacts {
    bool answers = false;
    pid_t process = 0;  // that holds the socket; 0: none does
    bool stopped = false;
    std::string error;      // why not
    nlohmann::json status;  // documents; null: none
    nlohmann::json peers;
    nlohmann::json later;  // `peers` again, after the probes
    std::string version;
    std::uint64_t capabilities = ~std::uint64_t{0};
    std::uint64_t open_files = 0;  // limit; 0: not known
    bool leak_test_failed = false;
};

struct Facts {
    Config config;
    std::string config_file;   // where that is from; empty: nowhere
    std::string config_error;  // why it could not be read
    KernelFacts kernel;
    AgentFacts agent;
    std::vector<DeviceFacts> underlays;
    std::vector<DeviceFacts> tunnels;           // as configured, whether there or not
    std::vector<std::string> lacking;           // configured addresses that no device has
    std::vector<std::string> held;              // addresses of global scope
    std::vector<std::string> other_wireguards;  // names of links
    bool bpffs = true;                          // config.bpffs is one
    bool pinned = true;                         // and has programs of ours
    std::vector<std::string> unpinned;          // tables of ours that it lacks
    std::optional<bool> forwarding4;
    std::optional<bool> forwarding6;
    std::vector<MarkRule> rules;
    std::vector<MarkUse> marks;
    std::vector<FilterRule> filters;
    FileFacts key;
    FileFacts state_dir;
    FileFacts run_dir;
    FileFacts mesh;
    std::vector<ProbeFacts> probes;
    std::size_t peers_not_probed = 0;
    std::chrono::system_clock::time_point now;

    // The agent answers and finds nothing wrong with any peer.
    [[nodiscard]] bool all_ready() const;
};

}  // namespace wgs::cli
