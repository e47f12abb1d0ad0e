// SPDX-License-Identifier: Apache-2.0
// Random histories against a second, naive statement of the ownership rules.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "model/peer_cache.h"
#include "node_builder.h"
#include "reference_cache.h"

namespace wgs {
namespace {

using Owners = std::map<Prefix, std::string>;

const std::vector<std::string>& names() {
    static const std::vector<std::string> kAll = {"a", "b", "c", "d", "e"};
    return kAll;
}

const std::vector<Prefix>& pool() {
    static const std::vector<Prefix> kAll = {
        prefix("10.1.0.0/24"), prefix("10.1.0.0/25"), prefix("10.1.0.0/16"),  prefix("10.2.0.0/24"),
        prefix("fd10::/64"),   prefix("10.9.0.0/24"), prefix("172.16.0.0/12")};
    return kAll;
}

NodeInfo self_node() {
    return node(
        {.name = "self", .addresses = {"192.168.0.1"}, .prefixes = {"10.9.0.0/24"}, .key = 9});
}

NodeInfo random_node(std::mt19937& random, const std::string& name) {
    NodeInfo info{.name = name, .addresses = {}, .prefixes = {}, .public_key = {}};
    for (const Prefix& candidate : pool()) {
        if (random() % 3 == 0) info.prefixes.push_back(candidate);
    }
    if (random() % 4 != 0) info.public_key = key(static_cast<std::uint8_t>(6 + random() % 4));
    return info;
}

PeerCache::Limits limits() {
    return {.cluster_prefixes = {prefix("10.0.0.0/8"), prefix("fd00::/8")}};
}

// The rules as one would say them, one prefix at a time.
class NaiveModel {
  public:
    void upsert(const NodeInfo& node) { nodes_[node.name] = node; }
    void remove(const std::string& name) { nodes_.erase(name); }

    // What peers() must show when asked now; asking is what settles claims made together.
    const Owners& settle() {
        Owners next;
        for (const Prefix& candidate : pool()) {
            const auto claimants = claimants_of(candidate);
            if (claimants.empty()) continue;
            const auto holder = owners_.find(candidate);
            const bool stays = holder != owners_.end() && claimants.contains(holder->second);
            next[candidate] = stays ? holder->second : *claimants.begin();
        }
        return owners_ = std::move(next);
    }

    [[nodiscard]] bool in_conflict(const std::string& name) const {
        const auto& own = nodes_.at(name).public_key;
        if (!own) return false;
        const auto same = [&](const auto& entry) {
            return entry.first != name && entry.second.public_key == own;
        };
        return own == self_node().public_key || std::any_of(nodes_.begin(), nodes_.end(), same);
    }

    [[nodiscard]] const std::map<std::string, NodeInfo>& nodes() const { return nodes_; }

  private:
    [[nodiscard]] std::set<std::string> claimants_of(const Prefix& candidate) const {
        if (candidate == prefix("10.9.0.0/24") || candidate == prefix("172.16.0.0/12")) return {};
        std::set<std::string> claimants;
        for (const auto& [name, node] : nodes_) {
            const auto& claimed = node.prefixes;
            if (std::find(claimed.begin(), claimed.end(), candidate) != claimed.end())
                claimants.insert(name);
        }
        return claimants;
    }

    std::map<std::string, NodeInfo> nodes_;
    Owners owners_;
};

Owners owners_in(const PeerCache& cache) {
    Owners owners;
    for (const auto& [name, peer] : cache.peers()) {
        for (const auto& [owned, prefix_class] : peer.prefixes) {
            EXPECT_TRUE(owners.emplace(owned, name).second)
                << owned.to_string() << " has two owners";
        }
    }
    return owners;
}

void expect_same(const PeerCache& cache, NaiveModel& model) {
    ASSERT_EQ(owners_in(cache), model.settle());
    ASSERT_EQ(cache.peers().size(), model.nodes().size());
    for (const auto& [name, peer] : cache.peers()) {
        ASSERT_EQ(peer.info, model.nodes().at(name));
        ASSERT_EQ(peer.tunnels.front().key_conflict, model.in_conflict(name)) << name;
    }
}

TEST(PeerCacheProperty, FollowsTheRulesThroughRandomHistories) {
    std::mt19937 random(7);
    for (int history = 0; history < 500; ++history) {
        PeerCache cache(self_node(), limits());
        NaiveModel model;
        for (int step = 0; step < 30; ++step) {
            const std::string& name = names()[random() % names().size()];
            if (random() % 4 == 0) {
                ASSERT_EQ(cache.remove(name), model.nodes().contains(name));
                model.remove(name);
            } else {
                const NodeInfo info = random_node(random, name);
                cache.upsert(info);
                model.upsert(info);
            }
            if (random() % 2 == 0) expect_same(cache, model);
            if (HasFatalFailure()) FAIL() << "history " << history << ", step " << step;
        }
    }
}

bool same(const CachedPeer& a, const CachedPeer& b) {
    return a.info == b.info && a.tunnels == b.tunnels && a.prefixes == b.prefixes;
}

// An incremental cache beside one that starts from scratch each time.
class SideBySide {
  public:
    SideBySide(std::mt19937& random, bool per_family)
        : random_(random),
          cache_(self_node(), narrow_limits(per_family)),
          reference_(self_node(), narrow_limits(per_family)) {
        for (const Prefix& candidate : pool()) {
            if (random_() % 3 != 0) continue;
            const std::string& name = names()[random_() % names().size()];
            cache_.seed_holder(candidate, name);
            reference_.seed_holder(candidate, name);
        }
    }

    void something_happens() {
        const std::string& name = names()[random_() % names().size()];
        switch (random_() % 12) {
            case 0:
            case 1:
                cache_.remove(name);
                reference_.remove(name);
                break;
            case 2:
                change_self();
                break;
            case 3:
                cache_.mark_complete();
                reference_.mark_complete();
                break;
            default:
                tell(name);
        }
    }
    void compare() {
        const auto& expected = reference_.peers();
        const CacheChanges changes = cache_.take_changes();
        ASSERT_EQ(cache_.peers().size(), expected.size());
        for (const auto& [name, peer] : expected)
            ASSERT_TRUE(same(cache_.peers().at(name), peer)) << name;
        ASSERT_EQ(cache_.rejections(), reference_.rejections());
        if (!changes.everything) check(changes);
        before_ = expected;
    }

  private:
    void tell(const std::string& name) {
        NodeInfo info = random_node(random_, name);
        info.addresses = {ip("192.168.0." + std::to_string(2 + random_() % 3)), ip("fd50::2")};
        if (random_() % 4 == 0) info.prefixes.push_back(Prefix(info.addresses.front()));
        if (random_() % 4 != 0)
            info.public_key_v6 = key(static_cast<std::uint8_t>(6 + random_() % 4));
        cache_.upsert(info);
        reference_.upsert(info);
    }
    void change_self() {
        NodeInfo self = self_node();
        if (random_() % 2 == 0) self.prefixes = {prefix("10.1.0.0/24")};
        if (random_() % 2 == 0) self.addresses = {ip("fd50::1")};
        if (random_() % 2 == 0) self.public_key_v6 = key(8);
        cache_.set_self(self);
        reference_.set_self(self);
    }
    // What is not named is as it was.
    void check(const CacheChanges& changes) {
        const auto peer_in = [](const auto& peers, const std::string& name) {
            const auto found = peers.find(name);
            return found == peers.end() ? CachedPeer{} : found->second;
        };
        for (const std::string& name : names()) {
            const CachedPeer old = peer_in(before_, name);
            const CachedPeer now = peer_in(cache_.peers(), name);
            if (!same(old, now)) {
                ASSERT_TRUE(std::ranges::binary_search(changes.peers, name)) << name;
            }
            for (const ClassedPrefixes* owned : {&old.prefixes, &now.prefixes}) {
                for (const auto& entry : *owned) {
                    const bool kept = std::ranges::binary_search(old.prefixes, entry) &&
                                      std::ranges::binary_search(now.prefixes, entry);
                    if (!kept) {
                        ASSERT_TRUE(std::ranges::binary_search(changes.prefixes, entry.first));
                    }
                }
            }
        }
    }

    std::mt19937& random_;
    PeerCache cache_;
    test::ReferenceCache reference_;
    std::map<std::string, CachedPeer> before_;

    static PeerCache::Limits narrow_limits(bool per_family) {
        return {.max_peers = 4,
                .max_prefixes_per_node = 4,
                .cluster_prefixes = limits().cluster_prefixes,
                .per_family = per_family};
    }
};

TEST(PeerCacheProperty, ResolvesChangesAsItWouldResolveEverything) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (int history = 0; history < 500; ++history) {
        SideBySide caches(random, history % 2 == 0);
        for (int step = 0; step < 40; ++step) {
            caches.something_happens();
            if (random() % 2 == 0) caches.compare();
            if (HasFatalFailure()) FAIL() << "history " << history << ", step " << step;
        }
    }
}

TEST(PeerCacheProperty, DoesNotDependOnTheOrderOfClaimsMadeTogether) {
    std::mt19937 random(11);
    for (int round = 0; round < 500; ++round) {
        std::vector<NodeInfo> nodes;
        for (const std::string& name : names())
            nodes.push_back(random_node(random, name));
        PeerCache first(self_node(), limits());
        for (const NodeInfo& info : nodes)
            first.upsert(info);
        std::shuffle(nodes.begin(), nodes.end(), random);
        PeerCache second(self_node(), limits());
        for (const NodeInfo& info : nodes)
            second.upsert(info);
        ASSERT_EQ(owners_in(first), owners_in(second));
        ASSERT_EQ(first.rejections(), second.rejections());
    }
}

TEST(PeerCacheProperty, KeepsEverySeededPrefixInPlaceWhateverTheOrderOfARestart) {
    std::mt19937 random(13);
    for (int round = 0; round < 300; ++round) {
        std::vector<NodeInfo> nodes;
        for (const std::string& name : names())
            nodes.push_back(random_node(random, name));
        std::shuffle(nodes.begin(), nodes.end(), random);
        PeerCache before(self_node(), limits());
        for (const NodeInfo& info : nodes) {
            before.upsert(info);
            ASSERT_LE(before.peers().size(), nodes.size());  // asking settles: the first told holds
        }
        const Owners seeds = owners_in(before);

        std::shuffle(nodes.begin(), nodes.end(), random);
        PeerCache after(self_node(), limits());
        for (const auto& [owned, name] : seeds)
            after.seed_holder(owned, name);
        for (const NodeInfo& info : nodes) {
            after.upsert(info);
            for (const auto& [owned, name] : owners_in(after))
                ASSERT_EQ(seeds.at(owned), name);
        }
        after.mark_complete();
        ASSERT_EQ(owners_in(after), seeds);
    }
}

TEST(PeerCacheScale, ResolvesTenThousandNodesAndHundredThousandPrefixes) {
    PeerCache cache(self_node(), {.max_peers = 10'000});
    for (unsigned i = 0; i < 10'000; ++i) {
        NodeInfo info{
            .name = "n" + std::to_string(i), .addresses = {}, .prefixes = {}, .public_key = {}};
        for (unsigned j = 0; j < 10; ++j) {
            const unsigned number = i * 10 + j;
            const std::array<std::uint8_t, 4> bytes = {
                static_cast<std::uint8_t>(11 + (number >> 16)),
                static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number), 0};
            info.prefixes.emplace_back(IpAddress::v4(bytes), 24);
        }
        cache.upsert(info);
    }
    EXPECT_EQ(owners_in(cache).size(), 100'000u);
    EXPECT_TRUE(cache.rejections().empty());
}

}  // namespace
}  // namespace wgs
