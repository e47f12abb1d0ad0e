// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_reports.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <string_view>
#include <utility>

#include "source/json_values.h"

namespace wgs {
namespace {

constexpr std::size_t kNamed = 5;  // refusals that a message names
constexpr std::size_t kMaxTold = 4096;

bool is_about_key(const Rejection& rejection) {
    return PublicKey::parse(rejection.what).has_value();
}

// FNV-1a: the same in every agent.
std::uint64_t hash_of(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) {
        hash ^= static_cast<std::uint8_t>(c);
        hash *= 0x100000001b3;
    }
    return hash;
}

}  // namespace

std::vector<KubernetesReport> gather_reports(const std::vector<Rejection>& rejections) {
    struct Gathered {
        std::string message;
        std::size_t count = 0;
    };
    std::map<std::pair<std::string, std::string>, Gathered> gathered;
    for (const Rejection& rejection : rejections) {
        const std::string reason = is_about_key(rejection) ? "KeyConflict" : "PrefixRejected";
        Gathered& all = gathered[{rejection.node, reason}];
        if (++all.count > kNamed) continue;
        all.message += fmt::format("{}{}: {}", all.message.empty() ? "" : "; ", rejection.what,
                                   rejection.reason);
    }
    std::vector<KubernetesReport> reports;
    for (auto& [key, all] : gathered) {
        if (all.count > kNamed) all.message += fmt::format("; and {} more", all.count - kNamed);
        reports.push_back(
            {.node = key.first, .reason = key.second, .message = std::move(all.message)});
    }
    return reports;
}

std::string format_event(const KubernetesReport& report, const std::string& host,
                         const std::string& now) {
    const std::uint64_t hash = hash_of(report.reason + "\n" + report.message);
    const Json event{
        {"apiVersion", "v1"},
        {"kind", "Event"},
        {"metadata",
         {{"name", fmt::format("{}.wgsteer-{:016x}", report.node, hash)},
          {"namespace", "default"}}},
        // As the kubelet has it: Events of a Node are found by its name in place of a uid.
        {"involvedObject",
         {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", report.node}, {"uid", report.node}}},
        {"reason", report.reason},
        {"message", report.message},
        {"type", "Warning"},
        {"source", {{"component", "wgsteer"}, {"host", host}}},
        {"firstTimestamp", now},
        {"lastTimestamp", now},
        {"count", 1}};
    return event.dump(-1, ' ', false, Json::error_handler_t::replace);
}

KubernetesReports::KubernetesReports(KubernetesReportsOptions options, HttpClient& client)
    : options_(std::move(options)), client_(client) {}

KubernetesReports::~KubernetesReports() {
    if (request_) client_.cancel(*request_);
}

void KubernetesReports::note(const std::vector<Rejection>& rejections, SteadyTime now) {
    std::erase_if(told_, [&](const auto& entry) { return now - entry.second > options_.repeat; });
    for (KubernetesReport& report : gather_reports(rejections)) {
        if (pending_.size() >= options_.max_pending || told_.size() >= kMaxTold) return;
        if (told_.emplace(report, now).second) pending_.push_back(std::move(report));
    }
}

std::optional<SteadyTime> KubernetesReports::due() const {
    return request_ || pending_.empty() ? std::nullopt : std::optional(not_before_);
}

// Whether the Event is made by us, by another agent or not at all is no matter: the status shows
// the same.
void KubernetesReports::tick(SteadyTime now) {
    if (const auto when = due(); !when || now < *when) return;
    not_before_ = now + options_.interval;
    const std::string time = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    HttpCall call{.method = "POST",
                  .url = options_.url,
                  .headers = {"Content-Type: application/json"},
                  .body = format_event(pending_.front(), options_.host, time)};
    pending_.pop_front();
    request_ = client_.send(std::move(call),
                            {.on_done = [this](const Result<HttpReply>&) { request_.reset(); }});
}

}  // namespace wgs
