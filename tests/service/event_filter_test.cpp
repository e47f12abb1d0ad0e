// SPDX-License-Identifier: Apache-2.0
#include "service/event_filter.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

namespace wgs {
namespace {

using Query = std::map<std::string, std::string>;

EventFilter parsed(const Query& query) {
    auto filter = parse_event_filter(query);
    EXPECT_TRUE(filter) << filter.error().message;
    return filter.value_or(EventFilter{});
}

std::string error_of(const Query& query) {
    const auto filter = parse_event_filter(query);
    return filter ? "" : filter.error().message;
}

constexpr std::uint64_t bit(unsigned number) {
    return 1ULL << number;
}

TEST(EventFilter, WithoutArgumentsIsEverythingButOuterPackets) {
    const wgs_listener listener = to_listener(parsed({}), {});
    EXPECT_EQ(listener.verdicts, ~0U);
    EXPECT_EQ(listener.hooks, ~0U);
    EXPECT_EQ(listener.reasons, ~(bit(WGS_REASON_outer) | bit(WGS_REASON_outer_in)));
    EXPECT_EQ(listener.chance, ~0U);
    EXPECT_EQ(listener.flags, WGS_LISTEN_ONCE);
    EXPECT_EQ(listener.family, 0);
}

TEST(EventFilter, OuterPacketsComeWhenAskedForOrNamed) {
    EXPECT_EQ(parsed({{"outer", "1"}}).reasons, ~0ULL);
    EXPECT_EQ(parsed({{"outer", "0"}}).reasons, parsed({}).reasons);
    EXPECT_EQ(parsed({{"reason", "outer"}}).reasons, bit(WGS_REASON_outer));
}

TEST(EventFilter, ListsBecomeBits) {
    const EventFilter filter =
        parsed({{"verdict", "drop,pass"}, {"reason", "waiting,no_key"}, {"hook", "nic_in"}});
    EXPECT_EQ(filter.verdicts, 0b101U);
    EXPECT_EQ(filter.reasons, bit(WGS_REASON_waiting) | bit(WGS_REASON_no_key));
    EXPECT_EQ(filter.hooks, bit(WGS_HOOK_NIC_IN));
    EXPECT_TRUE(filter.twice) << "who asks for a hook wants all of it";
}

TEST(EventFilter, PrefixesBecomeMasks) {
    const wgs_listener v4 = to_listener(parsed({{"prefix", "10.2.240.0/20"}}), {});
    EXPECT_EQ(v4.family, 4);
    EXPECT_EQ(v4.address[0], inet_addr("10.2.240.0"));
    EXPECT_EQ(v4.mask[0], inet_addr("255.255.240.0"));
    EXPECT_EQ(v4.mask[1], 0U);
    const wgs_listener v6 = to_listener(parsed({{"prefix", "fd10:2::/65"}}), {});
    EXPECT_EQ(v6.family, 6);
    EXPECT_EQ(v6.mask[1], ~0U);
    EXPECT_EQ(v6.mask[2], htonl(0x80000000));
    EXPECT_EQ(to_listener(parsed({{"prefix", "10.2.0.1"}}), {}).mask[0], ~0U) << "one address";
    EXPECT_EQ(to_listener(parsed({{"prefix", "0.0.0.0/0"}}), {}).mask[0], 0U);
}

TEST(EventFilter, TheRestIsTakenAsItIs) {
    const EventFilter filter = parsed({{"port", "443"},
                                       {"proto", "tcp"},
                                       {"sample", "1000"},
                                       {"first", "1"},
                                       {"snaplen", "128"},
                                       {"peer", "node-b"}});
    const wgs_listener listener = to_listener(filter, {9, 12});
    EXPECT_EQ(listener.port, 443);
    EXPECT_EQ(listener.protocol, IPPROTO_TCP);
    EXPECT_EQ(listener.peer, 9U);
    EXPECT_EQ(listener.peer_too, 12U) << "the node in the other tunnel";
    EXPECT_EQ(listener.chance, ~0U / 1000);
    EXPECT_EQ(listener.flags, WGS_LISTEN_ONCE | WGS_LISTEN_FIRST | WGS_LISTEN_TO_DROPS);
    EXPECT_EQ(filter.snapshot, 128U);
    EXPECT_EQ(filter.peer, "node-b");
}

TEST(EventFilter, WhatIsUnknownIsAnError) {
    EXPECT_NE(error_of({{"verdict", "maybe"}}).find("drop pass steer"), std::string::npos);
    EXPECT_NE(error_of({{"reason", "steered,"}}), "");
    EXPECT_NE(error_of({{"hook", "wgs_nic_out"}}).find("nic_out"), std::string::npos);
    EXPECT_NE(error_of({{"port", "65536"}}), "");
    EXPECT_NE(error_of({{"port", "0"}}), "");
    EXPECT_NE(error_of({{"sample", "0"}}), "");
    EXPECT_NE(error_of({{"snaplen", "16385"}}), "");
    EXPECT_NE(error_of({{"proto", "quic"}}), "");
    EXPECT_NE(error_of({{"prefix", "10.0.0.1/8"}}), "") << "host bits are set";
    EXPECT_NE(error_of({{"first", "yes"}}), "");
    EXPECT_NE(error_of({{"colour", "red"}}).find("colour"), std::string::npos);
}

TEST(EventFilter, ThePolicySaysWhatMayBeDropped) {
    const std::uint64_t prefer = reasons_to_drop(Policy::prefer);
    const std::uint64_t require = reasons_to_drop(Policy::require);
    EXPECT_EQ(prefer & require, prefer);
    EXPECT_TRUE(prefer & bit(WGS_REASON_too_big));
    EXPECT_FALSE(prefer & bit(WGS_REASON_waiting));
    EXPECT_TRUE(require & bit(WGS_REASON_waiting));
    EXPECT_TRUE(require & bit(WGS_REASON_clear_in));
    EXPECT_FALSE(require & (bit(WGS_REASON_steered) | bit(WGS_REASON_decrypted)))
        << "what is common must cost nothing";
}

}  // namespace
}  // namespace wgs
