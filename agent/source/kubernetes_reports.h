// SPDX-License-Identifier: Apache-2.0
// Events of Kubernetes about claims that were refused: few, and one for the whole cluster.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/peer_cache.h"
#include "net/http_client.h"

namespace wgs {

using SteadyTime = std::chrono::steady_clock::time_point;

struct KubernetesReport {
    std::string node;  // that it is about
    std::string reason;
    std::string message;
    auto operator<=>(const KubernetesReport&) const = default;
};

// One per node and kind of refusal, with the first few of what was refused.
[[nodiscard]] std::vector<KubernetesReport> gather_reports(
    const std::vector<Rejection>& rejections);

// The Event object. Its name says what it is about, so that of all agents that see the same only
// one makes it. `now` in RFC 3339.
[[nodiscard]] std::string format_event(const KubernetesReport& report, const std::string& host,
                                       const std::string& now);

struct KubernetesReportsOptions {
    std::string url;                            // of the collection of events
    std::string host;                           // who reports
    std::chrono::milliseconds interval{5'000};  // at most one request in it
    std::chrono::seconds repeat{3'600};         // the API server forgets events after an hour
    std::size_t max_pending = 64;               // what is more is dropped
};

class KubernetesReports {
  public:
    // The client must outlive it.
    KubernetesReports(KubernetesReportsOptions options, HttpClient& client);
    KubernetesReports(const KubernetesReports&) = delete;
    KubernetesReports& operator=(const KubernetesReports&) = delete;
    ~KubernetesReports();

    // All that are refused at this moment.
    void note(const std::vector<Rejection>& rejections, SteadyTime now);
    void tick(SteadyTime now);
    [[nodiscard]] std::optional<SteadyTime> due() const;

  private:
    KubernetesReportsOptions options_;
    HttpClient& client_;
    std::map<KubernetesReport, SteadyTime> told_;  // and when
    std::deque<KubernetesReport> pending_;
    std::optional<RequestId> request_;
    SteadyTime not_before_{};
};

}  // namespace wgs
