// SPDX-License-Identifier: Apache-2.0
// The Kubernetes source: Nodes of the API server, each with its key in annotations.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "source/kubernetes_access.h"
#include "source/kubernetes_api_servers.h"
#include "source/kubernetes_calico.h"
#include "source/kubernetes_collection.h"
#include "source/kubernetes_ipam.h"
#include "source/kubernetes_reports.h"
#include "source/kubernetes_self.h"
#include "source/source.h"

namespace wgs {

struct KubernetesOptions {
    KubernetesAccess access;
    std::string self;  // this node's name
    bool calico = false;
    CalicoIpam ipam = CalicoIpam::blocks;  // of Calico
    CalicoPorts ports;                     // of Calico's nodes
    // Where ports of API servers are remembered; empty: they are of no interest.
    std::filesystem::path api_server_file;

    KubernetesCollectionOptions timing;  // of all collections; URL and query are set by the source
    std::chrono::milliseconds withdraw_limit{10'000};
};

class KubernetesSource final : public Source {
  public:
    // The sink must outlive the source.
    static Result<std::unique_ptr<Source>> open(KubernetesOptions options, SourceSink& sink);
    ~KubernetesSource() override;
    KubernetesSource(const KubernetesSource&) = delete;
    KubernetesSource& operator=(const KubernetesSource&) = delete;

    void start() override;
    void dispatch() override;
    [[nodiscard]] int fd() const override { return client_->fd(); }
    [[nodiscard]] std::optional<SteadyTime> next_timeout() const override;

    Status publish(const NodeInfo& self) override;
    Status withdraw() override;
    void note_protected() override;
    void note_rejections(const std::vector<Rejection>& rejections) override;

    [[nodiscard]] std::vector<Problem> problems() const override;

  private:
    KubernetesSource(KubernetesOptions options, std::unique_ptr<HttpClient> client,
                     SourceSink& sink);

    [[nodiscard]] KubernetesCollectionOptions collection(const std::string& path) const;
    void open_nodes();
    void open_ipam();
    void open_api_servers();
    void tick();

    void take_node(const Json& object);
    void take_faults(const KubernetesNode& node);
    void take_self(KubernetesNode node);
    void forget_node(const std::string& name);
    void tell(const std::string& name);
    void tell_own_prefixes();
    void tell_bypass();
    void note_listed();
    void set_problem(const std::string& object, const std::string& message);

    KubernetesOptions options_;
    SourceSink& sink_;
    std::unique_ptr<HttpClient> client_;
    std::optional<KubernetesCollection> nodes_;
    std::optional<KubernetesIpam> ipam_;
    std::optional<KubernetesApiServers> api_servers_;
    std::optional<KubernetesCollection> slices_;
    KubernetesSelf self_;
    KubernetesReports reports_;

    std::map<std::string, NodeInfo> infos_;  // with Calico's blocks: of each node, without them
    std::vector<Prefix> own_prefixes_;       // of our Node
    std::optional<std::vector<Prefix>> told_prefixes_;
    bool self_seen_ = false;
    bool nodes_listed_ = false;
    bool blocks_listed_ = false;
    bool complete_ = false;
    std::map<std::string, std::string> problems_;  // by object
};

}  // namespace wgs
