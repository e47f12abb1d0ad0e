// SPDX-License-Identifier: Apache-2.0
#include "source/source_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "source/yaml_values.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxEndpoints = 64;
constexpr std::size_t kMaxKeyPrefix = 1024;
constexpr auto kMinLease = 5s;
constexpr auto kMaxLease = 1h;

// A key of a map, and what reads its value into a T.
template <class T>
struct Field {
    std::string_view name;
    Status (*read)(const YamlValue& value, T& into);
};

template <auto Member, auto Read, class T>
Status set(const YamlValue& value, T& into) {
    into.*Member = WGS_TRY(Read(value));
    return {};
}

template <class T>
Result<T> read_fields(const YamlValue& map, std::initializer_list<Field<T>> fields) {
    std::vector<std::string_view> names;
    for (const Field<T>& field : fields)
        names.push_back(field.name);
    WGS_TRY(map.only(names));
    T result;
    for (const Field<T>& field : fields) {
        if (const YamlValue* value = map.find(field.name)) WGS_TRY(field.read(*value, result));
    }
    return result;
}

Result<std::string> read_text(const YamlValue& value) {
    std::string text = WGS_TRY(value.as_string());
    if (text.empty()) return value.error("is empty");
    return text;
}

Result<bool> read_flag(const YamlValue& value) {
    return value.as_bool();
}

// HOST:PORT, HOST, [IPV6]:PORT or [IPV6]; a path, a user or a query is not part of an endpoint.
bool is_authority(std::string_view text) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == '_';
    };
    std::string_view host = text;
    std::string_view rest;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return false;
        const auto address = IpAddress::parse(text.substr(1, end - 1));
        if (!address || address->family() != Family::v6) return false;
        rest = text.substr(end + 1);
    } else {
        host = text.substr(0, text.find(':'));
        rest = text.substr(host.size());
        if (host.empty() || !std::ranges::all_of(host, allowed)) return false;
    }
    if (rest.empty()) return true;
    std::uint16_t port = 0;
    const char* const end = rest.data() + rest.size();
    const auto parsed = std::from_chars(rest.data() + 1, end, port);
    return rest.front() == ':' && parsed.ec == std::errc() && parsed.ptr == end && port != 0;
}

Result<std::string> read_endpoint(const YamlValue& value) {
    std::string text = WGS_TRY(value.as_string());
    if (text.ends_with('/')) text.pop_back();
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (text.starts_with(scheme) && is_authority(std::string_view(text).substr(scheme.size())))
            return text;
    }
    return value.error("expected https://HOST:PORT or http://HOST:PORT");
}

Result<std::vector<std::string>> read_endpoints(const YamlValue& value) {
    auto endpoints = WGS_TRY(read_list(value, &read_endpoint, kMaxEndpoints));
    if (endpoints.empty()) return value.error("is empty");
    return endpoints;
}

// Ends in a slash, so that no prefix is the beginning of another one's keys by accident.
Result<std::string> read_key_prefix(const YamlValue& value) {
    std::string prefix = WGS_TRY(read_text(value));
    if (!prefix.ends_with('/') || prefix.size() > kMaxKeyPrefix)
        return value.error("expected up to 1024 bytes that end in a slash");
    return prefix;
}

Result<std::chrono::seconds> read_lease(const YamlValue& value) {
    const auto lease = WGS_TRY(read_duration(value, kMaxLease));
    if (lease < kMinLease) return value.error("shorter than 5s");
    return lease;
}

Status need_both(const YamlValue& map, std::string_view one, std::string_view other) {
    if ((map.find(one) == nullptr) == (map.find(other) == nullptr)) return {};
    return map.error(std::string(one) + " and " + std::string(other) + " go together");
}

Result<SourceConfig> read_directory(const YamlValue& value) {
    return DirectoryConfig{.path = WGS_TRY(read_path(value))};
}

// Whether it is host-local's.
Result<bool> read_ipam(const YamlValue& value) {
    const std::string text = WGS_TRY(value.as_string());
    if (text == "calico" || text == "host-local") return text == "host-local";
    return value.error("expected calico or host-local");
}

Result<SourceConfig> read_kubernetes(const YamlValue& value) {
    using K = KubernetesConfig;
    const K kubernetes =
        WGS_TRY(read_fields<K>(value, {{"kubeconfig", &set<&K::kubeconfig, &read_path, K>},
                                       {"context", &set<&K::context, &read_text, K>},
                                       {"calico", &set<&K::calico, &read_flag, K>},
                                       {"ipam", &set<&K::host_local, &read_ipam, K>}}));
    const YamlValue* const context = value.find("context");
    if (context != nullptr && kubernetes.kubeconfig.empty())
        return context->error("is that of a kubeconfig");
    const YamlValue* const ipam = value.find("ipam");
    if (ipam != nullptr && !kubernetes.calico) return ipam->error("is for calico: true only");
    return kubernetes;
}

Result<SourceConfig> read_etcd(const YamlValue& value) {
    using E = EtcdConfig;
    E etcd =
        WGS_TRY(read_fields<E>(value, {{"endpoints", &set<&E::endpoints, &read_endpoints, E>},
                                       {"prefix", &set<&E::prefix, &read_key_prefix, E>},
                                       {"ca_file", &set<&E::ca_file, &read_path, E>},
                                       {"cert_file", &set<&E::cert_file, &read_path, E>},
                                       {"key_file", &set<&E::key_file, &read_path, E>},
                                       {"username", &set<&E::username, &read_text, E>},
                                       {"password_file", &set<&E::password_file, &read_path, E>},
                                       {"lease", &set<&E::lease, &read_lease, E>}}));
    if (etcd.endpoints.empty()) return value.error("endpoints is missing");
    WGS_TRY(need_both(value, "cert_file", "key_file"));
    WGS_TRY(need_both(value, "username", "password_file"));
    return etcd;
}

Result<SourceConfig> read_felix(const YamlValue& value) {
    WGS_TRY(value.only({}));
    return FelixConfig{};
}

struct Kind {
    std::string_view name;
    Result<SourceConfig> (*read)(const YamlValue& value);
};

constexpr std::array kKinds = {
    Kind{"directory", &read_directory},
    Kind{"kubernetes", &read_kubernetes},
    Kind{"etcd", &read_etcd},
    Kind{"felix", &read_felix},
};

}  // namespace

Result<SourceConfig> read_source_config(const YamlValue& value) {
    if (value.kind() == YamlValue::Kind::map && value.entries().size() != 1)
        return value.error("expected exactly one source");
    std::vector<std::string_view> names;
    for (const Kind& kind : kKinds)
        names.push_back(kind.name);
    WGS_TRY(value.only(names));

    for (const Kind& kind : kKinds) {
        if (const YamlValue* entry = value.find(kind.name)) return kind.read(*entry);
    }
    return value.error("expected exactly one source");
}

}  // namespace wgs
