// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/dataplane.h"

#include "bench/lab/must.h"
#include "bench/lab/steer.h"
#include "model/config.h"

namespace wgs::bench {
namespace {

Programs load(const Bpffs& bpffs, const DataplaneOptions& options) {
    must(bpffs.prepare());
    return must(Programs::load(bpffs, settings_of(options)));
}

}  // namespace

ProgramSettings settings_of(const DataplaneOptions& options) {
    return {.fast = options.fast,
            .fwmark = kDefaultFwmark,
            .decrypted_mark = kDecryptedMark,
            .mark_mask = kDefaultFwmark | kDecryptedMark,
            .max_peers = options.peers,
            .crypto_latency = options.timed};
}

Dataplane::Dataplane(std::filesystem::path bpffs, const DataplaneOptions& options)
    : bpffs_(std::move(bpffs)), programs_(load(bpffs_, options)) {
    must(tables().tunnels.store(
        0, {.ifindex = options.tunnel_ifindex, .port = kTunnelPort, .reserved = 0}));
    for (std::uint32_t peer = 0; peer < options.peers; ++peer) {
        must(tables().peers.store(
            WGS_PEER_FIRST + peer,
            {.state = WGS_STATE_READY, .mtu = kTunnelMtu, .tunnel = 0, .underlay = 0}));
    }
}

Dataplane::~Dataplane() {
    (void)bpffs_.remove();  // what stays is in the sandbox
}

void Dataplane::fill(const std::vector<OwnedPrefix>& prefixes) const {
    fill_steer(tables().steer, prefixes);
}

void Dataplane::watch(const std::vector<OwnedPrefix>& prefixes) const {
    for (const OwnedPrefix& one : prefixes) {
        const bool is_own = WGS_OWNER_PEER(one.owner) == WGS_PEER_SELF;
        const auto flags =
            static_cast<std::uint32_t>(WGS_WATCH_POD) | (is_own ? WGS_WATCH_FROM : WGS_WATCH_TO);
        if (one.prefix.family() == Family::v4)
            must(tables().watch.store(key_of_ipv4(one.prefix), {.flags = flags}));
        else
            must(tables().watch.store(key_of_ipv6(one.prefix), {.flags = flags}));
    }
}

}  // namespace wgs::bench
