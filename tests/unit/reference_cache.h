// SPDX-License-Identifier: Apache-2.0
// The peer cache that resolves everything anew after each change, as the rules are written.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/peer_cache.h"

namespace wgs::test {

class ReferenceCache {
  public:
    ReferenceCache(NodeInfo self, PeerCache::Limits limits);

    void upsert(const NodeInfo& node);
    void remove(const std::string& name);
    void set_self(const NodeInfo& self);
    void seed_holder(const Prefix& prefix, const std::string& node);
    void mark_complete();

    [[nodiscard]] const std::map<std::string, CachedPeer>& peers();
    [[nodiscard]] const std::vector<Rejection>& rejections();

  private:
    struct Claim;

    void resolve();
    void admit();
    void find_key_conflicts();
    [[nodiscard]] std::vector<Claim> gather_claims();
    void gather_prefixes(CachedPeer& peer, std::vector<Claim>& claims);
    void award(const std::vector<Claim>& claims);
    [[nodiscard]] std::string choose_holder(std::span<const Claim> group) const;
    [[nodiscard]] std::optional<Endpoint> choose_endpoint(const NodeInfo& node,
                                                          TunnelIndex tunnel) const;
    void reject(const std::string& node, std::string what, std::string reason);

    NodeInfo self_;
    PeerCache::Limits limits_;
    bool complete_ = false;
    bool stale_ = true;
    std::map<std::string, NodeInfo> nodes_;
    std::map<Prefix, std::string> seeds_;
    std::map<Prefix, std::string> holders_;
    std::map<std::string, CachedPeer> peers_;
    std::vector<Rejection> rejections_;
};

}  // namespace wgs::test
