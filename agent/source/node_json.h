// SPDX-License-Identifier: Apache-2.0
// The JSON form of one node, as it is kept where other programs keep JSON: the fields of the node
// file.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "model/node.h"

namespace wgs {

struct NodeEntry {
    NodeInfo node;
    bool left = false;  // a mark that the node has gone for good; of `node` only the name counts
};

// As strict as parse_node_file() about the fields it knows, with its limits. Fields it does not
// know are none of its business: agents of several versions write to one place while a cluster is
// upgraded.
Result<NodeEntry> parse_node_json(std::string_view text, const std::string& expected_name);

// What parse_node_json() reads back as an equal node.
[[nodiscard]] std::string format_node_json(const NodeInfo& node);
// The mark that the node has left.
[[nodiscard]] std::string format_left_json(const std::string& name);

}  // namespace wgs
