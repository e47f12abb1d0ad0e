// SPDX-License-Identifier: Apache-2.0
#include "model/peer_cache.h"

#include <gtest/gtest.h>

#include "node_builder.h"

namespace wgs {
namespace {

NodeInfo self_node() {
    return node({.name = "self",
                 .addresses = {"192.168.0.1", "fd50::1"},
                 .prefixes = {"10.0.0.0/24"},
                 .key = 1});
}

PeerCache cache_with(const PeerCache::Limits& limits = {}) {
    return PeerCache(self_node(), limits);
}

// Everything a node owns, e.g. "10.1.0.0/24 192.168.0.2/32(node)".
std::string owned(const PeerCache& cache, const std::string& name) {
    const auto peer = cache.peers().find(name);
    if (peer == cache.peers().end()) return "no such peer";
    std::string text;
    for (const auto& [owned_prefix, prefix_class] : peer->second.prefixes) {
        text += (text.empty() ? "" : " ") + owned_prefix.to_string();
        if (prefix_class == PrefixClass::node) text += "(node)";
    }
    return text;
}

std::vector<std::string> rejected(const PeerCache& cache) {
    std::vector<std::string> lines;
    for (const Rejection& rejection : cache.rejections()) {
        lines.push_back(rejection.node + " " + rejection.what + ": " + rejection.reason);
    }
    return lines;
}

using Lines = std::vector<std::string>;

TEST(PeerCache, ShowsANodeWithItsEndpointAndPrefixes) {
    PeerCache cache = cache_with();
    EXPECT_TRUE(cache.upsert(node({.name = "b",
                                   .addresses = {"192.168.0.2", "fd50::2"},
                                   .prefixes = {"10.1.0.0/24"},
                                   .key = 2})));
    EXPECT_EQ(owned(cache, "b"), "10.1.0.0/24 192.168.0.2/32(node) fd50::2/128(node)");
    EXPECT_EQ(cache.peers().at("b").tunnels.front().endpoint->to_string(), "192.168.0.2:51820");
    EXPECT_FALSE(cache.peers().at("b").tunnels.front().key_conflict);
    EXPECT_EQ(rejected(cache), Lines{});
}

TEST(PeerCache, PrefersAnAddressOnTheLinkOfTheUnderlay) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "b",
                       .addresses = {"203.0.113.2", "fd50::2", "192.168.0.2"},
                       .prefixes = {},
                       .key = 2}));
    cache.upsert(
        node({.name = "c", .addresses = {"203.0.113.3", "fd99::3"}, .prefixes = {}, .key = 3}));
    const auto endpoint = [&](const std::string& name) {
        return cache.peers().at(name).tunnels.front().endpoint->to_string();
    };
    EXPECT_EQ(endpoint("b"), "203.0.113.2:51820");
    static_cast<void>(cache.take_changes());

    EXPECT_TRUE(cache.set_networks({prefix("192.168.0.0/24"), prefix("fd50::/64")}));
    EXPECT_EQ(endpoint("b"), "[fd50::2]:51820") << "of several on the link the first one told";
    EXPECT_EQ(endpoint("c"), "203.0.113.3:51820") << "none is on the link";
    EXPECT_TRUE(cache.take_changes().everything);
    EXPECT_FALSE(cache.set_networks({prefix("192.168.0.0/24"), prefix("fd50::/64")}));

    EXPECT_TRUE(cache.set_networks({prefix("192.168.0.0/24")}));
    EXPECT_EQ(endpoint("b"), "192.168.0.2:51820");
}

TEST(PeerCache, ChangesNothingWhenToldTheSameAgain) {
    PeerCache cache = cache_with();
    const NodeInfo b = node({.name = "b", .addresses = {"192.168.0.2"}, .prefixes = {}, .key = 2});
    EXPECT_TRUE(cache.upsert(b));
    EXPECT_FALSE(cache.upsert(b));
    EXPECT_FALSE(cache.set_self(self_node()));
    EXPECT_FALSE(cache.remove("c"));
    EXPECT_TRUE(cache.remove("b"));
    EXPECT_TRUE(cache.peers().empty());
}

TEST(PeerCache, KeepsAnAbsentNodeAsItWasUntilItReturns) {
    PeerCache cache = cache_with();
    const NodeInfo b = node({.name = "b", .addresses = {"192.168.0.2"}, .prefixes = {}, .key = 2});
    EXPECT_FALSE(cache.set_away("b"));
    cache.upsert(b);
    EXPECT_TRUE(cache.set_away("b"));
    EXPECT_FALSE(cache.set_away("b"));
    EXPECT_TRUE(cache.peers().at("b").away);
    EXPECT_EQ(cache.peers().at("b").info, b);
    EXPECT_EQ(cache.take_changes().peers, Lines{"b"});
    EXPECT_TRUE(cache.upsert(b));
    EXPECT_FALSE(cache.peers().at("b").away);
    EXPECT_EQ(cache.take_changes().peers, Lines{"b"});
    EXPECT_FALSE(cache.upsert(b));
}

TEST(PeerCache, NeverTakesSelfForAPeer) {
    PeerCache cache = cache_with();
    cache.upsert(self_node());
    EXPECT_TRUE(cache.peers().empty());
    EXPECT_EQ(rejected(cache), Lines{});
}

TEST(PeerCache, ChoosesTheFirstAddressThatSelfCanReach) {
    PeerCache cache(node({.name = "self", .addresses = {"fd50::1"}, .prefixes = {}}), {});
    cache.upsert(node({.name = "b",
                       .addresses = {"192.168.0.2", "fe80::2", "fd50::2", "fd50::3"},
                       .prefixes = {}}));
    cache.upsert(node({.name = "c", .addresses = {"192.168.0.3"}, .prefixes = {}}));
    EXPECT_EQ(cache.peers().at("b").tunnels.front().endpoint->to_string(), "[fd50::2]:51820");
    EXPECT_EQ(cache.peers().at("c").tunnels.front().endpoint, std::nullopt);
}

TEST(PeerCache, GivesAPrefixClaimedTogetherToTheFirstByName) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "c", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    EXPECT_EQ(owned(cache, "b"), "10.1.0.0/24");
    EXPECT_EQ(owned(cache, "c"), "");
    EXPECT_EQ(rejected(cache), Lines{"c 10.1.0.0/24: belongs to b"});
}

TEST(PeerCache, LeavesAPrefixWithItsHolderUntilTheHolderGivesItUp) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "c", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    ASSERT_EQ(owned(cache, "c"), "10.1.0.0/24");
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    EXPECT_EQ(owned(cache, "c"), "10.1.0.0/24");
    EXPECT_EQ(rejected(cache), Lines{"b 10.1.0.0/24: belongs to c"});

    cache.upsert(node({.name = "c", .addresses = {}, .prefixes = {"10.2.0.0/24"}}));
    EXPECT_EQ(owned(cache, "b"), "10.1.0.0/24");
    EXPECT_EQ(owned(cache, "c"), "10.2.0.0/24");
    EXPECT_EQ(rejected(cache), Lines{});
}

TEST(PeerCache, MovesAPrefixWhenItsHolderLeaves) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    ASSERT_EQ(owned(cache, "b"), "10.1.0.0/24");
    cache.upsert(node({.name = "c", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    cache.remove("b");
    EXPECT_EQ(owned(cache, "c"), "10.1.0.0/24");
}

TEST(PeerCache, KeepsNestedPrefixesApart) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {"10.1.0.0/16"}}));
    cache.upsert(node({.name = "c", .addresses = {"10.1.0.7"}, .prefixes = {"10.1.1.0/24"}}));
    EXPECT_EQ(owned(cache, "b"), "10.1.0.0/16");
    EXPECT_EQ(owned(cache, "c"), "10.1.0.7/32(node) 10.1.1.0/24");
}

TEST(PeerCache, TreatsAnAddressListedAsPrefixAsAnAddress) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "b", .addresses = {"192.168.0.2"}, .prefixes = {"192.168.0.2/32"}}));
    EXPECT_EQ(owned(cache, "b"), "192.168.0.2/32(node)");
    EXPECT_EQ(rejected(cache), Lines{});
}

TEST(PeerCache, RefusesWhatNoPeerMayOwn) {
    PeerCache cache = cache_with({.cluster_prefixes = {prefix("10.0.0.0/8"), prefix("fd00::/8")}});
    cache.upsert(
        node({.name = "b",
              .addresses = {"192.168.0.1", "192.168.0.2", "127.0.0.1"},
              .prefixes = {"0.0.0.0/0", "::/0", "10.0.0.0/24", "10.0.0.128/25", "10.0.0.0/8",
                           "11.0.0.0/8", "128.0.0.0/1", "fe80::/64", "fd10::/64"}}));
    EXPECT_EQ(owned(cache, "b"), "10.0.0.0/8 192.168.0.2/32(node) fd10::/64");
    EXPECT_EQ(rejected(cache),
              (Lines{
                  "b 0.0.0.0/0: a default route is not a prefix of one node",
                  "b 10.0.0.0/24: belongs to this node",
                  "b 10.0.0.128/25: belongs to this node",
                  "b 11.0.0.0/8: outside cluster_prefixes",
                  "b 127.0.0.1/32: touches a loopback, link-local, multicast or reserved range",
                  "b 128.0.0.0/1: touches a loopback, link-local, multicast or reserved range",
                  "b 192.168.0.1/32: belongs to this node",
                  "b ::/0: a default route is not a prefix of one node",
                  "b fe80::/64: touches a loopback, link-local, multicast or reserved range",
              }));
}

TEST(PeerCache, RefusesPrefixesThatAreTooBroadUnlessTheClusterIsSaidToBe) {
    const NodeInfo greedy =
        node({.name = "b",
              .addresses = {},
              .prefixes = {"8.0.0.0/7", "10.0.0.0/8", "2000::/3", "fd00::/8", "fd10::/16",
                           "255.255.255.255/32", "::ffff:10.1.0.0/112"},
              .key = 2});
    PeerCache cache = cache_with();
    cache.upsert(greedy);
    EXPECT_EQ(owned(cache, "b"), "10.0.0.0/8 fd10::/16");
    EXPECT_EQ(
        rejected(cache),
        (Lines{
            "b 2000::/3: too broad for one node",
            "b 255.255.255.255/32: touches a loopback, link-local, multicast or reserved range",
            "b 8.0.0.0/7: too broad for one node",
            "b ::ffff:10.1.0.0/112: touches a loopback, link-local, multicast or reserved range",
            "b fd00::/8: too broad for one node",
        }));

    PeerCache told = cache_with({.cluster_prefixes = {prefix("8.0.0.0/6"), prefix("fc00::/7")}});
    told.upsert(greedy);
    EXPECT_EQ(owned(told, "b"), "8.0.0.0/7 10.0.0.0/8 fd00::/8 fd10::/16");
}

TEST(PeerCache, NeverReachesAPeerAtAnAddressOfOurs) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "b", .addresses = {"192.168.0.1"}, .prefixes = {}, .key = 2}));
    cache.upsert(
        node({.name = "c", .addresses = {"192.168.0.1", "fd50::3"}, .prefixes = {}, .key = 3}));
    EXPECT_EQ(cache.peers().at("b").tunnels.front().endpoint, std::nullopt);
    EXPECT_EQ(cache.peers().at("c").tunnels.front().endpoint->to_string(), "[fd50::3]:51820");
    EXPECT_EQ(rejected(cache), (Lines{"b 192.168.0.1/32: belongs to this node",
                                      "c 192.168.0.1/32: belongs to this node"}));
}

TEST(PeerCache, LeavesAnAddressWithTheNodeThatHasItAlready) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "c", .addresses = {"192.168.0.3"}, .prefixes = {}, .key = 3}));
    ASSERT_EQ(owned(cache, "c"), "192.168.0.3/32(node)");
    cache.upsert(
        node({.name = "b", .addresses = {"192.168.0.3"}, .prefixes = {"10.1.0.0/24"}, .key = 2}));
    EXPECT_EQ(owned(cache, "c"), "192.168.0.3/32(node)");
    EXPECT_EQ(owned(cache, "b"), "10.1.0.0/24");
    EXPECT_EQ(rejected(cache), Lines{"b 192.168.0.3/32: belongs to c"});
}

TEST(PeerCache, CountsWhatItDoesNotShowOfANodeThatClaimsTheWorld) {
    PeerCache cache = cache_with({.cluster_prefixes = {prefix("10.0.0.0/8")}});
    NodeInfo greedy = node({.name = "b", .addresses = {}, .prefixes = {"10.1.0.0/24"}, .key = 2});
    for (int third = 0; third < 200; ++third)
        greedy.prefixes.push_back(prefix("11.0." + std::to_string(third) + ".0/24"));
    cache.upsert(greedy);
    cache.upsert(node({.name = "c", .addresses = {}, .prefixes = {"11.0.0.0/24"}, .key = 3}));
    EXPECT_EQ(cache.rejections().size(), PeerCache::kShownRejections + 1);
    EXPECT_EQ(cache.rejection_count(), 201U);
    EXPECT_EQ(owned(cache, "b"), "10.1.0.0/24");
}

TEST(PeerCache, TakesAPrefixBackWhenSelfClaimsIt) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    ASSERT_EQ(owned(cache, "b"), "10.1.0.0/24");
    NodeInfo grown = self_node();
    grown.prefixes.push_back(prefix("10.1.0.0/24"));
    EXPECT_TRUE(cache.set_self(grown));
    EXPECT_EQ(owned(cache, "b"), "");
}

TEST(PeerCache, TrustsNeitherOfTwoClaimantsOfAKey) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {"10.1.0.0/24"}, .key = 2}));
    ASSERT_FALSE(cache.peers().at("b").tunnels.front().key_conflict);
    cache.upsert(node({.name = "c", .addresses = {}, .prefixes = {}, .key = 2}));
    EXPECT_TRUE(cache.peers().at("b").tunnels.front().key_conflict);
    EXPECT_TRUE(cache.peers().at("c").tunnels.front().key_conflict);
    EXPECT_EQ(owned(cache, "b"), "10.1.0.0/24");
    EXPECT_EQ(cache.rejections().size(), 2u);

    cache.upsert(node({.name = "c", .addresses = {}, .prefixes = {}, .key = 3}));
    EXPECT_FALSE(cache.peers().at("b").tunnels.front().key_conflict);
    EXPECT_EQ(rejected(cache), Lines{});
}

TEST(PeerCache, NeverTrustsAPeerWithOurOwnKey) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {}, .key = 1}));
    EXPECT_TRUE(cache.peers().at("b").tunnels.front().key_conflict);
}

TEST(PeerCache, SeesNoConflictBetweenNodesWithoutAKey) {
    PeerCache cache = cache_with();
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {}}));
    cache.upsert(node({.name = "c", .addresses = {}, .prefixes = {}}));
    EXPECT_FALSE(cache.peers().at("b").tunnels.front().key_conflict);
}

TEST(PeerCache, LetsNodesBeyondTheLimitWaitOutside) {
    PeerCache cache = cache_with({.max_peers = 2});
    cache.upsert(node({.name = "c", .addresses = {}, .prefixes = {}}));
    cache.upsert(node({.name = "d", .addresses = {}, .prefixes = {}}));
    ASSERT_EQ(cache.peers().size(), 2u);
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    EXPECT_EQ(cache.peers().size(), 2u);
    EXPECT_EQ(rejected(cache), Lines{"b b: there are more nodes than max_peers"});
    cache.remove("c");
    EXPECT_EQ(owned(cache, "b"), "10.1.0.0/24");
    EXPECT_EQ(rejected(cache), Lines{});
}

TEST(PeerCache, RefusesPrefixesBeyondTheLimitOfANode) {
    PeerCache cache = cache_with({.max_prefixes_per_node = 1});
    cache.upsert(node(
        {.name = "b", .addresses = {}, .prefixes = {"10.3.0.0/24", "10.1.0.0/24", "10.2.0.0/24"}}));
    EXPECT_EQ(owned(cache, "b"), "10.3.0.0/24");
    EXPECT_EQ(rejected(cache), Lines{"b 2 prefixes: the node claims more than 1 prefixes"});
}

TEST(PeerCache, KeepsASeededPrefixForItsNodeUntilTheSourceIsComplete) {
    PeerCache cache = cache_with();
    cache.seed_holder(prefix("10.1.0.0/24"), "c");
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    EXPECT_EQ(owned(cache, "b"), "");
    EXPECT_EQ(rejected(cache), Lines{"b 10.1.0.0/24: belongs to c"});
    cache.upsert(node({.name = "c", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    EXPECT_EQ(owned(cache, "c"), "10.1.0.0/24");
    cache.mark_complete();
    EXPECT_TRUE(cache.complete());
    EXPECT_EQ(owned(cache, "c"), "10.1.0.0/24");
}

TEST(PeerCache, PrefersTheSeededHolderAmongThoseToldBeforeCompletion) {
    PeerCache cache = cache_with();
    cache.seed_holder(prefix("10.1.0.0/24"), "c");
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    cache.upsert(node({.name = "c", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    cache.mark_complete();
    EXPECT_EQ(owned(cache, "c"), "10.1.0.0/24");
}

TEST(PeerCache, ForgetsUnclaimedSeedsWhenTheSourceIsComplete) {
    PeerCache cache = cache_with();
    cache.seed_holder(prefix("10.1.0.0/24"), "gone");
    cache.upsert(node({.name = "b", .addresses = {}, .prefixes = {"10.1.0.0/24"}}));
    cache.mark_complete();
    EXPECT_EQ(owned(cache, "b"), "10.1.0.0/24");
    cache.seed_holder(prefix("10.1.0.0/24"), "gone");
    EXPECT_EQ(owned(cache, "b"), "10.1.0.0/24");
}

// A node with a key and an endpoint in each of two tunnels.
NodeInfo dual(const std::string& name, std::uint8_t number) {
    const std::string n = std::to_string(number);
    NodeInfo info = node({.name = name,
                          .addresses = {"192.168.0." + n, "fd50::" + n},
                          .prefixes = {"10." + n + ".0.0/24", "fd10:" + n + "::/64"},
                          .key = number});
    info.public_key_v6 = key(static_cast<std::uint8_t>(100 + number));
    return info;
}

PeerCache per_family_cache() {
    return {dual("self", 9), {.per_family = true}};
}

TEST(PeerCachePerFamily, EachTunnelHasItsKeyItsEndpointAndThePrefixesOfItsFamily) {
    PeerCache cache = per_family_cache();
    cache.upsert(dual("b", 2));
    const CachedPeer& b = cache.peers().at("b");
    ASSERT_EQ(b.tunnels.size(), 2U);
    EXPECT_EQ(b.tunnels[0].public_key, key(2));
    EXPECT_EQ(b.tunnels[0].endpoint->to_string(), "192.168.0.2:51820");
    EXPECT_EQ(b.tunnels[1].public_key, key(102));
    EXPECT_EQ(b.tunnels[1].endpoint->to_string(), "[fd50::2]:51821");
    ASSERT_EQ(prefixes_in(b, 0).size(), 2U);
    EXPECT_EQ(prefixes_in(b, 0)[0].first, prefix("10.2.0.0/24"));
    EXPECT_EQ(prefixes_in(b, 0)[1].first, prefix("192.168.0.2/32"));
    ASSERT_EQ(prefixes_in(b, 1).size(), 2U);
    EXPECT_EQ(prefixes_in(b, 1)[0].first, prefix("fd10:2::/64"));
    EXPECT_EQ(prefixes_in(b, 1)[1].first, prefix("fd50::2/128"));
}

TEST(PeerCachePerFamily, AConflictOfKeysIsOneOfItsTunnelAlone) {
    PeerCache cache = per_family_cache();
    NodeInfo c = dual("c", 3);
    c.public_key_v6 = key(102);
    cache.upsert(dual("b", 2));
    cache.upsert(c);
    for (const char* name : {"b", "c"}) {
        EXPECT_TRUE(is_programmable(cache.peers().at(name).tunnels[0])) << name;
        EXPECT_TRUE(cache.peers().at(name).tunnels[1].key_conflict) << name;
    }
    EXPECT_EQ(cache.rejections().size(), 2U);
    c.public_key_v6 = key(2);  // which b has in the other tunnel
    cache.upsert(c);
    for (const char* name : {"b", "c"}) {
        EXPECT_TRUE(is_programmable(cache.peers().at(name).tunnels[0])) << name;
        EXPECT_TRUE(is_programmable(cache.peers().at(name).tunnels[1])) << name;
    }
    c.public_key_v6 = key(109);  // self has it
    cache.upsert(c);
    EXPECT_FALSE(cache.peers().at("b").tunnels[1].key_conflict);
    EXPECT_TRUE(cache.peers().at("c").tunnels[1].key_conflict);
}

TEST(PeerCachePerFamily, ANodeIsInTheTunnelsInWhichItHasSomething) {
    PeerCache cache = per_family_cache();
    NodeInfo no_v6_key = dual("b", 2);
    no_v6_key.public_key_v6.reset();
    cache.upsert(no_v6_key);
    cache.upsert(node({.name = "c", .addresses = {"192.168.0.3"}, .prefixes = {}, .key = 3}));
    cache.upsert(node({.name = "d", .addresses = {"fd50::4"}, .prefixes = {"fd10:4::/64"}}));
    cache.upsert(node({.name = "e", .addresses = {}, .prefixes = {}}));
    using Tunnels = std::vector<TunnelIndex>;
    EXPECT_EQ(tunnels_of(cache.peers().at("b")), (Tunnels{0, 1}));
    EXPECT_FALSE(is_programmable(cache.peers().at("b").tunnels[1]));
    EXPECT_EQ(tunnels_of(cache.peers().at("c")), (Tunnels{0}));
    EXPECT_EQ(tunnels_of(cache.peers().at("d")), (Tunnels{1}));
    EXPECT_EQ(tunnels_of(cache.peers().at("e")), (Tunnels{0}));
}

}  // namespace
}  // namespace wgs
