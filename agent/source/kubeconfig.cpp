// SPDX-License-Identifier: Apache-2.0
#include <sodium.h>

#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"
#include "source/kubernetes_access.h"

namespace wgs {
namespace {

constexpr std::size_t kMaxKubeconfig = 1 << 20;

Result<std::string> text_of(const YamlValue& map, std::string_view key) {
    const YamlValue* const value = map.find(key);
    if (value == nullptr || value->kind() == YamlValue::Kind::null) return std::string();
    return value->as_string();
}

// The entry `name` of the list `list`, and in it the map `kind`.
Result<const YamlValue*> find_named(const YamlValue& root, std::string_view list,
                                    std::string_view kind, const std::string& name) {
    const YamlValue* const entries = root.find(list);
    if (entries == nullptr) return root.error(std::string(list) + " is missing");
    for (const YamlValue& entry : entries->items()) {
        if (WGS_TRY(text_of(entry, "name")) != name) continue;
        const YamlValue* const found = entry.find(kind);
        if (found == nullptr) return entry.error(std::string(kind) + " is missing");
        return found;
    }
    return entries->error("there is none named " + in_quotes(name));
}

Result<std::string> from_base64(const YamlValue& value) {
    const std::string text = WGS_TRY(value.as_string());
    std::string data(text.size(), '\0');
    std::size_t size = 0;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text.
    auto* const bytes = reinterpret_cast<unsigned char*>(data.data());
    if (::sodium_base642bin(bytes, data.size(), text.data(), text.size(), "\r\n ", &size, nullptr,
                            sodium_base64_VARIANT_ORIGINAL) != 0) {
        return value.error("not base64");
    }
    data.resize(size);
    return data;
}

// NAME-data comes before NAME, as for kubectl.
Result<PemSource> read_pem(const YamlValue& map, const std::string& name,
                           const std::filesystem::path& kubeconfig) {
    PemSource source;
    if (const YamlValue* const data = map.find(name + "-data")) {
        source.data = WGS_TRY(from_base64(*data));
        if (source.data.empty()) return data->error("is empty");
        return source;
    }
    const std::string file = WGS_TRY(text_of(map, name));
    if (!file.empty()) source.file = kubeconfig.parent_path() / file;
    return source;
}

Status read_cluster(const YamlValue& cluster, const std::filesystem::path& file,
                    KubernetesAccess& access) {
    const YamlValue* const server = cluster.find("server");
    if (server == nullptr) return cluster.error("server is missing");
    access.url = WGS_TRY(server->as_string());
    while (access.url.ends_with('/'))
        access.url.pop_back();
    if (!access.url.starts_with("https://")) return server->error("expected https://HOST:PORT");
    access.server_name = WGS_TRY(text_of(cluster, "tls-server-name"));
    if (const YamlValue* const insecure = cluster.find("insecure-skip-tls-verify"))
        access.verify = !WGS_TRY(insecure->as_bool());
    if (const YamlValue* const proxy = cluster.find("proxy-url"))
        return proxy->error("proxies are not supported");
    access.ca = WGS_TRY(read_pem(cluster, "certificate-authority", file));
    return {};
}

Status read_user(const YamlValue& user, const std::filesystem::path& file,
                 KubernetesAccess& access) {
    for (const std::string_view key : {"exec", "auth-provider", "username", "password"}) {
        if (const YamlValue* const value = user.find(key))
            return value->error("not supported; use a certificate or a token");
    }
    access.certificate = WGS_TRY(read_pem(user, "client-certificate", file));
    access.key = WGS_TRY(read_pem(user, "client-key", file));
    if (access.certificate.empty() != access.key.empty())
        return user.error("client-certificate and client-key belong together");
    // A token file comes before a token, as for kubectl.
    const std::string token_file = WGS_TRY(text_of(user, "tokenFile"));
    if (!token_file.empty()) access.token_file = file.parent_path() / token_file;
    if (access.token_file.empty()) access.token = WGS_TRY(text_of(user, "token"));
    return {};
}

}  // namespace

Result<KubernetesAccess> parse_kubeconfig(std::string_view text, const std::filesystem::path& file,
                                          const std::string& context) {
    const YamlValue root = WGS_TRY(YamlValue::parse(text, file.string()));
    std::string name = context;
    if (name.empty()) name = WGS_TRY(text_of(root, "current-context"));
    if (name.empty()) return root.error("current-context is missing");
    const YamlValue* const chosen = WGS_TRY(find_named(root, "contexts", "context", name));

    KubernetesAccess access;
    const std::string cluster_name = WGS_TRY(text_of(*chosen, "cluster"));
    const YamlValue* const cluster = WGS_TRY(find_named(root, "clusters", "cluster", cluster_name));
    WGS_TRY(read_cluster(*cluster, file, access));
    const std::string user_name = WGS_TRY(text_of(*chosen, "user"));
    if (user_name.empty()) return access;
    const YamlValue* const user = WGS_TRY(find_named(root, "users", "user", user_name));
    WGS_TRY(read_user(*user, file, access));
    return access;
}

Result<KubernetesAccess> load_kubeconfig(const std::filesystem::path& file,
                                         const std::string& context) {
    return parse_kubeconfig(WGS_TRY(read_file(file, kMaxKubeconfig)), file, context);
}

}  // namespace wgs
