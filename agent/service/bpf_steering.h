// SPDX-License-Identifier: Apache-2.0
// Steering over real BPF maps and hooks.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "maps/layout.h"
#include "model/config.h"
#include "model/ports.h"
#include "model/state.h"
#include "service/leak_watch.h"
#include "skeletons/bpffs.h"
#include "skeletons/hooks.h"
#include "skeletons/programs.h"

namespace wgs {

enum class Verdict { pass, steer, drop };
[[nodiscard]] std::string_view to_string(Verdict verdict);

// The kernel's answer to "what would happen to this packet".
struct Explanation {
    Verdict verdict = Verdict::pass;
    wgs_reason reason = WGS_REASON_none;
    PeerId peer = 0;           // id of the destination's owner, special ids too; 0: none
    std::uint32_t tunnel = 0;  // index; meaningful when steered
};

struct VerdictTotal {
    HookPoint point = HookPoint::nic_out;
    wgs_reason reason = WGS_REASON_none;
    wgs_counter counter{};
};

// A hook that carries a program of this project.
struct HookStatus {
    Hook hook;
    std::string device;        // its name now
    std::string_view kind;     // "tcx", "clsact", "native" or "generic"
    std::string_view program;  // "wgs_nic_out"
    bool current = false;      // the program which this agent loaded, in the place it should have
};

// The name of a device of this network namespace; its index when it is gone.
[[nodiscard]] std::string device_name(std::uint32_t ifindex);

// How full a table is; of tries in chunks.
struct TableUse {
    std::string_view name;
    std::uint64_t entries = 0;
    std::uint64_t capacity = 0;
};

struct ProgramCost {
    std::string_view name;
    std::uint64_t runs = 0;
    std::chrono::nanoseconds time{0};
};

// All calls concern the network namespace of the caller. Not thread safe.
class BpfSteering final : public Steering {
  public:
    struct Settings {
        std::filesystem::path bpffs;
        Policy policy = Policy::prefer;
        bool hosts = false;
        bool overlay = false;
        Path path = Path::transparent;
        GuardMode guard = GuardMode::off;  // in which mode, where one is attached
        std::uint32_t fwmark = kDefaultFwmark;
        std::uint32_t decrypted_mark = kDecryptedMark;
        std::uint32_t max_peers = 4096;
        TunnelIndex tunnels = 1;      // how many there are
        bool crypto_latency = false;  // time packets; WireGuard must be the kernel's
    };

    // Prepares the BPF file system, loads the programs on the maps pinned there and pins them. What
    // is attached stays as it is until attach().
    static Result<std::unique_ptr<BpfSteering>> load(const Settings& settings);
    // Detaches every program attached from `bpffs` and removes all that is pinned there, and the
    // mount if it is ours. Needs no loaded programs; nothing there is not an error.
    static Status clean_up(const std::filesystem::path& bpffs);

    Result<SteeringState> observe_tables() override;
    Result<HookState> observe_hooks() override;
    Result<WatchTable> observe_watched() override;
    Status set_tunnel(TunnelIndex index, const TunnelEntry& entry) override;
    Status set_underlay(std::uint8_t index, const UnderlayEntry& entry) override;
    Status add_bypass(const Service& service) override;
    Status remove_bypass(const Service& service) override;
    Status bind_peer(PeerId id, const PeerRecord& record) override;
    Status update_record(PeerId id, const PeerRecord& record) override;
    Status set_peer_state(PeerId id, std::uint32_t state) override;
    Status set_peer_way(PeerId id, const PeerWay& way) override;
    Status release_peer(PeerId id) override;
    Status set_prefixes(std::span<const PrefixRow> rows) override;
    Status remove_prefixes(std::span<const Prefix> prefixes) override;
    Status set_watched(std::span<const WatchRow> rows) override;
    Status remove_watched(std::span<const Prefix> prefixes) override;
    Status set_pod(const IpAddress& address, const LocalPod& pod) override;
    Status remove_pod(const IpAddress& address) override;
    Status attach(const Hook& hook) override;
    Status detach(const Hook& hook) override;

    // Judges an Ethernet frame as if it left by an underlay device now, or came in by one, or, a
    // bare IP packet, out of a tunnel (nic_out, nic_in, wg_in; others are invalid_argument). Counts
    // nothing, sends nothing.
    [[nodiscard]] Result<Explanation> explain(std::span<const std::uint8_t> frame,
                                              HookPoint point = HookPoint::nic_out) const;
    // Those that are not zero.
    [[nodiscard]] Result<std::vector<VerdictTotal>> verdict_totals() const;
    [[nodiscard]] Result<wgs_peer_stats> peer_stats(PeerId id) const;
    // How long timed packets for the peer were in WireGuard; WGS_PEER_NONE: those for all peers.
    [[nodiscard]] Result<wgs_crypto> crypto_latency(PeerId id) const;
    // At no cost: what has been read from the tables is given in `known`.
    [[nodiscard]] std::vector<TableUse> table_use(const SteeringState& known) const;
    // Since they were loaded, while the kernel measured.
    [[nodiscard]] Result<std::vector<ProgramCost>> program_costs() const;
    // What the watcher has called leaks.
    [[nodiscard]] Result<wgs_counter> leak_total() const;
    // Those it remembers, in no order.
    [[nodiscard]] Result<std::vector<LeakFlow>> leak_flows() const;
    // The watcher's judgement of an Ethernet frame with this mark. Counts nothing, sends nothing.
    [[nodiscard]] Result<bool> is_leak(std::span<const std::uint8_t> frame,
                                       std::uint32_t mark) const;
    // What programs tell of single packets.
    [[nodiscard]] const EventTap& events() const { return tables().events; }
    // Every hook that carries a program now.
    [[nodiscard]] Result<std::vector<HookStatus>> hooks() const;

  private:
    BpfSteering(const Bpffs& bpffs, Programs programs, const ProgramSettings& settings,
                XdpMode guard_mode)
        : bpffs_(bpffs),
          hooks_(bpffs),
          programs_(std::move(programs)),
          settings_(settings),
          guard_mode_(guard_mode),
          new_tables_(programs_.tables().steer.are_empty()) {}

    // A guard that could not be attached.
    struct Refusal {
        std::string reason;
        std::chrono::steady_clock::time_point retry;
    };

    void attach_guard(const Hook& hook);
    Status attach_tc(const HookSite& site);
    Status move_behind(const HookSite& site);
    [[nodiscard]] bool is_current(const Attachment& found) const;
    [[nodiscard]] bool has_moved_lately(const HookSite& site) const;

    [[nodiscard]] const Tables& tables() const { return programs_.tables(); }
    // All zero for an id that was never bound.
    [[nodiscard]] Result<wgs_peer> peer(PeerId id) const;

    Bpffs bpffs_;
    Hooks hooks_;
    Programs programs_;
    ProgramSettings settings_;
    XdpMode guard_mode_;
    bool new_tables_;  // when the programs were loaded
    std::map<Hook, Refusal> refusals_;
    std::map<HookSite, std::chrono::steady_clock::time_point> moves_;  // the last of each
};

}  // namespace wgs
