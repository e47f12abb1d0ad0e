// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_ipam.h"

#include <utility>

namespace wgs {
namespace {

constexpr const char* kFirstGroup = "/apis/crd.projectcalico.org/v1";
constexpr const char* kSecondGroup = "/apis/projectcalico.org/v3";

}  // namespace

KubernetesIpam::KubernetesIpam(std::string server, KubernetesCollectionOptions timing,
                               KubernetesIpamHandler handler, HttpClient& client)
    : server_(std::move(server)),
      timing_(std::move(timing)),
      handler_(std::move(handler)),
      client_(client),
      backoff_(timing_.first_pause, timing_.longest_pause) {}

KubernetesIpam::~KubernetesIpam() {
    if (request_) client_.cancel(*request_);
}

void KubernetesIpam::look_for_group() {
    request_ = client_.send({.url = server_ + kFirstGroup},
                            {.on_done = [this](const Result<HttpReply>& reply) {
                                request_.reset();
                                take_answer(reply);
                            }});
}

void KubernetesIpam::take_answer(const Result<HttpReply>& reply) {
    if (reply && reply->status == 200) return open(kFirstGroup);
    if (reply && reply->status == 404) return open(kSecondGroup);
    look_at_ = std::chrono::steady_clock::now() + backoff_.next();
    handler_.on_problem(reply ? "the API server answers " + std::to_string(reply->status)
                              : reply.error().message);
}

void KubernetesIpam::open(const std::string& group) {
    KubernetesCollectionOptions options = timing_;
    options.url = server_ + group + "/ipamblocks";
    collection_.emplace(
        std::move(options),
        KubernetesCollectionHandler{
            .on_object = [this](const Json& object) { take_block(object); },
            .on_gone = [this](const std::string& name) { handler_.on_change(blocks_.erase(name)); },
            .on_listed =
                [this] {
                    backoff_.reset();
                    handler_.on_listed();
                },
            .on_resumed = handler_.on_resumed,
            // Perhaps they are in the other group by now.
            .on_missing = [this] { look_at_ = std::chrono::steady_clock::now() + backoff_.next(); },
            .on_problem = handler_.on_problem},
        client_);
    collection_->start();
}

// What cannot be understood is as it was.
void KubernetesIpam::take_block(const Json& object) {
    auto block = parse_ipam_block(object);
    if (!block) return handler_.on_problem(block.error().message);
    if (*block) {
        handler_.on_change(blocks_.put(**std::move(block)));
    } else {
        handler_.on_change(blocks_.erase(std::string(text_at(object, "metadata", "name"))));
    }
}

void KubernetesIpam::tick(SteadyTime now) {
    if (look_at_ && now >= *look_at_) {
        look_at_.reset();
        collection_.reset();
        return look_for_group();
    }
    if (collection_) collection_->tick(now);
}

std::optional<SteadyTime> KubernetesIpam::due() const {
    if (look_at_) return look_at_;
    return collection_ ? collection_->due() : std::nullopt;
}

}  // namespace wgs
