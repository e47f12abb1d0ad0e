// SPDX-License-Identifier: Apache-2.0
#include "source/etcd.h"

#include <algorithm>
#include <utility>

#include "source/node_json.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxAnswer = 16u << 20;  // of a watch
constexpr std::size_t kLeastPage = 50;
constexpr auto kExpiry = 5s;  // how often absent nodes are looked at

void take_earlier(std::optional<SteadyTime>& next, const std::optional<SteadyTime>& other) {
    if (other && (!next || *other < *next)) next = other;
}

}  // namespace

Result<std::unique_ptr<EtcdSource>> EtcdSource::create(EtcdOptions options, SourceSink& sink) {
    auto link = WGS_TRY(EtcdLink::create(options.config, options.call_timeout));
    return std::unique_ptr<EtcdSource>(new EtcdSource(std::move(options), std::move(link), sink));
}

EtcdSource::EtcdSource(EtcdOptions options, std::unique_ptr<EtcdLink> link, SourceSink& sink)
    : options_(std::move(options)),
      link_(std::move(link)),
      sink_(sink),
      nodes_(options_.config.prefix, options_.self, sink),
      own_(options_.config.prefix + options_.self),
      end_(range_end_of(options_.config.prefix)),
      pause_(options_.first_pause, options_.longest_pause),
      page_(options_.page),
      splitter_(kMaxAnswer) {}

// ---- the connection

void EtcdSource::connect() {
    retry_at_.reset();
    if (!link_->needs_token()) return find_out();
    link_->authenticate([this](auto reply) {
        if (!reply) return lost(reply.error());
        find_out();
    });
}

void EtcdSource::ask(const std::string& path, std::string body, Take take) {
    link_->call(path, std::move(body), [this, take](auto reply) {
        if (!reply) return lost(reply.error());
        if (const Status taken = (this->*take)(*reply); !taken) garbage(taken.error());
    });
}

void EtcdSource::garbage(const Error& error) {
    lost({.fault = EtcdFault::unreachable, .message = link_->endpoint() + ": " + error.message});
}

void EtcdSource::lost(const EtcdError& error) {
    link_->http().cancel_all();
    own_.interrupted();
    watch_deadline_.reset();
    keepalive_at_.reset();
    reached_since_.reset();
    if (error.fault == EtcdFault::unauthenticated) {
        link_->drop_token();
    } else {
        link_->use_next_endpoint();
    }
    retry_at_ = options_.now() + pause_.next();
    if (outage_.empty()) sink_.report({.object = "etcd", .message = error.message});
    outage_ = error.message;
}

// The watch is there: all is well.
void EtcdSource::reached() {
    outage_.clear();
    pause_.reset();
    reached_since_ = options_.now();
}

void EtcdSource::dispatch() {
    link_->http().dispatch();
    run_timers(options_.now());
}

void EtcdSource::run_timers(SteadyTime now) {
    if (retry_at_ && now >= *retry_at_) connect();
    if (watch_deadline_ && now >= *watch_deadline_)
        lost({.fault = EtcdFault::unreachable,
              .message = link_->endpoint() + ": the watch is not answered"});
    if (keepalive_at_ && now >= *keepalive_at_) keep_alive();
    if (reached_since_ && now >= expire_at_) {
        nodes_.expire(now, *reached_since_);
        expire_at_ = now + kExpiry;
    }
    if (nodes_.away() == 0 && reached_since_) forgotten_.clear();
    write_own_key(now);
}

std::optional<SteadyTime> EtcdSource::next_timeout() const {
    std::optional<SteadyTime> next = link_->http().next_timeout();
    take_earlier(next, retry_at_);
    take_earlier(next, watch_deadline_);
    take_earlier(next, keepalive_at_);
    if (nodes_.away() != 0 && reached_since_) take_earlier(next, expire_at_);
    if (!retry_at_) take_earlier(next, own_.next_write());
    return next;
}

// ---- the lease

// A lease that still lives shows that etcd is the one we knew, and that we have not been away for
// long: then the watch goes on where it was.
void EtcdSource::find_out() {
    if (lease_ != 0 && synced_)
        return ask("/v3/lease/keepalive", format_keepalive(lease_), &EtcdSource::take_proof);
    if (lease_ == 0) {
        grant();
    } else {
        keepalive_at_ = options_.now();
    }
    list();
}

Status EtcdSource::take_proof(const std::string& body) {
    const EtcdLease lease = WGS_TRY(parse_lease(body));
    if (lease.ttl.count() <= 0 || lease.header.cluster != known_.cluster) {
        lose_lease();
        list();
        return {};
    }
    keepalive_at_ = options_.now() + options_.config.lease / 3;
    ask("/v3/kv/range", format_range({.key = own_.key(), .end = {}, .limit = 1}),
        &EtcdSource::take_quorum);
    return {};
}

// A member that has just lost the others still renews leases and takes watches; only the cluster as
// a whole answers a range.
Status EtcdSource::take_quorum(const std::string& body) {
    static_cast<void>(WGS_TRY(parse_page(body)));
    watch();
    return {};
}

void EtcdSource::grant() {
    ask("/v3/lease/grant", format_grant(options_.config.lease), &EtcdSource::take_grant);
}

Status EtcdSource::take_grant(const std::string& body) {
    const EtcdLease lease = WGS_TRY(parse_lease(body));
    if (lease.id == 0) return invalid("a lease without a number");
    lease_ = lease.id;
    own_.use_lease(lease_);
    keepalive_at_ = options_.now() + options_.config.lease / 3;
    return {};
}

void EtcdSource::keep_alive() {
    keepalive_at_.reset();
    ask("/v3/lease/keepalive", format_keepalive(lease_), &EtcdSource::take_keepalive);
}

Status EtcdSource::take_keepalive(const std::string& body) {
    const EtcdLease lease = WGS_TRY(parse_lease(body));
    const bool same = known_.cluster == 0 || lease.header.cluster == known_.cluster;
    if (lease.ttl.count() > 0 && same) {
        keepalive_at_ = options_.now() + options_.config.lease / 3;
        return {};
    }
    lose_lease();
    list();
    return {};
}

void EtcdSource::lose_lease() {
    lease_ = 0;
    own_.use_lease(0);
    keepalive_at_.reset();
    grant();
}

// ---- the listing

void EtcdSource::list() {
    link_->http().cancel(std::exchange(watch_, 0));
    link_->http().cancel(std::exchange(page_call_, 0));
    watch_deadline_.reset();
    synced_ = false;
    listed_revision_ = 0;
    own_listed_.reset();
    nodes_.begin_listing();
    ask_for_page(options_.config.prefix);
}

void EtcdSource::ask_for_page(const std::string& key) {
    const std::string body =
        format_range({.key = key, .end = end_, .limit = page_, .revision = listed_revision_});
    page_call_ = link_->call("/v3/kv/range", body,
                             [this](auto reply) { take_page_reply(std::move(reply)); });
}

void EtcdSource::take_page_reply(tl::expected<std::string, EtcdError> reply) {
    if (!reply) {
        // It may have been more than the way to etcd takes in time.
        const std::size_t least = reply.error().fault == EtcdFault::too_large ? 1 : kLeastPage;
        page_ = std::min(page_, std::max(page_ / 4, least));
        return lost(reply.error());
    }
    if (const Status taken = take_page(*reply); !taken) garbage(taken.error());
}

Status EtcdSource::take_page(const std::string& body) {
    const EtcdPage page = WGS_TRY(parse_page(body));
    if (listed_revision_ == 0) {
        check_history(page.header);
        listed_revision_ = page.header.revision;
    }
    for (const EtcdEntry& entry : page.entries) {
        if (entry.key == own_.key()) {
            own_listed_ = entry;
        } else {
            nodes_.put(entry);
        }
    }
    if (page.more) {
        if (page.entries.empty()) return invalid("a page without entries");
        ask_for_page(page.entries.back().key + '\0');
    } else {
        end_listing();
    }
    return {};
}

// Ranges are answered by the cluster as a whole, so its history can only have grown.
void EtcdSource::check_history(const EtcdHeader& header) {
    const bool other = header.cluster != known_.cluster;
    if (known_.revision != 0 &&
        (other || header.revision < known_.revision || header.term < known_.term)) {
        forgotten_ = other ? "is another cluster than before"
                           : "has lost its data: its revision went from " +
                                 std::to_string(known_.revision) + " to " +
                                 std::to_string(header.revision);
        sink_.report({.object = "etcd", .message = forgotten_});
        own_.forget_revisions();
    }
    known_ = header;
}

void EtcdSource::end_listing() {
    const SteadyTime now = options_.now();
    nodes_.end_listing(now);
    own_.seen(own_listed_ ? &*own_listed_ : nullptr, known_.revision, now);
    own_listed_.reset();
    next_revision_ = known_.revision + 1;
    synced_ = true;
    page_ = options_.page;
    if (!std::exchange(complete_, true)) sink_.complete();
    watch();
}

// ---- the watch

void EtcdSource::watch() {
    splitter_ = JsonSplitter(kMaxAnswer);
    watch_deadline_ = options_.now() + options_.call_timeout;
    watch_ = link_->stream("/v3/watch", format_watch(options_.config.prefix, end_, next_revision_),
                           {.on_data = [this](std::string_view data) { take_watched(data); },
                            .on_end = [this](const EtcdError& error) { lost(error); }});
}

void EtcdSource::take_watched(std::string_view data) {
    const RequestId watch = watch_;
    const Status taken = splitter_.feed(data, [&](std::string_view document) -> Status {
        if (watch_ != watch || retry_at_) return {};  // given up meanwhile
        return take_answer(WGS_TRY(parse_watch_answer(document)));
    });
    if (taken || watch_ != watch || retry_at_) return;
    // The same would come again.
    synced_ = false;
    garbage(taken.error());
}

Status EtcdSource::take_answer(const EtcdWatchAnswer& answer) {
    if (answer.compact_revision != 0) {
        list();
        return {};
    }
    if (answer.canceled) {
        const EtcdFault fault = etcd_fault(200, answer.cancel_reason);
        link_->drop_token();  // a watch calls it a lack of permission when a token is not known
        lost({.fault = fault,
              .message = link_->endpoint() + ": the watch was canceled: " + answer.cancel_reason});
        return {};
    }
    if (answer.created) return take_creation(answer.header);
    for (const EtcdEvent& event : answer.events)
        take_event(event);
    // A header's revision may be ahead of events that are still to come.
    const std::int64_t last =
        answer.events.empty() ? answer.header.revision : answer.events.back().entry.revision;
    if (!answer.fragment) next_revision_ = std::max(next_revision_, last + 1);
    known_.revision = std::max(known_.revision, next_revision_ - 1);
    return {};
}

Status EtcdSource::take_creation(const EtcdHeader& header) {
    watch_deadline_.reset();
    // The member may lag behind, or the cluster have lost its data: a listing tells.
    if (header.cluster != known_.cluster || header.revision + 1 < next_revision_) {
        list();
        return {};
    }
    reached();
    return {};
}

void EtcdSource::take_event(const EtcdEvent& event) {
    const EtcdEntry& entry = event.entry;
    const SteadyTime now = options_.now();
    if (entry.key == own_.key()) {
        own_.seen(event.deleted ? nullptr : &entry, entry.revision, now);
    } else if (event.deleted) {
        nodes_.erase(entry.key, now);
    } else {
        nodes_.put(entry);
    }
}

// ---- our own key

Status EtcdSource::publish(const NodeInfo& self) {
    own_.want(format_node_json(self));
    write_own_key(options_.now());
    return {};
}

void EtcdSource::write_own_key(SteadyTime now) {
    if (retry_at_ || lease_ == 0 || !own_.take_write(now)) return;
    link_->call("/v3/kv/put", format_put(own_.key(), own_.value(), lease_),
                [this](auto reply) { take_write_reply(std::move(reply)); });
}

void EtcdSource::take_write_reply(tl::expected<std::string, EtcdError> reply) {
    const SteadyTime now = options_.now();
    if (reply) {
        const auto header = parse_header(*reply);
        if (!header) return garbage(header.error());
        return own_.written(header->revision, now);
    }
    if (reply.error().fault != EtcdFault::refused) return lost(reply.error());
    const std::string& why = reply.error().message;
    if (why.find("lease not found") != std::string::npos) {
        own_.interrupted();
        return lose_lease();
    }
    if (own_.failure() != why) sink_.report({.object = own_.key(), .message = why});
    own_.failed(why, now);
}

// Whoever watches sees that the node has left for good, and not only that its key is gone; also
// when that had lapsed before.
Status EtcdSource::withdraw() {
    link_->http().cancel_all();
    own_.interrupted();
    own_.want({});
    Status result;
    for (std::size_t i = 0; i < link_->endpoints(); ++i) {
        result = withdraw_from_member();
        if (result) return {};
        link_->use_next_endpoint();
    }
    return result;
}

Status EtcdSource::withdraw_from_member() {
    link_->drop_token();
    if (link_->needs_token()) {
        WGS_TRY(wait_for([&](const EtcdLink::OnReply& done) { link_->authenticate(done); }));
    }
    const std::string left = format_left_json(options_.self);
    const std::pair<const char*, std::string> calls[] = {
        {"/v3/kv/put", format_put(own_.key(), left, 0)},
        {"/v3/kv/deleterange", format_delete(own_.key())},
    };
    for (const auto& [path, body] : calls) {
        WGS_TRY(wait_for([&, &path = path, &body = body](const EtcdLink::OnReply& done) {
            link_->call(path, body, done);
        }));
    }
    return {};
}

Result<std::string> EtcdSource::wait_for(const std::function<void(EtcdLink::OnReply)>& begin) {
    std::optional<tl::expected<std::string, EtcdError>> reply;
    begin([&](auto got) { reply = std::move(got); });
    // Calls end by their own time.
    dispatch_until(
        link_->http(), [&] { return reply.has_value(); }, 2 * options_.call_timeout);
    link_->http().cancel_all();
    if (!reply) return make_error(std::errc::timed_out, link_->endpoint() + ": no answer");
    if (!*reply) return make_error(std::errc::io_error, reply->error().message);
    return std::move(**reply);
}

std::vector<Problem> EtcdSource::problems() const {
    std::vector<Problem> problems;
    if (!outage_.empty()) problems.push_back({.object = "etcd", .message = outage_});
    if (!forgotten_.empty()) problems.push_back({.object = "etcd", .message = forgotten_});
    if (!own_.failure().empty())
        problems.push_back({.object = own_.key(), .message = own_.failure()});
    if (own_.is_contested(options_.now()))
        problems.push_back(
            {.object = own_.key(), .message = "was changed by somebody else, and written again"});
    std::ranges::move(nodes_.problems(), std::back_inserter(problems));
    return problems;
}

}  // namespace wgs
