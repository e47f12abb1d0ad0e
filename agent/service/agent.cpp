// SPDX-License-Identifier: Apache-2.0
#include "service/agent.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "plan/pacing.h"
#include "service/cleanup.h"
#include "service/leak_test.h"
#include "skeletons/program_cost.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

// Netlink events that come together are handled together; the source gathers its own.
constexpr auto kGather = 2ms;
// Beside a look that takes longer, tidying up afterwards costs little.
constexpr auto kDearLook = 20ms;
// Of a session without a handshake.
constexpr auto kDeadSession = 5min;
// Of the start, before anybody is answered. Then whoever asks a small mesh's agent finds the node
// protected at once.
constexpr auto kHeadStart = 1s;
// For systemd: a first plan that gets on is not hanging.
constexpr auto kStartExtension = 60s;
constexpr auto kStartNotice = 1s;  // how often it hears of that
// How often the source hears of refused claims, which costs a walk over all of them.
constexpr auto kRejectionsInterval = 10s;

// With several tunnels it says which one.
std::string log_name(const PeerName& peer, const Config& config) {
    if (!config.wireguard.per_family) return peer.node;
    return peer.node + (family_of(peer.tunnel) == Family::v4 ? " (IPv4)" : " (IPv6)");
}

Status make_directory(const std::filesystem::path& path, mode_t mode) {
    std::error_code code;
    const bool made = std::filesystem::create_directories(path, code);
    if (code) return os_error(code.value(), "create " + path.string());
    if (made && ::chmod(path.c_str(), mode) != 0) return os_error(errno, "chmod " + path.string());
    return {};
}

// Calico gives addresses of one node's block to pods of another when that runs out of its own.
Lending lending_of(const SourceConfig& source) {
    const auto* kubernetes = std::get_if<KubernetesConfig>(&source);
    const bool calico = (kubernetes != nullptr && kubernetes->calico) ||
                        std::holds_alternative<FelixConfig>(source);
    return calico ? Lending::single_addresses : Lending::never;
}

Result<std::vector<PrivateKey>> load_keys(const Config& config) {
    std::vector<PrivateKey> keys;
    for (const std::filesystem::path& file : private_key_files(config))
        keys.push_back(WGS_TRY(load_or_create_private_key(file)));
    return keys;
}

}  // namespace

Agent::Agent(Config config, EventLoop& loop, std::vector<PrivateKey> keys)
    : config_(std::move(config)),
      loop_(loop),
      keys_(std::move(keys)),
      backoff_(50ms, 5s),
      configured_bypass_(config_.bypass) {
    for (const PrivateKey& key : keys_)
        public_keys_.push_back(key.public_key());
}

Result<std::unique_ptr<Agent>> Agent::create(Config config, EventLoop& loop,
                                             const MakeSource& make_source) {
    WGS_TRY(make_directory(config.run_dir, 0755));
    WGS_TRY(make_directory(config.state_dir, 0700));
    std::vector<PrivateKey> keys = WGS_TRY(load_keys(config));
    std::unique_ptr<Agent> agent(new Agent(std::move(config), loop, std::move(keys)));
    WGS_TRY(agent->take_lock());
    WGS_TRY(agent->open_kernel());
    WGS_TRY(agent->open_model(make_source));
    if (agent->config_.bpf_stats) agent->measure();
    WGS_TRY(agent->watch());
    return agent;
}

Status Agent::take_lock() {
    const std::filesystem::path path = config_.run_dir / "lock";
    lock_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock_) return os_error(errno, "open " + path.string());
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return os_error(errno, "lock " + path.string());
        return make_error(std::errc::device_or_resource_busy,
                          path.string() + ": another agent with this run_dir is running");
    }
    return {};
}

Status Agent::open_tunnels() {
    std::set<std::string> devices;
    for (const TunnelConfig& tunnel : config_.wireguard.tunnels()) {
        devices.insert(tunnel.device);
        const PrivateKey& key = keys_[wireguard_.size()];
        wireguard_.push_back(WGS_TRY(open_wireguard(
            config_.wireguard.backend,
            {.device = tunnel.device, .run_dir = config_.run_dir, .private_key = key})));
    }
    processes_.resize(wireguard_.size());
    links_ = WGS_TRY(RtLinks::open(std::move(devices)));
    return {};
}

Status Agent::open_kernel() {
    WGS_TRY(open_tunnels());
    using Events = NetlinkMonitor::Scope;
    monitor_ = WGS_TRY(NetlinkMonitor::open(config_.path == Path::fast ? Events::devices_and_pods
                                                                       : Events::devices));
    const std::uint32_t fwmark = config_.wireguard.fwmark.value_or(kDefaultFwmark);
    steering_ = WGS_TRY(BpfSteering::load({.bpffs = config_.bpffs,
                                           .policy = config_.policy,
                                           .hosts = config_.hosts,
                                           .overlay = config_.overlay,
                                           .path = config_.path,
                                           .guard = config_.guard,
                                           .fwmark = fwmark,
                                           .decrypted_mark = kDecryptedMark,
                                           .max_peers = config_.max_peers,
                                           .tunnels = tunnel_count(config_.wireguard.per_family),
                                           .crypto_latency = times_packets(config_, backend())}));
    return {};
}

Status Agent::open_model(const MakeSource& make_source) {
    if (!config_.wireguard.cluster_secret_file.empty())
        secrets_ = WGS_TRY(SecretWatch::open(config_.wireguard.cluster_secret_file));
    cache_.emplace(self(), PeerCache::Limits{.max_peers = max_nodes(config_),
                                             .cluster_prefixes = config_.cluster_prefixes,
                                             .lending = lending_of(config_.source),
                                             .per_family = config_.wireguard.per_family});
    const SteeringState adopted = WGS_TRY(steering_->observe_tables());
    for (const auto& [prefix, owner] : adopted.prefixes) {
        const auto slot = adopted.slots.find(owner.peer);
        if (slot != adopted.slots.end()) cache_->seed_holder(prefix, slot->second.record.name);
    }
    Reconciler::Environment environment{.tunnels = {}, .steering = *steering_, .links = *links_};
    for (const auto& device : wireguard_)
        environment.tunnels.emplace_back(*device);
    reconciler_.emplace(config_, public_keys_, *cache_, std::move(environment));
    reconciler_->use_secrets(secrets());
    SourceSink& sink = *this;
    cautious_.emplace(Caution{.confirmation = config_.confirm_removals}, sink);
    for (const auto& [id, slot] : adopted.slots)
        cautious_->expect(slot.record.name);
    source_ = WGS_TRY(make_source(config_, *cautious_));
    return {};
}

void Agent::measure() {
    Result<UniqueFd> stats = measure_programs();
    if (stats) {
        bpf_stats_ = std::move(*stats);
    } else {
        spdlog::warn("bpf_stats: {}; going on without", stats.error().message);
    }
}

Status Agent::watch() {
    reconcile_timer_ = WGS_TRY(loop_.timer([this] { reconcile(); }));
    source_timer_ = WGS_TRY(loop_.timer([this] { dispatch_source(); }));
    monitor_readable_ = WGS_TRY(loop_.on_readable(monitor_->fd(), [this] { drain_monitor(); }));
    if (source_->fd() >= 0) {
        source_readable_ = WGS_TRY(loop_.on_readable(source_->fd(), [this] { dispatch_source(); }));
    }
    return {};
}

Status Agent::start() {
    for (std::size_t tunnel = 0; tunnel < wireguard_.size(); ++tunnel) {
        spdlog::info("node {}: {} WireGuard, public key {}, policy {}", config_.node,
                     to_string(wireguard_[tunnel]->kind()), public_keys_[tunnel].to_base64(),
                     config_.policy == Policy::require ? "require" : "prefer");
    }
    source_->start();
    cautious_->settle();
    // Others start a handshake when they see our node file, so they must be known before it is
    // there.
    const auto begin = std::chrono::steady_clock::now();
    do {
        reconcile();
    } while (reconciler_->busy() && std::chrono::steady_clock::now() - begin < kHeadStart);
    dispatch_source();
    return {};
}

// Whoever waits for READY finds the node protected: what encrypts and drops is in its place, for
// all nodes that were known.
void Agent::follow_start() {
    if (!starting_) return;
    starting_ = failing_since_ || reconciler_->busy();
    if (!starting_) {
        sd_notify(0, "READY=1\nSTATUS=");
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now < next_start_notice_) return;
    next_start_notice_ = now + kStartNotice;
    const auto extension = std::chrono::microseconds(kStartExtension).count();
    const std::string notice = failing_since_ ? "STATUS=" + failure_
                                              : fmt::format("STATUS={}\nEXTEND_TIMEOUT_USEC={}",
                                                            describe_start(), extension);
    sd_notify(0, notice.c_str());
}

std::string Agent::describe_start() const {
    const Reconciler::Progress progress = reconciler_->progress();
    if (progress.steps == 0) return "starting: the first plan is still to be made";
    return fmt::format("starting: step {} of {} of the first plan", progress.done + 1,
                       progress.steps);
}

NodeInfo Agent::self() {
    NodeInfo self{.name = config_.node,
                  .addresses = config_.addresses,
                  .prefixes = config_.prefixes,
                  .public_key = public_keys_.front(),
                  .port = config_.wireguard.port,
                  .port_v6 = config_.wireguard.port_v6,
                  .secrets = secrets().ids()};
    if (config_.wireguard.per_family) self.public_key_v6 = public_keys_.back();
    if (!self.addresses.empty()) return self;
    const auto underlays = links_->underlays(config_.underlay, config_.addresses);
    if (!underlays) return self;  // reconciling fails for the same reason, and says so
    for (const Underlay& underlay : *underlays) {
        self.addresses.insert(self.addresses.end(), underlay.addresses.begin(),
                              underlay.addresses.end());
    }
    return self;
}

void Agent::upsert(const NodeInfo& node) {
    ++activity_.upserts;
    activity_.last_event = Clock::now();
    if (cache_->upsert(node)) note_change(Look::nowhere);
}

void Agent::remove(const std::string& name) {
    ++activity_.removals;
    activity_.last_event = Clock::now();
    if (cache_->remove(name)) note_change(Look::nowhere);
}

void Agent::describe_self(const NodeInfo& self) {
    const auto& addresses = self.addresses.empty() ? config_.addresses : self.addresses;
    if (config_.prefixes == self.prefixes && config_.addresses == addresses) return;
    config_.prefixes = self.prefixes;
    config_.addresses = addresses;
    note_change(Look::devices);
}

void Agent::away(const std::string& name) {
    if (!cache_->set_away(name)) return;
    spdlog::info("peer {}: away; it stays while its session lives", name);
    note_change(Look::nowhere);
}

// The two sides agree on new keys every two minutes while packets flow, and keepalives see to that.
bool Agent::session_lives(const std::string& name) const {
    const auto& tunnels = reconciler_->actual().tunnels;
    if (tunnels.empty()) return true;  // not known
    const auto peer = cache_->peers().find(name);
    if (peer == cache_->peers().end()) return false;
    return std::ranges::any_of(tunnels, [&](const auto& entry) {
        const auto& [index, tunnel] = entry;
        if (index >= peer->second.tunnels.size()) return false;
        const auto& key = peer->second.tunnels[index].public_key;
        if (!key) return false;
        const auto session = tunnel.sessions.find(*key);
        return session != tunnel.sessions.end() && session->second.last_handshake &&
               Clock::now() - *session->second.last_handshake < kDeadSession;
    });
}

void Agent::complete() {
    activity_.last_event = Clock::now();
    cache_->mark_complete();
    note_change(Look::nowhere);
}

void Agent::bypass(const std::set<Service>& services) {
    std::set<Service> wanted = configured_bypass_;
    for (const Service& service : services) {
        if (wanted.size() < kMaxBypassed) wanted.insert(service);
    }
    if (wanted == config_.bypass) return;
    config_.bypass = std::move(wanted);
    note_change(Look::devices);
}

void Agent::report(const Problem& problem) {
    ++activity_.errors;
    spdlog::warn("source: {}: {}; keeping the last good state", problem.object, problem.message);
}

void Agent::dispatch_source() {
    source_->dispatch();
    cautious_->settle();
    arm_source();
}

void Agent::arm_source() {
    auto timeout = source_->next_timeout();
    if (const auto due = cautious_->next_timeout())
        timeout = std::min(timeout.value_or(*due), *due);
    if (timeout) {
        const auto delay = std::max(*timeout - std::chrono::steady_clock::now(),
                                    std::chrono::steady_clock::duration(0));
        const Status armed = loop_.arm(
            source_timer_, std::chrono::duration_cast<std::chrono::microseconds>(delay) + 1us);
        if (!armed) spdlog::error("{}", armed.error().message);
    }
}

void Agent::drain_monitor() {
    const Result<bool> relevant = monitor_->drain();
    if (!relevant) spdlog::warn("netlink: {}; looking at everything", relevant.error().message);
    if (relevant && !*relevant) return;
    links_->forget_pods();
    note_change(Look::devices);
}

void Agent::note_change(Look look) {
    change_pending_ = true;
    look_ = std::max(look_, look);
    schedule(look == Look::nowhere ? 0ms : kGather);
}

void Agent::schedule(std::chrono::milliseconds delay) {
    const auto when = std::chrono::steady_clock::now() + delay;
    if (next_reconcile_ && *next_reconcile_ <= when) return;
    next_reconcile_ = when;
    if (const Status armed = loop_.arm(reconcile_timer_, delay); !armed) {
        spdlog::error("{}", armed.error().message);
    }
}

void Agent::reconcile() {
    if (retired_) return;
    next_reconcile_.reset();
    change_pending_ = false;
    const Now now{.steady = std::chrono::steady_clock::now(), .wall = Clock::now()};
    const bool long_plan = reconciler_->busy();
    Look look = std::exchange(look_, Look::nowhere);
    if (now.steady >= next_look_) look = Look::everywhere;
    if (look == Look::everywhere) follow_secrets();
    if (look != Look::nowhere) follow_addresses();
    settle(reconciler_->run(now, look), look);
    follow_start();
    give_memory_back(look, long_plan);
    follow_processes();
    log_transitions();
    log_notes();
    if (look == Look::everywhere) look_around();
    publish();
    tell_source();
}

// What is of use to the source beyond what it publishes.
void Agent::tell_source() {
    const auto now = std::chrono::steady_clock::now();
    if (!protection_told_ && in_sync() && cache_->complete() &&
        !reconciler_->actual().underlays.empty()) {
        protection_told_ = true;
        source_->note_protected();
    }
    if (now >= next_rejections_) {
        next_rejections_ = now + kRejectionsInterval;
        source_->note_rejections(cache_->rejections());
    }
    arm_source();
}

// In a large mesh a look, and the plan that follows it, leaves holes all over the heap, and so does
// a plan of several runs, of which this was one if `long_plan`.
void Agent::give_memory_back(Look look, bool long_plan) {
    const bool looked = look == Look::everywhere && reconciler_->cost_of_looking() > kDearLook;
    if (looked || (long_plan && !reconciler_->busy())) ::malloc_trim(0);
}

// What is not for planning: signs that something is amiss.
void Agent::look_around() {
    look_for_leaks();
    if (const Status watched = watch_packets(); !watched)
        spdlog::warn("hooks: {}", watched.error().message);
    follow_lost_hooks();
    follow_lost_devices();
    follow_meddling();
    follow_names();
    raise_alarms();
}

void Agent::settle(const Status& result, Look look) {
    if (!result) {
        const auto pause = backoff_.next();
        if (!failing_since_) failing_since_ = std::chrono::steady_clock::now();
        if (result.error().message != failure_) {
            failure_ = result.error().message;
            spdlog::error("{}; trying again in {} ms", failure_, pause.count());
        }
        schedule(pause);
        return;
    }
    if (!failure_.empty()) spdlog::info("recovered from: {}", failure_);
    failure_.clear();
    failing_since_.reset();
    backoff_.reset();
    schedule_look(look);
}

void Agent::schedule_look(Look last) {
    const auto now = std::chrono::steady_clock::now();
    const auto next =
        now + time_to_next_look(reconciler_->newest_wait(now), reconciler_->cost_of_looking());
    next_look_ = last == Look::everywhere ? next : std::min(next_look_, next);
    const auto due = std::min(next_look_, reconciler_->gathers_until().value_or(next_look_));
    const auto left = std::max(due - now, std::chrono::steady_clock::duration(0));
    schedule(reconciler_->busy() ? 0ms : std::chrono::ceil<std::chrono::milliseconds>(left));
}

void Agent::follow_addresses() {
    const NodeInfo now = self();
    const bool moved = now.addresses != cache_->self().addresses;
    if (cache_->set_self(now) && moved) spdlog::info("own addresses have changed");
}

const ClusterSecrets& Agent::secrets() const {
    static const ClusterSecrets kNone;
    return secrets_ ? secrets_->secrets() : kNone;
}

void Agent::follow_secrets() {
    if (!secrets_ || !secrets_->check()) return;
    reconciler_->use_secrets(secrets());
    spdlog::info("cluster secrets, newest first: {}", fmt::join(secrets().ids(), ", "));
}

void Agent::follow_processes() {
    for (TunnelIndex tunnel = 0; tunnel < wireguard_.size(); ++tunnel)
        follow_process(tunnel);
}

void Agent::follow_process(TunnelIndex tunnel) {
    const int process = wireguard_[tunnel]->process_fd();
    WatchedProcess& known = processes_[tunnel];
    if (process == known.fd) return;
    known = {.fd = process};
    if (process < 0) return;
    auto watched = loop_.on_readable(process, [this, tunnel] {
        spdlog::warn("wireguard-go has ended; starting it again");
        processes_[tunnel] = {};
        note_change(Look::everywhere);
    });
    if (watched) {
        known.ended = std::move(*watched);
    } else {
        spdlog::warn("wireguard-go is not watched: {}", watched.error().message);
    }
}

void Agent::publish() {
    const NodeInfo& self = cache_->self();
    if (published_ == self || self.addresses.empty() || reconciler_->busy()) return;
    published_ = self;
    if (const Status status = source_->publish(self); !status) {
        spdlog::warn("publish self: {}; the source tries again", status.error().message);
    }
    arm_source();
}

void Agent::log_transitions() {
    for (const auto& [peer, before, after] : reconciler_->take_transitions()) {
        const std::string name = log_name(peer, config_);
        if (!after) {
            spdlog::info("peer {}: left", name);
        } else if (!before) {
            spdlog::info("peer {}: {}", name, to_string(*after));
        } else {
            spdlog::info("peer {}: {} (was {})", name, to_string(*after), to_string(*before));
        }
    }
}

void Agent::look_for_leaks() {
    if (!config_.leak_watch) return;
    if (const Status read = read_leaks(); !read)
        spdlog::warn("leak watch: {}", read.error().message);
    if (leaks_.self_test().outcome != SelfTest::passed) test_leak_watch();
}

Status Agent::read_leaks() {
    const wgs_counter total = WGS_TRY(steering_->leak_total());
    std::vector<LeakFlow> flows;
    if (leaks_.has_moved(total)) flows = WGS_TRY(steering_->leak_flows());
    const auto lines = leaks_.note(total, std::move(flows), Clock::now());
    for (const std::string& line : lines)
        spdlog::warn("{}", line);
    return {};
}

const SelfTestReport& Agent::test_leak_watch() {
    const std::uint32_t fwmark = config_.wireguard.fwmark.value_or(kDefaultFwmark);
    leaks_.note(wgs::test_leak_watch(*steering_, reconciler_->actual().steering, fwmark));
    return leaks_.self_test();
}

void Agent::log_notes() {
    std::set<std::string> notes(reconciler_->notes().begin(), reconciler_->notes().end());
    for (const std::string& note : notes) {
        if (!logged_notes_.contains(note)) spdlog::warn("{}", note);
    }
    logged_notes_ = std::move(notes);
}

SourceActivity Agent::source_activity() const {
    SourceActivity activity = activity_;
    activity.problems = source_->problems().size();
    return activity;
}

std::vector<Problem> Agent::notes() const {
    std::vector<Problem> notes;
    if (starting_) notes.push_back({.object = "start", .message = describe_start()});
    for (const std::string& note : reconciler_->notes())
        notes.push_back({.object = "plan", .message = note});
    return notes;
}

}  // namespace wgs
