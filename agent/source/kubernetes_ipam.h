// SPDX-License-Identifier: Apache-2.0
// Calico's IPAM blocks, in whichever of its two groups the cluster keeps them.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "source/kubernetes_blocks.h"
#include "source/kubernetes_collection.h"

namespace wgs {

struct KubernetesIpamHandler {
    std::function<void(const std::set<std::string>& nodes)> on_change;  // of their prefixes
    std::function<void()> on_listed;                                    // all blocks are known
    std::function<void()> on_resumed;                                   // after an outage
    std::function<void(const std::string& problem)> on_problem;         // empty: none any more
};

// The group crd.projectcalico.org/v1, or projectcalico.org/v3 in a cluster that has not got that.
class KubernetesIpam {
  public:
    // `timing` are the options of the collection but for its URL. The client must outlive it.
    KubernetesIpam(std::string server, KubernetesCollectionOptions timing,
                   KubernetesIpamHandler handler, HttpClient& client);
    KubernetesIpam(const KubernetesIpam&) = delete;
    KubernetesIpam& operator=(const KubernetesIpam&) = delete;
    ~KubernetesIpam();

    void start() { look_for_group(); }
    void tick(SteadyTime now);
    [[nodiscard]] std::optional<SteadyTime> due() const;
    [[nodiscard]] const KubernetesBlocks& blocks() const { return blocks_; }

  private:
    void look_for_group();
    void take_answer(const Result<HttpReply>& reply);
    void open(const std::string& group);
    void take_block(const Json& object);

    std::string server_;
    KubernetesCollectionOptions timing_;
    KubernetesIpamHandler handler_;
    HttpClient& client_;
    Backoff backoff_;
    KubernetesBlocks blocks_;
    std::optional<KubernetesCollection> collection_;
    std::optional<RequestId> request_;
    std::optional<SteadyTime> look_at_;
};

}  // namespace wgs
