// SPDX-License-Identifier: Apache-2.0
#include "source/node_file.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/cluster_secret.h"
#include "source/yaml_values.h"

namespace wgs {
namespace {

constexpr std::int64_t kMaxPort = 65535;

Result<std::string> read_name(const YamlValue& root, const std::string& expected) {
    const YamlValue* value = root.find("name");
    if (value == nullptr) return root.error("name is missing");
    std::string name = WGS_TRY(read_node_name(*value));
    if (name == expected) return name;
    return value->error(in_quotes(name) + " does not match the file's name");
}

Result<PublicKey> read_public_key(const YamlValue& value) {
    const auto key = PublicKey::parse(WGS_TRY(value.as_string()));
    if (!key) return value.error(key.error().message);
    return key;
}

Result<std::uint16_t> read_port(const YamlValue& value) {
    return static_cast<std::uint16_t>(WGS_TRY(value.as_integer(1, kMaxPort)));
}

Result<std::string> read_secret_id(const YamlValue& value) {
    std::string id = WGS_TRY(value.as_string());
    if (is_secret_id(id)) return id;
    return value.error("not the id of a cluster secret (16 hexadecimal digits)");
}

template <class T>
std::string format_list(const std::vector<T>& values) {
    std::string text;
    for (const T& value : values) {
        text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", value.to_string());
    }
    return "[" + text + "]";
}

}  // namespace

Result<NodeInfo> parse_node_file(std::string_view text, const std::string& expected_name,
                                 const std::string& file) {
    if (text.size() > kMaxNodeFileSize) return invalid(file + ": larger than 1 MiB");
    const YamlValue root = WGS_TRY(YamlValue::parse(text, file));
    WGS_TRY(root.only({"name", "addresses", "prefixes", "public_key", "port", "public_key_v6",
                       "port_v6", "secrets"}));

    NodeInfo node;
    node.name = WGS_TRY(read_name(root, expected_name));
    if (const YamlValue* value = root.find("addresses")) {
        node.addresses = WGS_TRY(read_list(*value, &read_address, kMaxNodeAddresses));
    }
    if (const YamlValue* value = root.find("prefixes")) {
        node.prefixes = WGS_TRY(read_list(*value, &read_prefix, kMaxNodePrefixes));
    }
    if (const YamlValue* value = root.find("public_key")) {
        node.public_key = WGS_TRY(read_public_key(*value));
    }
    if (const YamlValue* value = root.find("port")) {
        node.port = WGS_TRY(read_port(*value));
    }
    if (const YamlValue* value = root.find("public_key_v6")) {
        node.public_key_v6 = WGS_TRY(read_public_key(*value));
    }
    if (const YamlValue* value = root.find("port_v6")) {
        node.port_v6 = WGS_TRY(read_port(*value));
    }
    if (const YamlValue* value = root.find("secrets")) {
        node.secrets = WGS_TRY(read_list(*value, &read_secret_id, kMaxNodeSecrets));
    }
    return node;
}

std::string format_node_file(const NodeInfo& node) {
    // Quoted, because "null" and "1" are node names too, and IPv6 addresses end in colons.
    std::string text = fmt::format("name: \"{}\"\naddresses: {}\nprefixes: {}\n", node.name,
                                   format_list(node.addresses), format_list(node.prefixes));
    if (node.public_key) text += fmt::format("public_key: \"{}\"\n", node.public_key->to_base64());
    text += fmt::format("port: {}\n", node.port);
    if (node.public_key_v6)
        text += fmt::format("public_key_v6: \"{}\"\nport_v6: {}\n", node.public_key_v6->to_base64(),
                            node.port_v6);
    if (!node.secrets.empty())
        text += fmt::format("secrets: [\"{}\"]\n", fmt::join(node.secrets, "\", \""));
    return text;
}

}  // namespace wgs
