// SPDX-License-Identifier: Apache-2.0
#include "tests/source/kubernetes_fixture.h"

#include <poll.h>

#include <array>

namespace wgs::test {
namespace {

// Woken for what the test itself may have done meanwhile.
constexpr auto kGlance = 20ms;

int milliseconds_to(const std::optional<SteadyTime>& time) {
    const auto now = std::chrono::steady_clock::now();
    const auto until = std::min(time.value_or(now + kGlance), now + kGlance);
    return static_cast<int>(
        std::max<std::int64_t>(std::chrono::ceil<Millis>(until - now).count(), 0));
}

}  // namespace

void RecordingSink::upsert(const NodeInfo& node) {
    ++upserts;
    nodes.insert_or_assign(node.name, node);
    changed.insert_or_assign(node.name, std::chrono::steady_clock::now());
}

void RecordingSink::remove(const std::string& name) {
    nodes.erase(name);
    removed.push_back(name);
}

KubernetesTest::KubernetesTest() : api_(workspace_.directory()) {}

KubernetesOptions KubernetesTest::options() const {
    auto access = load_kubeconfig(api_.kubeconfig(), "");
    if (!access) broken(access.error().message);
    KubernetesOptions options{.access = *access, .self = "node-0"};
    // A test that is held up takes neither a watch nor a server for dead.
    options.timing.silence = 60s;
    options.timing.connect = 60s;
    options.timing.longest_pause = 1s;
    options.timing.first_pause = 20ms;
    return options;
}

void KubernetesTest::start(KubernetesOptions options) {
    auto source = KubernetesSource::open(std::move(options), sink_);
    if (!source) broken(source.error().message);
    source_ = std::move(*source);
    source_->start();
}

bool KubernetesTest::run_until(const std::function<bool()>& condition, Millis timeout) {
    const SteadyTime end = std::chrono::steady_clock::now() + scaled(timeout);
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        pollfd poller{.fd = source_->fd(), .events = POLLIN};
        ::poll(&poller, 1, milliseconds_to(source_->next_timeout()));
        source_->dispatch();
    }
    return true;
}

void KubernetesTest::run_for(Millis time) {
    const SteadyTime end = std::chrono::steady_clock::now() + time;
    run_until([&] { return std::chrono::steady_clock::now() >= end; }, time + 10s);
}

void KubernetesTest::annotate(const std::string& node, const std::string& key,
                              const nlohmann::json& value) {
    nlohmann::json object = api_.get_node(node);
    object.merge_patch({{"metadata", {{"annotations", {{key, value}}}}}});
    api_.put_node(object);
}

std::string KubernetesTest::annotation(const std::string& node, const std::string& key) const {
    const nlohmann::json object = api_.get_node(node);
    if (object.is_null()) return "";
    return object["metadata"].value("annotations", nlohmann::json::object()).value(key, "");
}

std::string KubernetesTest::problem_of(const std::string& object) const {
    for (const Problem& problem : source_->problems()) {
        if (problem.object == "kubernetes: " + object) return problem.message;
    }
    return "";
}

std::string key_of(std::uint8_t value) {
    std::array<std::uint8_t, PublicKey::kSize> bytes{};
    bytes.fill(value);
    return PublicKey(bytes).to_base64();
}

nlohmann::json with_key(nlohmann::json node, std::uint8_t value) {
    node["metadata"]["annotations"] = {{"wgsteer.io/public-key", key_of(value)},
                                       {"wgsteer.io/port", "51820"}};
    return node;
}

}  // namespace wgs::test
