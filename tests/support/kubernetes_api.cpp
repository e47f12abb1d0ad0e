// SPDX-License-Identifier: Apache-2.0
#include "tests/support/kubernetes_api.h"

#include <fmt/format.h>

#include <csignal>
#include <fstream>

#include "net/http_client.h"
#include "tests/support/http.h"

namespace wgs::test {
namespace {

constexpr const char* kNodes = "/api/v1/nodes";

}  // namespace

KubernetesApi::KubernetesApi(std::filesystem::path directory, const NetNamespace* ns,
                             std::string address)
    : directory_(std::move(directory)), ns_(ns), address_(std::move(address)) {
    start();
}

void KubernetesApi::start() {
    const std::filesystem::path ready = directory_ / "ready";
    std::filesystem::create_directories(directory_);
    std::filesystem::remove(ready);
    process_.emplace(
        std::vector<std::string>{"python3", WGS_SOURCE_DIR "/tests/support/kubernetes/serve.py",
                                 directory_, address_, std::to_string(port_)},
        ProcessOptions{.ns = ns_, .environment = {"PYTHONDONTWRITEBYTECODE=1"}});
    const bool up = eventually(
        30s, [&] { return !process_->running() || (std::ifstream(ready) >> port_ && port_ != 0); });
    if (!up || !process_->running()) broken("the API server does not start: " + process_->errors());
}

void KubernetesApi::pause() const {
    process_->signal(SIGSTOP);
}

void KubernetesApi::go_on() const {
    process_->signal(SIGCONT);
}

void KubernetesApi::accept_token(const std::string& token) const {
    std::ofstream(directory_ / "accepted-token") << token;
}

nlohmann::json KubernetesApi::control(const std::string& command, const Query& query) const {
    std::string path = "/" + command;
    for (const auto& [name, value] : query)
        path += fmt::format("{}{}={}", path.find('?') == std::string::npos ? '?' : '&', name,
                            percent_encode(value));
    const auto reply = http_get(directory_ / "control.sock", path, 60s);
    if (!reply || reply->status != 200)
        broken("control of the API server: " + command + ": " +
               (reply ? reply->body : "no answer"));
    return nlohmann::json::parse(reply->body);
}

void KubernetesApi::set(const std::string& fault, int value) const {
    control("set", {{fault, std::to_string(value)}});
}

void KubernetesApi::put_node(const nlohmann::json& node) const {
    control("put", {{"path", kNodes}, {"object", node.dump()}});
}

void KubernetesApi::delete_node(const std::string& name) const {
    control("delete", {{"path", kNodes}, {"name", name}});
}

nlohmann::json KubernetesApi::get_node(const std::string& name) const {
    return control("get", {{"path", kNodes}, {"name", name}});
}

int KubernetesApi::count(const std::string& what) const {
    return control("counts").value(what, 0);
}

Outcome KubernetesApi::kubectl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"kubectl", "--kubeconfig", kubeconfig(), "--cache-dir",
                                         directory_ / "cache"});
    return run(arguments, {.ns = ns_}, 60s);
}

nlohmann::json kubernetes_node(const std::string& name, const std::vector<std::string>& addresses,
                               const std::vector<std::string>& pod_cidrs) {
    nlohmann::json list = nlohmann::json::array();
    for (const std::string& address : addresses)
        list.push_back({{"type", "InternalIP"}, {"address", address}});
    return {{"kind", "Node"},
            {"apiVersion", "v1"},
            {"metadata", {{"name", name}}},
            {"spec", {{"podCIDRs", pod_cidrs}}},
            {"status", {{"addresses", list}}}};
}

}  // namespace wgs::test
