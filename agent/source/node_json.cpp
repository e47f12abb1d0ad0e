// SPDX-License-Identifier: Apache-2.0
#include "source/node_json.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "model/cluster_secret.h"
#include "source/node_file.h"

namespace wgs {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMaxPort = 65535;

Result<std::string> read_text(const Json& value, const std::string& key) {
    if (value.is_string()) return value.get<std::string>();
    return invalid(key + ": expected a string");
}

// A list of distinct values in text form.
template <class T>
Result<std::vector<T>> read_list(const Json& root, const std::string& key, std::size_t limit) {
    std::vector<T> result;
    const auto found = root.find(key);
    if (found == root.end()) return result;
    if (!found->is_array()) return invalid(key + ": expected a list");
    if (found->size() > limit)
        return invalid(key + ": more than " + std::to_string(limit) + " entries");
    std::set<T> seen;
    for (const Json& item : *found) {
        const std::string text = WGS_TRY(read_text(item, key));
        const T value = WGS_TRY(T::parse(text).within(key));
        if (!seen.insert(value).second) return invalid(key + ": " + value.to_string() + " twice");
        result.push_back(value);
    }
    return result;
}

Status check_name(const Json& root, const std::string& expected) {
    const auto found = root.find("name");
    if (found == root.end()) return invalid("name is missing");
    const std::string name = WGS_TRY(read_text(*found, "name"));
    if (name == expected) return {};
    return invalid("name: " + in_quotes(name) + " does not match the key");
}

Result<bool> read_left(const Json& root) {
    const auto found = root.find("left");
    if (found == root.end()) return false;
    if (!found->is_boolean()) return invalid("left: expected true or false");
    return found->get<bool>();
}

Result<std::uint16_t> read_port(const Json& root, const std::string& key, std::uint16_t fallback) {
    const auto found = root.find(key);
    if (found == root.end()) return fallback;
    if (found->is_number_unsigned()) {
        const auto port = found->get<std::uint64_t>();
        if (port >= 1 && port <= kMaxPort) return static_cast<std::uint16_t>(port);
    }
    return invalid(key + ": expected a number from 1 to 65535");
}

Result<std::optional<PublicKey>> read_key(const Json& root, const std::string& key) {
    const auto found = root.find(key);
    if (found == root.end()) return std::nullopt;
    const std::string base64 = WGS_TRY(read_text(*found, key));
    return std::optional(WGS_TRY(PublicKey::parse(base64).within(key)));
}

Result<std::vector<std::string>> read_secrets(const Json& root) {
    std::vector<std::string> ids;
    const auto found = root.find("secrets");
    if (found == root.end()) return ids;
    if (!found->is_array()) return invalid("secrets: expected a list");
    if (found->size() > kMaxNodeSecrets)
        return invalid("secrets: more than " + std::to_string(kMaxNodeSecrets) + " entries");
    for (const Json& item : *found) {
        std::string id = WGS_TRY(read_text(item, "secrets"));
        if (!is_secret_id(id)) return invalid("secrets: " + in_quotes(id) + " is no id of one");
        ids.push_back(std::move(id));
    }
    return ids;
}

template <class T>
Json texts(const std::vector<T>& values) {
    Json result = Json::array();
    for (const T& value : values)
        result.push_back(value.to_string());
    return result;
}

}  // namespace

Result<NodeEntry> parse_node_json(std::string_view text, const std::string& expected_name) {
    if (text.size() > kMaxNodeFileSize) return invalid("larger than 1 MiB");
    const Json root = Json::parse(text, nullptr, false);
    if (!root.is_object()) return invalid("not a JSON object");
    WGS_TRY(check_name(root, expected_name));
    NodeEntry entry;
    entry.node.name = expected_name;
    entry.left = WGS_TRY(read_left(root));
    if (entry.left) return entry;

    NodeInfo& node = entry.node;
    node.addresses = WGS_TRY(read_list<IpAddress>(root, "addresses", kMaxNodeAddresses));
    node.prefixes = WGS_TRY(read_list<Prefix>(root, "prefixes", kMaxNodePrefixes));
    node.port = WGS_TRY(read_port(root, "port", node.port));
    node.public_key = WGS_TRY(read_key(root, "public_key"));
    node.public_key_v6 = WGS_TRY(read_key(root, "public_key_v6"));
    if (node.public_key_v6) node.port_v6 = WGS_TRY(read_port(root, "port_v6", node.port_v6));
    node.secrets = WGS_TRY(read_secrets(root));
    return entry;
}

std::string format_node_json(const NodeInfo& node) {
    Json root{{"name", node.name},
              {"addresses", texts(node.addresses)},
              {"prefixes", texts(node.prefixes)},
              {"port", node.port}};
    if (node.public_key) root["public_key"] = node.public_key->to_base64();
    if (node.public_key_v6) {
        root["public_key_v6"] = node.public_key_v6->to_base64();
        root["port_v6"] = node.port_v6;
    }
    if (!node.secrets.empty()) root["secrets"] = node.secrets;
    return root.dump();
}

std::string format_left_json(const std::string& name) {
    return Json{{"name", name}, {"left", true}}.dump();
}

}  // namespace wgs
