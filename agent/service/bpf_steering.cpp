// SPDX-License-Identifier: Apache-2.0
#include "service/bpf_steering.h"

#include <linux/pkt_cls.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "skeletons/loader.h"
#include "skeletons/program_cost.h"
#include "skeletons/test_run.h"

namespace wgs {
namespace {

// Another program may have made room, or the device have got a smaller MTU.
constexpr std::chrono::seconds kGuardRetry{10};
// Two who both want to be last must not keep each other busy.
constexpr std::chrono::minutes kBetweenMoves{1};

wgs_hook to_bpf(HookPoint point) {
    return static_cast<wgs_hook>(point);
}

HookSite to_bpf(const Hook& hook) {
    return {.ifindex = hook.ifindex, .hook = to_bpf(hook.point)};
}

Hook from_bpf(const HookSite& site) {
    return {.ifindex = site.ifindex, .point = static_cast<HookPoint>(site.hook)};
}

template <class Key>
Key to_key(const Prefix& prefix) {
    Key key{};
    key.length = static_cast<std::uint32_t>(prefix.length());
    std::ranges::copy(prefix.address().bytes(), key.address);
    return key;
}

Prefix from_key(const wgs_prefix4& key) {
    return {IpAddress::v4(std::span(key.address)), static_cast<int>(key.length)};
}

Prefix from_key(const wgs_prefix6& key) {
    return {IpAddress::v6(std::span(key.address)), static_cast<int>(key.length)};
}

Prefix4 to_prefix4(const Prefix& prefix) {
    return Prefix4::of(to_key<wgs_prefix4>(prefix));
}

Prefix6 to_prefix6(const Prefix& prefix) {
    return Prefix6::of(to_key<wgs_prefix6>(prefix));
}

std::uint32_t to_bpf(const Owner& owner) {
    const auto prefix_class = static_cast<std::uint32_t>(owner.prefix_class);
    return WGS_OWNER(owner.peer, prefix_class);
}

Owner from_bpf(std::uint32_t owner) {
    return {.peer = WGS_OWNER_PEER(owner),
            .prefix_class = static_cast<PrefixClass>(WGS_OWNER_CLASS(owner))};
}

wgs_peer_record to_bpf(const PeerRecord& record) {
    wgs_peer_record bpf{};
    record.name.copy(bpf.name, sizeof(bpf.name) - 1);
    std::ranges::copy(record.public_key.bytes(), bpf.public_key);
    if (!record.endpoint) return bpf;
    bpf.endpoint_family = static_cast<std::uint8_t>(record.endpoint->address.family());
    bpf.endpoint_port = record.endpoint->port;
    std::ranges::copy(record.endpoint->address.bytes(), bpf.endpoint_address);
    return bpf;
}

std::optional<Endpoint> endpoint_of(const wgs_peer_record& record) {
    const std::span<const std::uint8_t, 16> address(record.endpoint_address);
    switch (record.endpoint_family) {
        case 4:
            return Endpoint{.address = IpAddress::v4(address.first<4>()),
                            .port = record.endpoint_port};
        case 6:
            return Endpoint{.address = IpAddress::v6(address), .port = record.endpoint_port};
        default:
            return std::nullopt;
    }
}

PeerRecord from_bpf(const wgs_peer_record& record, const wgs_peer& peer) {
    return {.name = std::string(record.name, ::strnlen(record.name, sizeof(record.name))),
            .tunnel = peer.tunnel,
            .public_key = PublicKey(std::span(record.public_key)),
            .endpoint = endpoint_of(record)};
}

wgs_tunnel to_bpf(const TunnelEntry& entry) {
    return {.ifindex = entry.ifindex, .port = entry.port, .reserved = 0};
}

TunnelEntry from_bpf(const wgs_tunnel& tunnel) {
    return {.ifindex = tunnel.ifindex, .port = tunnel.port};
}

wgs_underlay to_bpf(const UnderlayEntry& entry) {
    wgs_underlay underlay{.ifindex = entry.ifindex, .mac = {}, .reserved = {}};
    std::ranges::copy(entry.mac, underlay.mac);
    return underlay;
}

wgs_service to_bpf(const Service& service) {
    return {.protocol = service.protocol, .reserved = 0, .port = service.port};
}

PeerWay way_of(const wgs_peer& peer) {
    return {.mtu = peer.mtu, .underlay = peer.underlay};
}

constexpr std::array<std::uint8_t, 12> kMappedIpv4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

wgs_pod_key to_bpf(const IpAddress& address) {
    std::array<std::uint8_t, sizeof(wgs_pod_key)> bytes{};
    const bool mapped = address.family() == Family::v4;
    if (mapped) std::ranges::copy(kMappedIpv4, bytes.begin());
    std::ranges::copy(address.bytes(), bytes.begin() + (mapped ? kMappedIpv4.size() : 0));
    return std::bit_cast<wgs_pod_key>(bytes);
}

IpAddress from_bpf(const wgs_pod_key& key) {
    const auto bytes = std::bit_cast<std::array<std::uint8_t, sizeof(wgs_pod_key)>>(key);
    const bool mapped =
        std::ranges::equal(std::span(bytes).first<kMappedIpv4.size()>(), kMappedIpv4);
    return mapped ? IpAddress::v4(std::span(bytes).last<4>()) : IpAddress::v6(bytes);
}

wgs_pod to_bpf(const LocalPod& pod) {
    wgs_pod row{.ifindex = pod.ifindex};
    std::ranges::copy(pod.mac, row.mac);
    std::ranges::copy(pod.gateway_mac, row.gateway_mac);
    return row;
}

LocalPod from_bpf(const wgs_pod& row) {
    return {.ifindex = row.ifindex,
            .mac = std::to_array(row.mac),
            .gateway_mac = std::to_array(row.gateway_mac)};
}

Result<LocalPods> read_pods(const Tables& tables) {
    LocalPods pods;
    for (const auto& [key, row] : WGS_TRY(tables.pods.entries()))
        pods.emplace(from_bpf(key), from_bpf(row));
    return pods;
}

PrefixMap<Owner> read_prefixes(const SteerTables& tables) {
    PrefixMap<Owner> prefixes;
    tables.ipv4().prefixes().for_each([&](const Prefix4& prefix, std::uint32_t owner) {
        prefixes.emplace(from_key(prefix.key()), from_bpf(owner));
    });
    tables.ipv6().for_each([&](const Prefix6& prefix, std::uint32_t owner) {
        prefixes.emplace(from_key(prefix.key()), from_bpf(owner));
    });
    return prefixes;
}

Result<std::map<PeerId, PeerSlot>> read_slots(const Tables& tables) {
    const auto peers = WGS_TRY(tables.peers.entries());
    const auto records = WGS_TRY(tables.records.entries());
    std::map<PeerId, PeerSlot> slots;
    for (std::size_t id = WGS_PEER_FIRST; id < std::min(peers.size(), records.size()); ++id) {
        const wgs_peer& peer = peers[id].second;
        const wgs_peer_record& record = records[id].second;
        if (peer.state == WGS_STATE_UNUSED && record.name[0] == '\0') continue;
        slots.emplace(
            static_cast<PeerId>(id),
            PeerSlot{.state = peer.state, .way = way_of(peer), .record = from_bpf(record, peer)});
    }
    return slots;
}

Result<std::map<TunnelIndex, TunnelEntry>> read_tunnels(const Tables& tables) {
    std::map<TunnelIndex, TunnelEntry> tunnels;
    for (const auto& [index, row] : WGS_TRY(tables.tunnels.entries())) {
        if (row.ifindex != 0) tunnels.emplace(static_cast<TunnelIndex>(index), from_bpf(row));
    }
    return tunnels;
}

Result<std::map<std::uint8_t, UnderlayEntry>> read_underlays(const Tables& tables) {
    std::map<std::uint8_t, UnderlayEntry> underlays;
    for (const auto& [index, row] : WGS_TRY(tables.underlays.entries())) {
        if (row.ifindex == 0) continue;
        underlays.emplace(static_cast<std::uint8_t>(index),
                          UnderlayEntry{.ifindex = row.ifindex, .mac = std::to_array(row.mac)});
    }
    return underlays;
}

Result<std::set<Service>> read_bypass(const Tables& tables) {
    std::set<Service> services;
    for (const auto& [key, ignored] : WGS_TRY(tables.bypass.entries()))
        services.insert({.protocol = key.protocol, .port = key.port});
    return services;
}

template <class Key>
void add_watched(const WatchTables::Entries<Key>& entries, WatchTable& watched) {
    for (const auto& [key, row] : entries)
        watched.emplace(from_key(key), row.flags);
}

template <class Key>
Status store_watched(const WatchTables& tables, std::span<const WatchRow> rows, Family family) {
    std::vector<Key> keys;
    std::vector<wgs_watched> values;
    for (const WatchRow& row : rows) {
        if (row.prefix.family() != family) continue;
        keys.push_back(to_key<Key>(row.prefix));
        values.push_back({row.flags});
    }
    return tables.store<Key>(keys, values);
}

IpAddress address_of(std::uint8_t family, std::span<const std::uint8_t, 16> bytes) {
    return family == 4 ? IpAddress::v4(bytes.first<4>()) : IpAddress::v6(bytes);
}

// Nanoseconds of CLOCK_BOOTTIME as wall-clock time.
Clock::time_point wall_time(std::uint64_t boot_time) {
    timespec boot{};
    ::clock_gettime(CLOCK_BOOTTIME, &boot);
    const auto now = std::chrono::seconds(boot.tv_sec) + std::chrono::nanoseconds(boot.tv_nsec);
    const auto ago = now - std::chrono::nanoseconds(static_cast<std::int64_t>(boot_time));
    return Clock::now() - std::chrono::duration_cast<Clock::duration>(ago);
}

LeakFlow from_bpf(const wgs_leak_flow& flow, const wgs_leak& leak) {
    return {.flow = {.source = address_of(flow.family, flow.source),
                     .destination = address_of(flow.family, flow.destination),
                     .protocol = flow.protocol,
                     .source_port = flow.source_port,
                     .destination_port = flow.destination_port},
            .device = device_name(flow.ifindex),
            .packets = leak.packets,
            .bytes = leak.bytes,
            .first = wall_time(leak.first),
            .last = wall_time(leak.last)};
}

Verdict verdict_of(std::int32_t action) {
    switch (action) {
        case TC_ACT_REDIRECT:
            return Verdict::steer;
        case TC_ACT_SHOT:
            return Verdict::drop;
        default:
            return Verdict::pass;
    }
}

XdpMode to_xdp(GuardMode mode) {
    return mode == GuardMode::generic ? XdpMode::generic : XdpMode::native;
}

std::string_view kind_name(AttachKind kind) {
    switch (kind) {
        case AttachKind::tcx:
            return "tcx";
        case AttachKind::clsact:
            return "clsact";
        case AttachKind::xdp_native:
            return to_string(XdpMode::native);
        case AttachKind::xdp_generic:
            return to_string(XdpMode::generic);
    }
    return "unknown";
}

}  // namespace

std::string device_name(std::uint32_t ifindex) {
    std::array<char, IF_NAMESIZE> name{};
    if (::if_indextoname(ifindex, name.data()) != nullptr) return name.data();
    return std::to_string(ifindex);
}

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::pass:
            return "pass";
        case Verdict::steer:
            return "steer";
        case Verdict::drop:
            return "drop";
    }
    return "unknown";
}

Result<std::unique_ptr<BpfSteering>> BpfSteering::load(const Settings& settings) {
    const Bpffs bpffs(settings.bpffs);
    WGS_TRY(bpffs.prepare());
    const ProgramSettings compiled{.policy_require = settings.policy == Policy::require,
                                   .hosts = settings.hosts,
                                   .overlay = settings.overlay,
                                   .fast = settings.path == Path::fast,
                                   .fwmark = settings.fwmark,
                                   .decrypted_mark = settings.decrypted_mark,
                                   .mark_mask = settings.fwmark | settings.decrypted_mark,
                                   .max_peers = settings.max_peers,
                                   .tunnels = settings.tunnels,
                                   .guard_sees_decrypted = settings.guard == GuardMode::generic,
                                   .crypto_latency = settings.crypto_latency};
    Programs programs = WGS_TRY(Programs::load(bpffs, compiled));
    WGS_TRY(programs.pin(bpffs));
    return std::unique_ptr<BpfSteering>(
        new BpfSteering(bpffs, std::move(programs), compiled, to_xdp(settings.guard)));
}

Status BpfSteering::clean_up(const std::filesystem::path& bpffs) {
    WGS_TRY(Hooks(Bpffs(bpffs)).detach_all());
    return Bpffs(bpffs).remove();
}

Result<SteeringState> BpfSteering::observe_tables() {
    SteeringState state;
    state.prefixes = read_prefixes(tables().steer);
    state.slots = WGS_TRY(read_slots(tables()));
    state.tunnels = WGS_TRY(read_tunnels(tables()));
    state.underlays = WGS_TRY(read_underlays(tables()));
    state.bypass = WGS_TRY(read_bypass(tables()));
    state.pods = WGS_TRY(read_pods(tables()));
    return state;
}

Result<HookState> BpfSteering::observe_hooks() {
    HookState state{.new_tables = new_tables_};
    for (const HookStatus& status : WGS_TRY(hooks()))
        (status.current ? state.hooks : state.outdated).insert(status.hook);
    std::erase_if(refusals_, [now = std::chrono::steady_clock::now()](const auto& refusal) {
        return refusal.second.retry <= now;
    });
    for (const auto& [hook, refusal] : refusals_)
        state.refused.emplace(hook, refusal.reason);
    return state;
}

Result<WatchTable> BpfSteering::observe_watched() {
    WatchTable watched;
    add_watched(WGS_TRY(tables().watch.entries4()), watched);
    add_watched(WGS_TRY(tables().watch.entries6()), watched);
    return watched;
}

Status BpfSteering::set_tunnel(TunnelIndex index, const TunnelEntry& entry) {
    return tables().tunnels.store(index, to_bpf(entry));
}

Status BpfSteering::set_underlay(std::uint8_t index, const UnderlayEntry& entry) {
    return tables().underlays.store(index, to_bpf(entry));
}

Status BpfSteering::add_bypass(const Service& service) {
    return tables().bypass.store(to_bpf(service), 1);
}

Status BpfSteering::remove_bypass(const Service& service) {
    return tables().bypass.erase(to_bpf(service));
}

Result<wgs_peer> BpfSteering::peer(PeerId id) const {
    return WGS_TRY(tables().peers.find(id)).value_or(wgs_peer{});
}

Status BpfSteering::bind_peer(PeerId id, const PeerRecord& record) {
    WGS_TRY(tables().stats.clear(id));
    WGS_TRY(tables().crypto.store(id, {}));
    WGS_TRY(tables().peers.store(id, {.tunnel = record.tunnel}));
    return update_record(id, record);
}

Status BpfSteering::update_record(PeerId id, const PeerRecord& record) {
    return tables().records.store(id, to_bpf(record));
}

Status BpfSteering::set_peer_state(PeerId id, std::uint32_t state) {
    wgs_peer row = WGS_TRY(peer(id));
    row.state = state;
    return tables().peers.store(id, row);
}

Status BpfSteering::set_peer_way(PeerId id, const PeerWay& way) {
    wgs_peer row = WGS_TRY(peer(id));
    row.mtu = way.mtu;
    row.underlay = way.underlay;
    return tables().peers.store(id, row);
}

Status BpfSteering::release_peer(PeerId id) {
    WGS_TRY(tables().peers.store(id, {}));
    return tables().records.store(id, {});
}

Status BpfSteering::set_prefixes(std::span<const PrefixRow> rows) {
    std::vector<Trie4::Row> rows4;
    for (const auto& [prefix, owner] : rows) {
        if (prefix.family() == Family::v4)
            rows4.push_back({.prefix = to_prefix4(prefix), .owner = to_bpf(owner)});
        else
            WGS_TRY(tables().steer.ipv6().set(to_prefix6(prefix), to_bpf(owner)));
    }
    return tables().steer.ipv4().set_all(rows4);
}

Status BpfSteering::remove_prefixes(std::span<const Prefix> prefixes) {
    for (const Prefix& prefix : prefixes) {
        if (prefix.family() == Family::v4)
            tables().steer.ipv4().erase(to_prefix4(prefix));
        else
            tables().steer.ipv6().erase(to_prefix6(prefix));
    }
    return {};
}

// In a trie a store costs little more than the system call.
Status BpfSteering::set_watched(std::span<const WatchRow> rows) {
    WGS_TRY(store_watched<wgs_prefix4>(tables().watch, rows, Family::v4));
    return store_watched<wgs_prefix6>(tables().watch, rows, Family::v6);
}

Status BpfSteering::remove_watched(std::span<const Prefix> prefixes) {
    for (const Prefix& prefix : prefixes) {
        WGS_TRY(prefix.family() == Family::v4 ? tables().watch.erase(to_key<wgs_prefix4>(prefix))
                                              : tables().watch.erase(to_key<wgs_prefix6>(prefix)));
    }
    return {};
}

Status BpfSteering::set_pod(const IpAddress& address, const LocalPod& pod) {
    return tables().pods.store(to_bpf(address), to_bpf(pod));
}

Status BpfSteering::remove_pod(const IpAddress& address) {
    return tables().pods.erase(to_bpf(address));
}

Status BpfSteering::attach(const Hook& hook) {
    if (hook.point != HookPoint::nic_guard) return attach_tc(to_bpf(hook));
    attach_guard(hook);
    return {};
}

Status BpfSteering::attach_tc(const HookSite& site) {
    WGS_TRY(hooks_.attach(site, programs_.at(site.hook)));
    return WGS_TRY(hooks_.is_overtaken(site)) ? move_behind(site) : Status();
}

Status BpfSteering::move_behind(const HookSite& site) {
    moves_[site] = std::chrono::steady_clock::now();
    const LoadedProgram& program = programs_.at(site.hook);
    if (site.hook == WGS_HOOK_LEAK_WATCH) {
        WGS_TRY(hooks_.detach(site));
        return hooks_.attach(site, program);
    }
    const UniqueFd twin = WGS_TRY(load_twin(site.hook, bpffs_, settings_));
    return hooks_.move_behind(site, program, twin.get());
}

// Everything else must go on without it.
void BpfSteering::attach_guard(const Hook& hook) {
    const Status attached =
        hooks_.attach_xdp(to_bpf(hook), guard_mode_, programs_.at(WGS_HOOK_NIC_GUARD));
    if (attached) return;
    refusals_[hook] = {.reason = attached.error().message,
                       .retry = std::chrono::steady_clock::now() + kGuardRetry};
}

Status BpfSteering::detach(const Hook& hook) {
    return hooks_.detach(to_bpf(hook));
}

Result<Explanation> BpfSteering::explain(std::span<const std::uint8_t> frame,
                                         HookPoint point) const {
    if (point != HookPoint::nic_out && point != HookPoint::nic_in && point != HookPoint::wg_in)
        return invalid("this program takes no probes");
    const PacketContext probe{.cb = {0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4}};
    const auto hook = static_cast<wgs_hook>(point);
    const TestRun run = WGS_TRY(test_run(programs_.at(hook).fd.get(), frame, probe));
    return Explanation{.verdict = verdict_of(run.verdict),
                       .reason = static_cast<wgs_reason>(run.context.cb[0]),
                       .peer = run.context.cb[1],
                       .tunnel = run.context.cb[2]};
}

Result<std::vector<VerdictTotal>> BpfSteering::verdict_totals() const {
    const auto counters = WGS_TRY(tables().verdicts.sums());
    std::vector<VerdictTotal> totals;
    for (std::size_t i = 0; i < counters.size(); ++i) {
        if (counters[i].packets == 0) continue;
        totals.push_back({.point = static_cast<HookPoint>(i / WGS_REASON_COUNT),
                          .reason = static_cast<wgs_reason>(i % WGS_REASON_COUNT),
                          .counter = counters[i]});
    }
    return totals;
}

Result<wgs_peer_stats> BpfSteering::peer_stats(PeerId id) const {
    return tables().stats.sum(id);
}

Result<wgs_crypto> BpfSteering::crypto_latency(PeerId id) const {
    return WGS_TRY(tables().crypto.find(id)).value_or(wgs_crypto{});
}

std::vector<TableUse> BpfSteering::table_use(const SteeringState& known) const {
    const auto watched4 = static_cast<std::uint64_t>(std::ranges::count(
        known.watched, Family::v4, [](const auto& row) { return row.first.family(); }));
    return {{.name = "peers", .entries = known.slots.size(), .capacity = settings_.max_peers},
            {.name = "steer4",
             .entries = tables().steer.chunks4(),
             .capacity = WGS_TRIE4_MAX_CHUNKS - 1},
            {.name = "steer6",
             .entries = tables().steer.chunks6(),
             .capacity = WGS_HASH6_MAX_CHUNKS - 1},
            {.name = "watch4", .entries = watched4, .capacity = WGS_MAX_PREFIXES},
            {.name = "watch6",
             .entries = known.watched.size() - watched4,
             .capacity = WGS_MAX_PREFIXES},
            {.name = "underlays", .entries = known.underlays.size(), .capacity = WGS_MAX_UNDERLAYS},
            {.name = "bypass", .entries = known.bypass.size(), .capacity = WGS_MAX_BYPASSED},
            {.name = "pods", .entries = known.pods.size(), .capacity = WGS_MAX_PODS}};
}

Result<std::vector<ProgramCost>> BpfSteering::program_costs() const {
    std::vector<ProgramCost> costs;
    for (const wgs_hook hook : kHooks) {
        const RunTotal total = WGS_TRY(run_total(programs_.at(hook).fd.get()));
        costs.push_back({.name = program_name(hook), .runs = total.runs, .time = total.time});
    }
    return costs;
}

Result<wgs_counter> BpfSteering::leak_total() const {
    return tables().verdicts.sum(WGS_VERDICT_INDEX(WGS_HOOK_LEAK_WATCH, WGS_REASON_leak));
}

Result<std::vector<LeakFlow>> BpfSteering::leak_flows() const {
    std::vector<LeakFlow> flows;
    for (const auto& [flow, leak] : WGS_TRY(tables().leaks.entries()))
        flows.push_back(from_bpf(flow, leak));
    return flows;
}

Result<bool> BpfSteering::is_leak(std::span<const std::uint8_t> frame, std::uint32_t mark) const {
    const PacketContext probe{.mark = mark, .cb = {0, 0, 0, WGS_PROBE_CB3, WGS_PROBE_CB4}};
    const TestRun run = WGS_TRY(test_run(programs_.at(WGS_HOOK_LEAK_WATCH).fd.get(), frame, probe));
    return run.context.cb[0] == WGS_REASON_leak;
}

bool BpfSteering::is_current(const Attachment& found) const {
    const XdpMode other = guard_mode_ == XdpMode::native ? XdpMode::generic : XdpMode::native;
    return found.program_id == programs_.at(found.site.hook).id &&
           kind_name(found.kind) != to_string(other) &&
           (!found.overtaken || has_moved_lately(found.site));
}

bool BpfSteering::has_moved_lately(const HookSite& site) const {
    const auto move = moves_.find(site);
    return move != moves_.end() && std::chrono::steady_clock::now() - move->second < kBetweenMoves;
}

Result<std::vector<HookStatus>> BpfSteering::hooks() const {
    std::vector<HookStatus> result;
    for (const Attachment& found : WGS_TRY(hooks_.list()))
        result.push_back({.hook = from_bpf(found.site),
                          .device = device_name(found.site.ifindex),
                          .kind = kind_name(found.kind),
                          .program = program_name(found.site.hook),
                          .current = is_current(found)});
    return result;
}

}  // namespace wgs
