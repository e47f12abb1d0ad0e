// SPDX-License-Identifier: Apache-2.0
#include "event_reader.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <optional>

#include "expression.h"
#include "output.h"
#include "query_options.h"

namespace wgs::cli {
namespace {

constexpr const char* kHeaderBytes = "128";  // that an expression may look at

volatile std::sig_atomic_t interrupted = 0;

void interrupt(int) {
    interrupted = 1;
}

void report_losses(const Losses& losses) {
    if (losses.total() == 0) return;
    std::fputs(fmt::format("wgsteer: {} events were lost: {} found the ring full, {} were not read "
                           "in time; narrow the filter or use --sample\n",
                           losses.total(), losses.in_ring, losses.by_reader)
                   .c_str(),
               stderr);
}

// What the lines go through.
class Reading {
  public:
    using Use = std::function<bool(const Event&, std::string_view)>;

    Reading(const EventOptions& options, std::optional<Expression> expression, const Use& use)
        : options_(options), expression_(std::move(expression)), use_(use) {
        if (options.duration > 0)
            end_ = Clock::now() + std::chrono::duration<double>(options.duration);
    }

    // False: enough.
    bool take(std::string_view line) {
        const EventLine parsed = parse_event_line(line);
        if (parsed.losses) losses_ = *parsed.losses;
        if (!parsed.event) return goes_on();
        const Event& event = *parsed.event;
        if (expression_ && !expression_->matches(event.snapshot, event.length)) return goes_on();
        if (!use_(event, line)) return false;
        return ++used_ != options_.count && goes_on();
    }
    [[nodiscard]] bool goes_on() const {
        return interrupted == 0 && (!end_ || Clock::now() < *end_);
    }
    [[nodiscard]] const Losses& losses() const { return losses_; }

  private:
    using Clock = std::chrono::steady_clock;

    const EventOptions& options_;
    std::optional<Expression> expression_;
    const Use& use_;
    std::optional<std::chrono::time_point<Clock, std::chrono::duration<double>>> end_;
    std::uint64_t used_ = 0;
    Losses losses_;
};

}  // namespace

void end_on_signals() {
    struct sigaction action = {};
    action.sa_handler = &interrupt;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    ::signal(SIGPIPE, SIG_IGN);  // writing says so
}

void add_event_options(CLI::App& app, EventOptions& options) {
    QueryOptions query(app, options.query);
    query.add("verdict", "pass, steer, drop; a list separated by commas");
    query.add("reason", "Reasons, likewise; see docs/reasons.md");
    query.add("hook", "nic_out, wg_in, nic_in, nic_guard, pod_out, leak_watch, likewise");
    query.add("peer", "Name of the node at the other end");
    query.add("prefix", "Prefix or address of either end");
    query.add("port", "Port of either end");
    query.add("proto", "tcp, udp, icmp, icmp6 or a number");
    query.add("sample", "One packet in so many, and the first drop of each flow");
    query.add_flag("first", "Of each flow, hook and reason the first packet only");
    query.add_flag("outer", "Encrypted packets as well");
    app.add_option("--count", options.count, "End after so many packets");
    app.add_option("--duration", options.duration, "End after so many seconds");
    app.add_option("filter", options.expression,
                   "A filter as tcpdump has it, on the first 128 bytes from the IP header on");
}

int read_events(const Client& client, const EventOptions& options,
                const std::function<bool(const Event&, std::string_view line)>& use) {
    auto query = options.query;
    std::optional<Expression> expression;
    if (!options.expression.empty()) {
        auto compiled = Expression::compile(options.expression);
        if (!compiled) return fail(kExitUsage, compiled.error().message);
        expression = std::move(*compiled);
        query.try_emplace("snaplen", kHeaderBytes);
    }
    Reading reading(options, std::move(expression), use);
    const auto reply = client.stream(
        "/v1/events", query, [&](std::string_view line) { return reading.take(line); },
        [&] { return reading.goes_on(); });
    if (!reply) return fail(kExitUnreachable, reply.error().message);
    if (reply->status == 400) return fail(kExitUsage, error_text(*reply));
    if (reply->status != 200) return fail(kExitBad, error_text(*reply));
    report_losses(reading.losses());
    return kExitFine;
}

bool write_all(int file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace wgs::cli
