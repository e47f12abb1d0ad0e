// SPDX-License-Identifier: Apache-2.0
#include "model/prefix_rules.h"

#include <algorithm>
#include <array>
#include <span>
#include <tuple>

namespace wgs {
namespace {

// RFC 1122 3.2.1.3, RFC 3927, RFC 5771, RFC 1112 4 (which the programs leave alone as well) and
// RFC 4291 2.5-2.7.
const std::array<Prefix, 10>& reserved_prefixes() {
    static const std::array<Prefix, 10> kPrefixes = {
        Prefix::parse("0.0.0.0/8").value(),      Prefix::parse("127.0.0.0/8").value(),
        Prefix::parse("169.254.0.0/16").value(), Prefix::parse("224.0.0.0/4").value(),
        Prefix::parse("240.0.0.0/4").value(),    Prefix::parse("::/128").value(),
        Prefix::parse("::1/128").value(),        Prefix::parse("::ffff:0:0/96").value(),
        Prefix::parse("fe80::/10").value(),      Prefix::parse("ff00::/8").value()};
    return kPrefixes;
}

// No node's pods fill half of the private IPv4 addresses, or a /16 of IPv6.
constexpr int kBroadest4 = 8;
constexpr int kBroadest6 = 16;

bool is_too_broad(const Prefix& prefix) {
    return prefix.length() < (prefix.family() == Family::v4 ? kBroadest4 : kBroadest6);
}

bool overlap(const Prefix& a, const Prefix& b) {
    return a.contains(b) || b.contains(a);
}

bool any_contains(const std::vector<Prefix>& prefixes, const Prefix& prefix) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](const Prefix& other) { return other.contains(prefix); });
}

// Class `node` comes before `pod`, so that an address which is listed as a prefix stays an address.
void sort_and_unite(ClassedPrefixes& claims) {
    const auto rank = [](const auto& claim) {
        return std::tuple<const Prefix&, bool>(claim.first, claim.second == PrefixClass::pod);
    };
    std::sort(claims.begin(), claims.end(),
              [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
    claims.erase(std::unique(claims.begin(), claims.end(), same), claims.end());
}

}  // namespace

bool is_reserved(const Prefix& prefix) {
    return std::ranges::any_of(reserved_prefixes(),
                               [&](const Prefix& other) { return overlap(prefix, other); });
}

ClassedPrefixes PrefixRules::claims_of(const NodeInfo& node, const OnRefusal& on_refusal) const {
    ClassedPrefixes claims;
    const auto consider = [&](const Prefix& prefix, PrefixClass prefix_class) {
        const std::string_view reason = reason_to_refuse(prefix, prefix_class);
        if (reason.empty()) {
            claims.emplace_back(prefix, prefix_class);
        } else if (on_refusal) {
            on_refusal(prefix, reason);
        }
    };
    for (const IpAddress& address : node.addresses)
        consider(Prefix(address), PrefixClass::node);
    const std::size_t accepted = std::min(node.prefixes.size(), max_prefixes_);
    for (const Prefix& prefix : std::span(node.prefixes).first(accepted))
        consider(prefix, PrefixClass::pod);
    sort_and_unite(claims);
    return claims;
}

bool PrefixRules::is_own(const Prefix& prefix) const {
    const bool is_address = std::ranges::any_of(
        self_.addresses, [&](const IpAddress& address) { return Prefix(address) == prefix; });
    if (is_address) return true;
    const bool may_be_lent =
        lending_ == Lending::single_addresses && prefix.length() == prefix.address().bits();
    if (may_be_lent) return std::ranges::find(self_.prefixes, prefix) != self_.prefixes.end();
    return any_contains(self_.prefixes, prefix);
}

std::string_view PrefixRules::reason_to_refuse(const Prefix& prefix,
                                               PrefixClass prefix_class) const {
    if (prefix.length() == 0) return "a default route is not a prefix of one node";
    if (is_reserved(prefix)) return "touches a loopback, link-local, multicast or reserved range";
    if (is_own(prefix)) return "belongs to this node";
    if (prefix_class == PrefixClass::node) return {};
    if (cluster_prefixes_.empty())
        return is_too_broad(prefix) ? "too broad for one node" : std::string_view();
    if (!any_contains(cluster_prefixes_, prefix)) return "outside cluster_prefixes";
    return {};
}

}  // namespace wgs
