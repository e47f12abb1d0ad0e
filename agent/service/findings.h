// SPDX-License-Identifier: Apache-2.0
// From what is known to what is wrong, in words that lead to the fix. Pure.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/cluster_secret.h"
#include "model/config.h"
#include "model/peer_cache.h"
#include "model/state.h"
#include "plan/health.h"
#include "service/alarms.h"
#include "service/signs.h"
#include "source/source.h"

namespace wgs {

// All that may be wrong.
struct Facts {
    const Config& config;
    const std::map<std::string, CachedPeer>& peers;
    const PeerStates& states;
    const std::vector<Rejection>& rejections;
    BackendKind backend = BackendKind::kernel;
    Steady now;

    struct Tunnel {
        const std::map<PublicKey, Session>* sessions = nullptr;
        const std::map<PublicKey, Ailment>* ailments = nullptr;
    };
    std::vector<Tunnel> tunnels;  // by TunnelIndex
    // For a first handshake, since when.
    std::map<PeerName, Steady, PeerNameLess> waiting;
    std::string failure;  // of the last reconciliation
    std::vector<Problem> leaks;
    std::vector<Problem> chain;
    std::vector<std::string> plan;
    std::vector<Problem> source;
    std::vector<Problem> secret_files;
    const ClusterSecrets* secrets = nullptr;  // none: no pre-shared keys
    const std::vector<Underlay>& underlays;
    std::map<std::string, OddPacketWatch::Odd> odd;  // by peer
    std::map<std::string, std::size_t> lost_hooks;   // "wgs_nic_out of eth0", of late
    std::size_t lost_devices = 0;                    // tunnels, of late
    // What somebody else did to our devices, by name, of late.
    std::map<std::string, std::set<std::string>> meddling;
    std::map<std::string, std::size_t> new_keys;  // of nodes that have told another one, of late
    std::chrono::seconds clock_behind{0};
    std::chrono::seconds clock_ahead{0};
};

// A first handshake that takes longer is an alarm.
inline constexpr std::chrono::seconds kHandshakePatience{8};

[[nodiscard]] std::vector<Finding> find_what_is_wrong(const Facts& facts);

}  // namespace wgs
