// SPDX-License-Identifier: Apache-2.0
// The YAML form of one node, as a directory source keeps it in NAME.yaml.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/node.h"

namespace wgs {

inline constexpr std::size_t kMaxNodeFileSize = 1 << 20;
inline constexpr std::size_t kMaxNodeAddresses = 64;
inline constexpr std::size_t kMaxNodePrefixes = 65536;
inline constexpr std::size_t kMaxNodeSecrets = 4;

// Strict: `name` is required and must be `expected_name`; unknown keys, duplicates and lists beyond
// the limits above are errors. `file` is used in messages only.
Result<NodeInfo> parse_node_file(std::string_view text, const std::string& expected_name,
                                 const std::string& file);

// What parse_node_file() reads back as an equal node.
[[nodiscard]] std::string format_node_file(const NodeInfo& node);

}  // namespace wgs
