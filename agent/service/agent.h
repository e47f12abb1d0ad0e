// SPDX-License-Identifier: Apache-2.0
// The agent: wires the source, the peer cache, the reconciler and the interfaces to the event loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/links.h"
#include "kernel/netlink_monitor.h"
#include "kernel/wireguard.h"
#include "model/config.h"
#include "model/key.h"
#include "model/peer_cache.h"
#include "plan/reconciler.h"
#include "service/alarms.h"
#include "service/bpf_steering.h"
#include "service/chain_watch.h"
#include "service/leak_watch.h"
#include "service/loop.h"
#include "service/secret_watch.h"
#include "service/signs.h"
#include "service/view.h"
#include "source/cautious_sink.h"
#include "source/source.h"

namespace wgs {

// See make_source().
using MakeSource =
    std::function<Result<std::unique_ptr<Source>>(const Config& config, SourceSink& sink)>;

class Agent final : private SourceSink {
  public:
    // Takes the node's lock, key, device and maps, adopting what an earlier agent left. Nothing
    // that serves is changed before start().
    static Result<std::unique_ptr<Agent>> create(Config config, EventLoop& loop,
                                                 const MakeSource& make_source);

    // Reads the source, begins to bring the kernel in line, and goes on with that and with events
    // in the loop. The source hears of self when the first plan is carried out.
    Status start();

    // Changes the kernel no more: whoever takes the dataplane down would find it made again.
    void retire() { retired_ = true; }

    // For the interfaces; valid between two events.
    [[nodiscard]] const Config& config() const { return config_; }
    [[nodiscard]] const std::vector<PublicKey>& public_keys() const { return public_keys_; }
    [[nodiscard]] const PeerCache& cache() const { return *cache_; }
    [[nodiscard]] const Reconciler& reconciler() const { return *reconciler_; }
    // Whether the kernel is as it should be, and everything that was heard of has been looked at.
    [[nodiscard]] bool in_sync() const { return reconciler_->in_sync() && !change_pending_; }
    // Whether the first plan is not carried out yet: the node is not what it should be.
    [[nodiscard]] bool starting() const { return starting_; }
    // Nodes that are gone by the word of the source, and are kept until time confirms it.
    [[nodiscard]] std::size_t held_nodes() const { return cautious_->held(); }
    [[nodiscard]] BpfSteering& steering() { return *steering_; }
    // Of the first tunnel.
    [[nodiscard]] BackendKind backend() const { return wireguard_.front()->kind(); }
    [[nodiscard]] SourceActivity source_activity() const;
    // Whether the kernel measures what the programs cost.
    [[nodiscard]] bool measures_programs() const { return static_cast<bool>(bpf_stats_); }
    // Empty: there are no pre-shared keys.
    [[nodiscard]] const ClusterSecrets& secrets() const;
    // What leaves in clear, as of the last look_for_leaks(); nothing of it moves when it is off.
    [[nodiscard]] const LeakWatch& leaks() const { return leaks_; }
    // Reads what the watcher has seen, and logs what is new.
    void look_for_leaks();
    // Has the watcher judge packets that nobody sends.
    const SelfTestReport& test_leak_watch();
    // Looks for all that is wrong, and logs what has started and ended.
    void raise_alarms();
    // As of the last raise_alarms().
    [[nodiscard]] const std::vector<Alarm>& alarms() const { return alarms_.active(); }
    // Whether it can bring the kernel in line, or has failed to for less than a minute.
    [[nodiscard]] bool is_alive() const;
    // Those of the alarms that are problems.
    [[nodiscard]] std::vector<Problem> problems() const;
    // What an operator may like to know, but did not ask for.
    [[nodiscard]] std::vector<Problem> notes() const;

  private:
    Agent(Config config, EventLoop& loop, std::vector<PrivateKey> keys);

    Status take_lock();
    Status open_kernel();
    Status open_tunnels();
    Status open_model(const MakeSource& make_source);
    void measure();
    Status watch();
    [[nodiscard]] NodeInfo self();

    void upsert(const NodeInfo& node) override;
    void remove(const std::string& name) override;
    void describe_self(const NodeInfo& self) override;
    void away(const std::string& name) override;
    [[nodiscard]] bool session_lives(const std::string& name) const override;
    void complete() override;
    void bypass(const std::set<Service>& services) override;
    void report(const Problem& problem) override;

    void dispatch_source();
    void arm_source();
    void tell_source();
    void drain_monitor();
    // Something has changed which such a look shows.
    void note_change(Look look);
    void schedule(std::chrono::milliseconds delay);
    void reconcile();
    void settle(const Status& result, Look look);
    void follow_start();
    [[nodiscard]] std::string describe_start() const;
    void schedule_look(Look last);
    void give_memory_back(Look look, bool long_plan);
    void look_around();
    void follow_addresses();
    void follow_secrets();
    void follow_processes();
    void follow_process(TunnelIndex tunnel);
    void publish();
    void log_transitions();
    Status read_leaks();
    void log_notes();
    Status watch_packets();
    void watch_chain(const std::vector<VerdictTotal>& totals);
    Status watch_odd_packets(const std::vector<VerdictTotal>& totals);
    void follow_lost_hooks();
    void follow_lost_devices();
    void follow_meddling();
    void follow_names();
    [[nodiscard]] std::vector<Finding> find_problems();

    Config config_;
    EventLoop& loop_;
    // By TunnelIndex, as long as there are tunnels.
    std::vector<PrivateKey> keys_;
    std::vector<PublicKey> public_keys_;
    UniqueFd lock_;
    std::optional<SecretWatch> secrets_;  // none: no pre-shared keys

    std::optional<RtLinks> links_;
    std::vector<std::unique_ptr<WireguardBackend>> wireguard_;
    std::unique_ptr<BpfSteering> steering_;
    std::optional<NetlinkMonitor> monitor_;

    std::optional<PeerCache> cache_;
    std::optional<Reconciler> reconciler_;
    std::optional<CautiousSink> cautious_;  // between the source and this
    std::unique_ptr<Source> source_;

    EventLoop::Source source_readable_;
    EventLoop::Source source_timer_;
    EventLoop::Source monitor_readable_;
    EventLoop::Source reconcile_timer_;
    struct WatchedProcess {
        int fd = -1;
        EventLoop::Source ended;
    };
    std::vector<WatchedProcess> processes_;
    std::optional<std::chrono::steady_clock::time_point> next_reconcile_;
    Look look_ = Look::nowhere;                          // that the next reconciliation takes
    std::chrono::steady_clock::time_point next_look_{};  // everywhere, though nothing was reported
    bool change_pending_ = false;
    bool starting_ = true;
    bool retired_ = false;
    std::chrono::steady_clock::time_point next_start_notice_{};
    Backoff backoff_;
    LeakWatch leaks_;
    ChainWatch chain_;
    Alarms alarms_;
    ClockWatch clock_;
    OddPacketWatch odd_packets_;
    RecentEvents lost_devices_;
    std::map<TunnelIndex, std::uint32_t> devices_;    // indices of the last ones
    std::map<std::string, RecentEvents> lost_hooks_;  // by program and device
    std::map<std::string, std::map<std::string, RecentEvents>> meddling_;  // by device and deed
    std::map<std::string, RecentEvents> new_keys_;                         // by node
    std::optional<Steady> failing_since_;
    std::string failure_;  // of the last reconciliation; empty: none
    std::optional<NodeInfo> published_;
    std::set<Service> configured_bypass_;  // without what the source needs
    bool protection_told_ = false;
    std::chrono::steady_clock::time_point next_rejections_{};
    SourceActivity activity_;
    UniqueFd bpf_stats_;
    std::set<std::string> logged_notes_;
};

}  // namespace wgs
