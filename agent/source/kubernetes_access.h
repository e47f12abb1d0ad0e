// SPDX-License-Identifier: Apache-2.0
// How the API server is reached and convinced: from a kubeconfig, or from within a pod.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace wgs {

// Something that a kubeconfig has in place or in a file; at most one is given.
struct PemSource {
    std::filesystem::path file;
    std::string data;  // PEM

    [[nodiscard]] bool empty() const { return file.empty() && data.empty(); }
    bool operator==(const PemSource&) const = default;
};

struct KubernetesAccess {
    std::string url;          // "https://host:port", maybe with a path; no slash at the end
    std::string server_name;  // that the certificate must be for; empty: the host of the URL
    PemSource ca;             // empty: those of the system
    PemSource certificate;    // of ours
    PemSource key;
    std::string token;
    std::filesystem::path token_file;  // read anew when it changes
    bool verify = true;
    bool in_cluster = false;  // the URL is that of the cluster's own service

    bool operator==(const KubernetesAccess&) const = default;
};

// The port of the URL, 443 without one.
[[nodiscard]] std::uint16_t port_of(const KubernetesAccess& access);

// A kubeconfig's `context`, or its current one when that is empty. Files are relative to the
// kubeconfig. Fields that are of no use here are skipped; what would be needed and is not supported
// (exec, auth-provider, a password) is an error. Errors name `file` and the field.
Result<KubernetesAccess> parse_kubeconfig(std::string_view text, const std::filesystem::path& file,
                                          const std::string& context);
Result<KubernetesAccess> load_kubeconfig(const std::filesystem::path& file,
                                         const std::string& context);

using Environment = std::function<std::optional<std::string>(const char* name)>;
// What a pod finds: KUBERNETES_SERVICE_HOST and _PORT, and the files of its service account in
// `account`.
Result<KubernetesAccess> find_cluster(const Environment& environment,
                                      const std::filesystem::path& account);

}  // namespace wgs
