// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/prefixes.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace wgs::bench {
namespace {

using Random = std::mt19937_64;
constexpr std::uint64_t kSeed = 20'26;
constexpr std::size_t kHot = 64;

constexpr std::uint32_t kPods4 = 10U << 24;                   // 10.0.0.0
constexpr std::uint32_t kNodes4 = (172U << 24) | (16 << 16);  // 172.16.0.0
constexpr std::size_t kPools6 = 64;

IpAddress ipv4(std::uint32_t address) {
    const std::array<std::uint8_t, 4> bytes{
        static_cast<std::uint8_t>(address >> 24), static_cast<std::uint8_t>(address >> 16),
        static_cast<std::uint8_t>(address >> 8), static_cast<std::uint8_t>(address)};
    return IpAddress::v4(bytes);
}

// fd`site`::/16, then 48 bits, then the interface.
IpAddress ipv6(std::uint8_t site, std::uint64_t subnet, std::uint64_t interface) {
    std::array<std::uint8_t, 16> bytes{0xfd, site};
    for (std::size_t i = 0; i < 6; ++i)
        bytes[2 + i] = static_cast<std::uint8_t>(subnet >> (40 - 8 * i));
    for (std::size_t i = 0; i < 8; ++i)
        bytes[8 + i] = static_cast<std::uint8_t>(interface >> (56 - 8 * i));
    return IpAddress::v6(bytes);
}

std::size_t share(std::size_t count, std::size_t percent) {
    return std::max<std::size_t>(1, count * percent / 100);
}

// /26 and /24 from 10.0.0.0 upwards, in the order of the dice.
void add_blocks4(std::vector<Prefix>& prefixes, std::size_t small, std::size_t large,
                 Random& random) {
    std::uint32_t next = kPods4;
    while (small + large > 0) {
        const std::size_t slots = (small + 3) / 4 + large;
        if (random() % slots < large) {
            prefixes.emplace_back(ipv4(next), 24);
            --large;
        } else {
            for (std::uint32_t part = 0; part < 4 && small > 0; ++part, --small)
                prefixes.emplace_back(ipv4(next + part * 64), 26);
        }
        next += 256;
    }
}

// Addresses that a block's node has lent to another one.
void add_borrowed(std::vector<Prefix>& prefixes, std::size_t count) {
    const std::size_t blocks = prefixes.size();
    for (std::size_t i = 0; i < count; ++i) {
        const auto bytes = prefixes[i * blocks / count].address().bytes();
        std::array<std::uint8_t, 16> address{};
        std::ranges::copy(bytes, address.begin());
        address.at(bytes.size() - 1) |= 5;
        prefixes.emplace_back(bytes.size() == 4 ? IpAddress::v4(std::span(address).first<4>())
                                                : IpAddress::v6(address));
    }
}

std::vector<Prefix> make4(std::size_t count, Random& random) {
    std::vector<Prefix> prefixes;
    const std::size_t nodes = share(count, 10);
    const std::size_t borrowed = share(count, 5);
    const std::size_t large = share(count, 25);
    add_blocks4(prefixes, count - nodes - borrowed - large, large, random);
    add_borrowed(prefixes, borrowed);
    for (std::uint32_t i = 0; i < nodes; ++i)
        prefixes.emplace_back(ipv4(kNodes4 + i));
    return prefixes;
}

std::vector<Prefix> make6(std::size_t count, Random& random) {
    std::vector<Prefix> prefixes;
    const std::size_t nodes = share(count, 10);
    const std::size_t borrowed = share(count, 5);
    const std::size_t large = share(count, 25);
    for (std::size_t i = 0; i < count - nodes - borrowed - large; ++i)
        prefixes.emplace_back(ipv6(0x10, random() % kPools6, random()), 122);
    add_borrowed(prefixes, borrowed);
    for (std::size_t i = 0; i < large; ++i)
        prefixes.emplace_back(ipv6(0x20, i, 0), 64);
    for (std::size_t i = 0; i < nodes; ++i)
        prefixes.emplace_back(ipv6(0x30, 0, i + 1));
    return prefixes;
}

wgs_destination6 any_address_of(const Prefix& prefix, Random& random) {
    std::array<std::uint8_t, 16> bytes{};
    std::ranges::copy(prefix.address().bytes(), bytes.begin());
    for (int bit = prefix.length(); bit < prefix.address().bits(); ++bit)
        if (random() & 1) bytes.at(static_cast<std::size_t>(bit / 8)) |= 0x80 >> (bit % 8);
    wgs_destination6 destination{};
    std::memcpy(destination.address, bytes.data(), bytes.size());
    return destination;
}

std::vector<wgs_destination6> repeat(std::vector<wgs_destination6> some) {
    const std::size_t distinct = some.size();
    some.resize(WGS_DESTINATIONS);
    for (std::size_t i = distinct; i < some.size(); ++i)
        some[i] = some[i % distinct];
    return some;
}

std::vector<wgs_destination6> make_random(const std::vector<OwnedPrefix>& prefixes,
                                          std::size_t distinct, Random& random) {
    std::vector<wgs_destination6> destinations(distinct);
    for (auto& destination : destinations)
        destination = any_address_of(prefixes[random() % prefixes.size()].prefix, random);
    return repeat(std::move(destinations));
}

std::vector<wgs_destination6> make_hot(const std::vector<OwnedPrefix>& prefixes, Random& random) {
    std::vector<wgs_destination6> hot(kHot);
    std::vector<double> weights(kHot);
    for (std::size_t k = 0; k < kHot; ++k) {
        hot[k] = any_address_of(prefixes[random() % prefixes.size()].prefix, random);
        weights[k] = 1.0 / static_cast<double>(k + 1);
    }
    std::discrete_distribution<std::size_t> which(weights.begin(), weights.end());
    std::vector<wgs_destination6> destinations(WGS_DESTINATIONS);
    for (auto& destination : destinations)
        destination = hot[which(random)];
    return destinations;
}

template <class Key>
Key key_of(const Prefix& prefix) {
    Key key{.length = static_cast<std::uint32_t>(prefix.length())};
    std::ranges::copy(prefix.address().bytes(), std::begin(key.address));
    return key;
}

}  // namespace

std::vector<OwnedPrefix> make_prefixes(Family family, std::size_t count, std::uint32_t nodes) {
    Random random(kSeed);
    const std::vector<Prefix> plain =
        family == Family::v4 ? make4(count, random) : make6(count, random);
    std::vector<OwnedPrefix> prefixes;
    for (const Prefix& prefix : plain) {
        const auto peer = WGS_PEER_FIRST + static_cast<std::uint32_t>(random() % nodes);
        prefixes.push_back({.prefix = prefix, .owner = WGS_OWNER(peer, WGS_CLASS_POD)});
    }
    std::ranges::shuffle(prefixes, random);
    return prefixes;
}

OwnedPrefix own_prefix(const Prefix& prefix, wgs_class prefix_class) {
    const auto number = static_cast<std::uint32_t>(prefix_class);
    return {.prefix = prefix, .owner = WGS_OWNER(WGS_PEER_SELF, number)};
}

std::string to_string(Choice choice) {
    return choice == Choice::random ? "random" : "hot";
}

std::vector<wgs_destination6> make_destinations(const std::vector<OwnedPrefix>& prefixes,
                                                Choice choice, std::size_t distinct) {
    Random random(kSeed + 1);
    return choice == Choice::random ? make_random(prefixes, distinct, random)
                                    : make_hot(prefixes, random);
}

std::vector<wgs_destination6> make_foreign_destinations(Family family) {
    const Prefix foreign =
        family == Family::v4
            ? Prefix(ipv4((198U << 24) | (18 << 16)), 15)
            : Prefix(IpAddress::v6(std::array<std::uint8_t, 16>{0x20, 1, 0, 2}), 48);
    return make_destinations({{.prefix = foreign}}, Choice::hot);
}

wgs_prefix4 key_of_ipv4(const Prefix& prefix) {
    return key_of<wgs_prefix4>(prefix);
}

wgs_prefix6 key_of_ipv6(const Prefix& prefix) {
    return key_of<wgs_prefix6>(prefix);
}

}  // namespace wgs::bench
