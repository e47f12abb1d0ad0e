// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_blocks.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace wgs {
namespace {

std::set<std::string> nodes_of(const IpamBlock& block) {
    std::set<std::string> nodes;
    if (!block.host.empty()) nodes.insert(block.host);
    for (const IpamBlock::Borrowed& borrowed : block.borrowed)
        nodes.insert(borrowed.node);
    return nodes;
}

// The other half of the prefix twice as large: the same bits but for the last.
Prefix sibling(const Prefix& prefix) {
    std::array<std::uint8_t, 16> bytes{};
    std::ranges::copy(prefix.address().bytes(), bytes.begin());
    const auto last = static_cast<std::size_t>(prefix.length() - 1);
    bytes.at(last / 8) ^= static_cast<std::uint8_t>(0x80 >> last % 8);
    const bool v4 = prefix.family() == Family::v4;
    return {v4 ? IpAddress::v4(std::span(bytes).first<4>()) : IpAddress::v6(bytes),
            prefix.length()};
}

}  // namespace

std::set<std::string> KubernetesBlocks::put(IpamBlock block) {
    const auto old = blocks_.find(block.name);
    if (old != blocks_.end() && old->second == block) return {};
    std::set<std::string> nodes = nodes_of(block);
    nodes.merge(erase(block.name));
    count(block, 1);
    std::string name = block.name;
    blocks_.emplace(std::move(name), std::move(block));
    return nodes;
}

std::set<std::string> KubernetesBlocks::erase(const std::string& name) {
    const auto old = blocks_.find(name);
    if (old == blocks_.end()) return {};
    count(old->second, -1);
    std::set<std::string> nodes = nodes_of(old->second);
    blocks_.erase(old);
    return nodes;
}

void KubernetesBlocks::count(const IpamBlock& block, int by) {
    const auto count_one = [&](const std::string& node, const Prefix& prefix) {
        auto& prefixes = nodes_[node];
        if ((prefixes[prefix] += by) == 0) prefixes.erase(prefix);
        if (prefixes.empty()) nodes_.erase(node);
    };
    if (!block.host.empty()) count_one(block.host, block.prefix);
    for (const IpamBlock::Borrowed& borrowed : block.borrowed)
        count_one(borrowed.node, borrowed.address);
}

std::vector<Prefix> KubernetesBlocks::of(const std::string& node) const {
    std::vector<Prefix> prefixes;
    const auto entry = nodes_.find(node);
    if (entry == nodes_.end()) return prefixes;
    for (const auto& [prefix, count] : entry->second)
        prefixes.push_back(prefix);
    return prefixes;
}

std::vector<Prefix> KubernetesBlocks::of_only(const std::string& node) const {
    std::set<Prefix> prefixes;
    std::ranges::copy(of(node), std::inserter(prefixes, prefixes.end()));
    for (const auto& [name, block] : blocks_) {
        if (block.host != node) continue;
        for (const IpamBlock::Borrowed& borrowed : block.borrowed) {
            const auto part = std::ranges::find_if(
                prefixes, [&](const Prefix& prefix) { return prefix.contains(borrowed.address); });
            if (part == prefixes.end()) continue;
            const Prefix whole = *part;
            prefixes.erase(part);
            for (const Prefix& left : without(whole, borrowed.address.address()))
                prefixes.insert(left);
        }
    }
    return {prefixes.begin(), prefixes.end()};
}

std::vector<Prefix> without(const Prefix& whole, const IpAddress& address) {
    std::vector<Prefix> rest;
    for (int length = whole.length() + 1; length <= address.bits(); ++length)
        rest.push_back(sibling(Prefix(address, length)));
    return rest;
}

}  // namespace wgs
