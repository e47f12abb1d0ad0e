// SPDX-License-Identifier: Apache-2.0
// The loaded programs and the maps they share.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "maps/crypto.h"
#include "maps/layout.h"
#include "skeletons/bpffs.h"
#include "skeletons/event_tap.h"
#include "skeletons/map.h"
#include "skeletons/steer_tables.h"
#include "skeletons/watch_tables.h"

namespace wgs {

inline constexpr std::array kHooks{WGS_HOOK_NIC_OUT,   WGS_HOOK_WG_IN,   WGS_HOOK_NIC_IN,
                                   WGS_HOOK_NIC_GUARD, WGS_HOOK_POD_OUT, WGS_HOOK_LEAK_WATCH};

// "wgs_nic_out" and so on.
[[nodiscard]] std::string_view program_name(wgs_hook hook);

struct Objects;

struct ProgramSettings {
    bool policy_require = false;
    bool hosts = false;
    bool overlay = false;
    bool fast = false;                 // past the host's stack
    std::uint32_t fwmark = 0;          // of outer packets, within mark_mask
    std::uint32_t decrypted_mark = 0;  // of decrypted packets, within mark_mask, another one
    std::uint32_t mark_mask = 0;
    std::uint32_t max_peers = 0;
    std::uint32_t tunnels = 1;          // used rows of the tunnel table
    bool guard_sees_decrypted = false;  // nic_guard runs as generic XDP
    bool crypto_latency = false;        // time packets; WireGuard must be the kernel's
};

struct Tables {
    SteerTables steer;
    Map<std::uint32_t, wgs_peer> peers;
    Map<std::uint32_t, wgs_peer_record> records;
    Map<std::uint32_t, wgs_tunnel> tunnels;
    Map<std::uint32_t, wgs_underlay> underlays;
    Map<wgs_service, std::uint32_t> bypass;
    Map<wgs_pod_key, wgs_pod> pods;
    CounterMap<wgs_counter> verdicts;       // index: WGS_VERDICT_INDEX
    CounterMap<wgs_peer_stats> stats;       // index: peer id
    Map<std::uint32_t, wgs_crypto> crypto;  // index: peer id; WGS_PEER_NONE: all
    WatchTables watch;
    Map<wgs_leak_flow, wgs_leak> leaks;
    EventTap events;
};

struct LoadedProgram {
    UniqueFd fd;
    std::uint32_t id = 0;  // as the kernel numbers it
};

class Programs {
  public:
    // All programs with these settings. Those pinned in `bpffs`, which has been prepared, are
    // adopted if they are exactly what would be loaded, which spares the verifier's time; else all
    // are loaded. Pinned maps are used again with their content, missing ones are created and
    // pinned; pinned maps of another layout or size are an error. Nothing that runs changes.
    static Result<Programs> load(const Bpffs& bpffs, const ProgramSettings& settings);
    // Puts these programs in the place of those pinned before, each in one step, removes the pins
    // of maps that these do not have, and leaves a marker by which a later load() knows them.
    Status pin(const Bpffs& bpffs) const;

    [[nodiscard]] const Tables& tables() const { return tables_; }
    [[nodiscard]] const LoadedProgram& at(wgs_hook hook) const { return programs_.at(hook); }

  private:
    using ByHook = std::array<LoadedProgram, WGS_HOOK_COUNT>;  // holds those of kHooks
    Programs(Tables tables, ByHook programs, std::string build)
        : tables_(std::move(tables)), programs_(std::move(programs)), build_(std::move(build)) {}

    // What ids_of() says of the objects.
    using Ids = std::vector<std::uint32_t>;
    static Result<Programs> own(Objects objects, const ProgramSettings& settings, const Ids& ids);

    Tables tables_;
    ByHook programs_;
    std::string build_;  // the marker's name, see fingerprint.h
};

}  // namespace wgs
