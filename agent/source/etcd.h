// SPDX-License-Identifier: Apache-2.0
// The etcd source: one key per node below a prefix, under a lease (etcd v3, JSON gateway).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "net/json_splitter.h"
#include "source/etcd_link.h"
#include "source/etcd_nodes.h"
#include "source/etcd_own_key.h"
#include "source/source.h"

namespace wgs {

struct EtcdOptions {
    EtcdConfig config;
    std::string self;  // this node's name

    std::chrono::milliseconds call_timeout{5'000};
    std::chrono::milliseconds first_pause{100};  // after a failure
    std::chrono::milliseconds longest_pause{10'000};
    std::size_t page = 500;  // keys asked for at once
    std::function<SteadyTime()> now = &std::chrono::steady_clock::now;
};

// Lists the keys, page by page as of one revision, and watches from there. Whatever fails, it
// begins anew with the next member after a pause: if our lease still lives and a majority of the
// cluster answers, the watch goes on where it stopped; if not, or if the history since then is
// compacted, the keys are listed again. From then on keeping the lease alive, for which the member
// needs a leader, shows that it is well.
class EtcdSource final : public Source {
  public:
    // The sink must outlive the source.
    static Result<std::unique_ptr<EtcdSource>> create(EtcdOptions options, SourceSink& sink);

    void start() override { connect(); }
    void dispatch() override;
    [[nodiscard]] int fd() const override { return link_->http().fd(); }
    [[nodiscard]] std::optional<SteadyTime> next_timeout() const override;

    Status publish(const NodeInfo& self) override;
    // Waits for etcd, up to the time of a few calls per member.
    Status withdraw() override;

    [[nodiscard]] std::vector<Problem> problems() const override;

  private:
    using Take = Status (EtcdSource::*)(const std::string& body);

    EtcdSource(EtcdOptions options, std::unique_ptr<EtcdLink> link, SourceSink& sink);

    void connect();
    void ask(const std::string& path, std::string body, Take take);
    void garbage(const Error& error);
    void lost(const EtcdError& error);
    void reached();
    void run_timers(SteadyTime now);

    void find_out();
    Status take_proof(const std::string& body);
    Status take_quorum(const std::string& body);
    void grant();
    Status take_grant(const std::string& body);
    void keep_alive();
    Status take_keepalive(const std::string& body);
    void lose_lease();

    void list();
    void ask_for_page(const std::string& key);
    void take_page_reply(tl::expected<std::string, EtcdError> reply);
    Status take_page(const std::string& body);
    void check_history(const EtcdHeader& header);
    void end_listing();

    void watch();
    void take_watched(std::string_view data);
    Status take_answer(const EtcdWatchAnswer& answer);
    Status take_creation(const EtcdHeader& header);
    void take_event(const EtcdEvent& event);

    void write_own_key(SteadyTime now);
    void take_write_reply(tl::expected<std::string, EtcdError> reply);

    Status withdraw_from_member();
    Result<std::string> wait_for(const std::function<void(EtcdLink::OnReply)>& begin);

    EtcdOptions options_;
    std::unique_ptr<EtcdLink> link_;
    SourceSink& sink_;
    EtcdNodes nodes_;
    EtcdOwnKey own_;
    std::string end_;  // of the range of keys

    Backoff pause_;
    std::optional<SteadyTime> retry_at_;  // set while there is no connection
    std::string outage_;                  // why etcd is out of reach; empty: it is not
    std::optional<SteadyTime> reached_since_;

    std::int64_t lease_ = 0;  // 0: none
    std::optional<SteadyTime> keepalive_at_;

    RequestId page_call_ = 0;
    std::size_t page_;                  // keys to ask for; fewer after a failure
    std::int64_t listed_revision_ = 0;  // of the listing under way; 0: its first page is to come
    std::optional<EtcdEntry> own_listed_;
    bool complete_ = false;

    bool synced_ = false;  // everything before next_revision_ is known
    std::int64_t next_revision_ = 0;
    EtcdHeader known_;       // the newest history that was seen; revision 0: none
    std::string forgotten_;  // what etcd has lost; empty: nothing

    RequestId watch_ = 0;
    JsonSplitter splitter_;
    std::optional<SteadyTime> watch_deadline_;  // until it has to be there
    SteadyTime expire_at_{};
};

}  // namespace wgs
