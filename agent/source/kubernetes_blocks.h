// SPDX-License-Identifier: Apache-2.0
// Which node has which addresses, as all IPAM blocks together tell.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "source/kubernetes_calico.h"

namespace wgs {

class KubernetesBlocks {
  public:
    // Each returns the nodes whose prefixes are others now, by name.
    std::set<std::string> put(IpamBlock block);
    std::set<std::string> erase(const std::string& name);

    // Sorted.
    [[nodiscard]] std::vector<Prefix> of(const std::string& node) const;
    // The same without the addresses in them that other nodes have borrowed.
    [[nodiscard]] std::vector<Prefix> of_only(const std::string& node) const;

  private:
    void count(const IpamBlock& block, int by);

    std::map<std::string, IpamBlock> blocks_;
    // How many blocks say so: two may name one address while it moves between them.
    std::map<std::string, std::map<Prefix, int>> nodes_;
};

// The prefixes that together are `whole` without one address in it.
[[nodiscard]] std::vector<Prefix> without(const Prefix& whole, const IpAddress& address);

}  // namespace wgs
