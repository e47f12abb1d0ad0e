// SPDX-License-Identifier: Apache-2.0
#include "bench/agent/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>

#include "source/node_file.h"
#include "tests/support/environment.h"

namespace wgs::bench {
namespace {

template <class Values>
std::vector<std::string> texts_of(const Values& values) {
    std::vector<std::string> texts;
    for (const auto& value : values)
        texts.push_back(value.to_string());
    return texts;
}

}  // namespace

std::vector<std::string> Registry::command(const std::filesystem::path& config) const {
    return {test::binary("wgsteerd"), "--config", config.string()};
}

std::string Registry::describe(const NodeInfo& self) {
    return fmt::format(
        "node: {}\naddresses: [{}]\nprefixes: [{}]\nwireguard: {{backend: userspace}}\n", self.name,
        fmt::join(texts_of(self.addresses), ", "), fmt::join(texts_of(self.prefixes), ", "));
}

Directory::Directory(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
}

// As agents do: written elsewhere, moved into its place.
void Directory::put(std::span<const NodeInfo> nodes) {
    const std::filesystem::path draft = path_ / ".draft";
    for (const NodeInfo& node : nodes) {
        std::ofstream(draft) << format_node_file(node);
        std::filesystem::rename(draft, path_ / (node.name + ".yaml"));
    }
}

std::string Directory::config(const NodeInfo& self) {
    return describe(self) + fmt::format("source: {{directory: {}}}\n", path_.string());
}

}  // namespace wgs::bench
