// SPDX-License-Identifier: Apache-2.0
#include "source/make_source.h"

#include <cstdlib>
#include <optional>
#include <variant>

#include "source/directory.h"
#include "source/etcd.h"
#include "source/kubernetes.h"

namespace wgs {
namespace {

using Made = Result<std::unique_ptr<Source>>;

constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

std::optional<std::string> environment(const char* name) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<KubernetesAccess> find_access(const KubernetesConfig& config) {
    if (!config.kubeconfig.empty()) return load_kubeconfig(config.kubeconfig, config.context);
    return find_cluster(&environment, kServiceAccount);
}

// One overload per kind.
struct Maker {
    const Config& config;
    SourceSink& sink;

    Made operator()(const DirectoryConfig& directory) const {
        return std::make_unique<DirectorySource>(
            DirectoryOptions{.path = directory.path, .self = config.node}, sink);
    }
    Made operator()(const KubernetesConfig& kubernetes) const {
        KubernetesOptions options{
            .access = WGS_TRY(find_access(kubernetes)),
            .self = config.node,
            .calico = kubernetes.calico,
            .ipam = kubernetes.host_local ? CalicoIpam::host_local : CalicoIpam::blocks,
            .ports = {.v4 = config.wireguard.port},
            .api_server_file = config.hosts ? api_server_file(config) : std::filesystem::path()};
        if (config.wireguard.per_family) options.ports.v6 = config.wireguard.port_v6;
        return KubernetesSource::open(std::move(options), sink);
    }
    Made operator()(const FelixConfig&) const {
        return make_error(std::errc::operation_not_supported,
                          "source felix: Felix starts wgsteer-felix itself, as its driver");
    }
    Made operator()(const EtcdConfig& etcd) const {
        return WGS_TRY(EtcdSource::create({.config = etcd, .self = config.node}, sink));
    }
    // Whatever has no overload of its own.
    template <class Other>
    Made operator()(const Other&) const {
        return make_error(std::errc::not_supported, "this kind of source is not supported yet");
    }
};

}  // namespace

std::filesystem::path api_server_file(const Config& config) {
    return config.state_dir / "api-servers.json";
}

Made make_source(const Config& config, SourceSink& sink) {
    return std::visit(Maker{.config = config, .sink = sink}, config.source);
}

}  // namespace wgs
