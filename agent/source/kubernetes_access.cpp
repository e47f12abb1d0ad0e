// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_access.h"

#include <unistd.h>

#include <charconv>

#include "base/text.h"
#include "model/ip.h"

namespace wgs {
namespace {

constexpr std::uint16_t kHttpsPort = 443;

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto parsed = std::from_chars(text.begin(), text.end(), port);
    if (parsed.ec != std::errc() || parsed.ptr != text.end() || port == 0) return std::nullopt;
    return port;
}

Result<std::string> required(const Environment& environment, const char* name) {
    const auto value = environment(name);
    if (value && !value->empty()) return *value;
    return invalid(std::string(name) +
                   " is not set: this is not a pod; name a kubeconfig in source.kubernetes");
}

Status readable(const std::filesystem::path& file) {
    if (::access(file.c_str(), R_OK) == 0) return {};
    return os_error(errno, "read " + file.string());
}

}  // namespace

std::uint16_t port_of(const KubernetesAccess& access) {
    std::string_view rest = access.url;
    if (const auto scheme = rest.find("://"); scheme != std::string_view::npos)
        rest.remove_prefix(scheme + 3);
    rest = rest.substr(0, rest.find('/'));
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos || rest.find(']', colon) != std::string_view::npos)
        return kHttpsPort;
    return parse_port(rest.substr(colon + 1)).value_or(kHttpsPort);
}

Result<KubernetesAccess> find_cluster(const Environment& environment,
                                      const std::filesystem::path& account) {
    std::string host = WGS_TRY(required(environment, "KUBERNETES_SERVICE_HOST"));
    const std::string port = WGS_TRY(required(environment, "KUBERNETES_SERVICE_PORT"));
    if (!parse_port(port)) return invalid("KUBERNETES_SERVICE_PORT: " + in_quotes(port));
    const auto address = IpAddress::parse(host);
    if (address && address->family() == Family::v6) host = "[" + host + "]";
    KubernetesAccess access{.url = "https://" + host + ":" + port};
    access.ca.file = account / "ca.crt";
    access.token_file = account / "token";
    access.in_cluster = true;
    WGS_TRY(readable(access.ca.file));
    WGS_TRY(readable(access.token_file));
    return access;
}

}  // namespace wgs
