// SPDX-License-Identifier: Apache-2.0
// Keeps the Node of this machine as it should be: annotations there, startup taint gone.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/backoff.h"
#include "net/http_client.h"
#include "source/kubernetes_node.h"

namespace wgs {

using SteadyTime = std::chrono::steady_clock::time_point;

struct KubernetesSelfOptions {
    std::string url;  // of the Node
    // Between two repairs; the pause doubles while somebody keeps undoing them.
    std::chrono::milliseconds first_pause{100};
    std::chrono::milliseconds longest_pause{60'000};
};

// Only what differs is written, by patches that name nothing else. Whatever the API server answers,
// what is wanted is tried again.
class KubernetesSelf {
  public:
    using Report = std::function<void(const std::string& problem)>;  // empty: none any more

    // The client must outlive it.
    KubernetesSelf(KubernetesSelfOptions options, Report report, HttpClient& client);
    KubernetesSelf(const KubernetesSelf&) = delete;
    KubernetesSelf& operator=(const KubernetesSelf&) = delete;
    ~KubernetesSelf();

    // What the Node's annotations shall be.
    void want(Annotations annotations);
    // The startup taint may go.
    void release() { released_ = true; }
    // What the Node is.
    void observe(KubernetesNode node);
    void observe_gone() { seen_.reset(); }

    // Does what is due; to be called after each of the above, and at due().
    void tick(SteadyTime now);
    [[nodiscard]] std::optional<SteadyTime> due() const;

  private:
    struct Patch {
        std::string url;
        std::string type;
        std::string body;
    };
    [[nodiscard]] std::optional<Patch> next_patch() const;
    void send(HttpCall call);
    [[nodiscard]] bool is_overtaken(const KubernetesNode& node) const;
    void take(const Result<HttpReply>& reply);
    void report(const std::string& problem);

    KubernetesSelfOptions options_;
    Report report_;
    HttpClient& client_;
    Backoff pace_;

    Annotations wanted_;
    bool released_ = false;
    std::optional<KubernetesNode> seen_;
    bool stale_ = false;  // what was seen is no longer so; to be asked for
    std::optional<RequestId> request_;
    SteadyTime not_before_{};
    SteadyTime last_sent_{};
    std::string problem_;
};

// A call that patches.
[[nodiscard]] HttpCall patch_call(std::string url, const std::string& type, std::string body);
inline constexpr const char* kMergePatch = "application/merge-patch+json";
inline constexpr const char* kJsonPatch = "application/json-patch+json";

}  // namespace wgs
