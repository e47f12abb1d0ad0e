// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_self.h"

#include <utility>

#include "source/kubernetes_object.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

// After so long without a repair the next one comes at once again.
constexpr auto kPeace = 60s;
constexpr std::size_t kMaxNode = 10u << 20;

}  // namespace

HttpCall patch_call(std::string url, const std::string& type, std::string body) {
    return {.method = "PATCH",
            .url = std::move(url),
            .headers = {"Content-Type: " + type, "Accept: application/json"},
            .body = std::move(body),
            .max_body = kMaxNode};
}

KubernetesSelf::KubernetesSelf(KubernetesSelfOptions options, Report report, HttpClient& client)
    : options_(std::move(options)),
      report_(std::move(report)),
      client_(client),
      pace_(options_.first_pause, options_.longest_pause) {}

KubernetesSelf::~KubernetesSelf() {
    if (request_) client_.cancel(*request_);
}

void KubernetesSelf::want(Annotations annotations) {
    if (wanted_ == annotations) return;
    wanted_ = std::move(annotations);
    not_before_ = {};  // news, not a repair
}

void KubernetesSelf::observe(KubernetesNode node) {
    seen_ = std::move(node);
    stale_ = false;
}

// Annotations belong to what `status` may write; the taint is part of spec.
std::optional<KubernetesSelf::Patch> KubernetesSelf::next_patch() const {
    if (!has_annotations(*seen_, wanted_)) {
        return Patch{.url = options_.url + "/status",
                     .type = kMergePatch,
                     .body = annotation_patch(wanted_)};
    }
    std::string removal = released_ ? taint_removal_patch(*seen_, kNotReadyTaint) : std::string();
    if (removal.empty()) return std::nullopt;
    return Patch{.url = options_.url, .type = kJsonPatch, .body = std::move(removal)};
}

std::optional<SteadyTime> KubernetesSelf::due() const {
    if (request_ || !seen_ || (!stale_ && !next_patch())) return std::nullopt;
    return not_before_;
}

void KubernetesSelf::tick(SteadyTime now) {
    if (const auto when = due(); !when || now < *when) return;
    if (now - last_sent_ > kPeace) pace_.reset();
    last_sent_ = now;
    not_before_ = now + pace_.next();
    if (stale_) return send({.url = options_.url, .max_body = kMaxNode});
    Patch patch = *next_patch();
    send(patch_call(std::move(patch.url), patch.type, std::move(patch.body)));
}

void KubernetesSelf::send(HttpCall call) {
    request_ = client_.send(std::move(call), {.on_done = [this](const Result<HttpReply>& reply) {
                                request_.reset();
                                take(reply);
                            }});
}

// The watch may have told of a later change already.
bool KubernetesSelf::is_overtaken(const KubernetesNode& node) const {
    return seen_ && is_older(node.resource_version, seen_->resource_version);
}

void KubernetesSelf::take(const Result<HttpReply>& reply) {
    if (!reply) return report("write annotations: " + reply.error().message);
    if (reply->status == 200) {
        const auto object = parse_kubernetes_json(reply->body);
        auto node = object ? parse_kubernetes_node(*object)
                           : Result<KubernetesNode>(tl::unexpected(object.error()));
        if (!node) return report("read the own Node: " + node.error().message);
        if (!is_overtaken(*node)) observe(*std::move(node));
        stale_ = false;
        return report({});
    }
    // Somebody was faster, or what we go by is old: look again.
    stale_ = reply->status == 409 || reply->status == 422;
    if (stale_) return;
    report("write annotations: the API server answers " + std::to_string(reply->status) + " (" +
           read_kubernetes_refusal(reply->body).message + ")");
}

void KubernetesSelf::report(const std::string& problem) {
    if (std::exchange(problem_, problem) != problem) report_(problem_);
}

}  // namespace wgs
