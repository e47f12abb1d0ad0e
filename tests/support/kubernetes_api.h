// SPDX-License-Identifier: Apache-2.0
// The API server of tests/support/kubernetes, as a process.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/support/process.h"

namespace wgs::test {

class NetNamespace;

class KubernetesApi {
  public:
    using Query = std::map<std::string, std::string>;

    // Its files lie in `directory`. It listens on `address` of `ns`, or of the test's own namespace
    // without one.
    explicit KubernetesApi(std::filesystem::path directory, const NetNamespace* ns = nullptr,
                           std::string address = "127.0.0.1");

    // Returns when it answers. After stop() it comes back without any object, at the same port.
    void start();
    void stop() { process_.reset(); }
    // SIGSTOP and SIGCONT.
    void pause() const;
    void go_on() const;

    // Certificates, or a token.
    [[nodiscard]] std::filesystem::path kubeconfig() const { return directory_ / "kubeconfig"; }
    [[nodiscard]] std::filesystem::path token_kubeconfig() const {
        return directory_ / "kubeconfig-token";
    }
    [[nodiscard]] std::filesystem::path service_account() const {
        return directory_ / "serviceaccount";
    }
    // From now on, only this token is accepted.
    void accept_token(const std::string& token) const;
    [[nodiscard]] int port() const { return port_; }

    // A command of control.py; what it returns.
    nlohmann::json control(const std::string& command, const Query& query = {}) const;
    void set(const std::string& fault, int value) const;
    void put_node(const nlohmann::json& node) const;
    void delete_node(const std::string& name) const;
    // Null if there is none.
    [[nodiscard]] nlohmann::json get_node(const std::string& name) const;
    // How many requests of that kind have come: "list nodes", "PATCH nodes".
    [[nodiscard]] int count(const std::string& what) const;

    // kubectl with the certificate.
    [[nodiscard]] Outcome kubectl(std::vector<std::string> arguments) const;

  private:
    std::filesystem::path directory_;
    const NetNamespace* ns_;
    std::string address_;
    int port_ = 0;
    std::optional<Process> process_;
};

// A Node as the kubelet and the controller manager would have made it.
nlohmann::json kubernetes_node(const std::string& name, const std::vector<std::string>& addresses,
                               const std::vector<std::string>& pod_cidrs);

}  // namespace wgs::test
