// SPDX-License-Identifier: Apache-2.0
// Frames, messages of both generations, and parameters, one by one.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "felix/frames.h"
#include "felix/messages.h"
#include "felix/node_table.h"
#include "felix/parameters.h"
#include "plan_fixture.h"
#include "tests/support/felix_wire.h"

namespace wgs::test {
namespace {

using namespace std::chrono_literals;
using felix::FrameReader;

void feed(FrameReader& frames, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto room = frames.room();
        const std::size_t count = std::min(room.size(), bytes.size());
        std::memcpy(room.data(), bytes.data(), count);
        frames.filled(count);
        bytes.remove_prefix(count);
    }
}

TEST(FelixFrames, AreCutAtTheirBorders) {
    FrameReader frames;
    feed(frames, wire::frame("one") + wire::frame("") + wire::frame("three").substr(0, 10));
    EXPECT_EQ(frames.next().value(), "one");
    EXPECT_EQ(frames.next().value(), "");
    EXPECT_EQ(frames.next().value(), std::nullopt);
    EXPECT_FALSE(frames.at_border());
    feed(frames, wire::frame("three").substr(10));
    EXPECT_EQ(frames.next().value(), "three");
    EXPECT_TRUE(frames.at_border());
}

TEST(FelixFrames, OnesThatAreTooLargeArePassedOver) {
    FrameReader frames;
    const std::string large(FrameReader::kLargest + 1, 'x');
    const std::string stream = wire::frame(large) + wire::frame("next");
    std::size_t largest_room = 0;
    for (std::size_t at = 0; at < stream.size(); at += 50'000) {
        largest_room = std::max(largest_room, frames.room().size());
        feed(frames, std::string_view(stream).substr(at, 50'000));
        if (at + 50'000 < stream.size()) {
            EXPECT_EQ(frames.next().value(), std::nullopt);
        }
    }
    EXPECT_EQ(frames.next().value(), "next");
    EXPECT_EQ(frames.skipped(), 1U);
    EXPECT_LT(largest_room, 1U << 20);
}

TEST(FelixFrames, AnAnnouncedLengthTakesNoMemory) {
    FrameReader frames;
    feed(frames, wire::frame(std::string(FrameReader::kLargest, 'x')).substr(0, 100));
    EXPECT_EQ(frames.next().value(), std::nullopt);
    EXPECT_LT(frames.room().size(), 1U << 20);
}

TEST(FelixFrames, AnAbsurdLengthIsTheEnd) {
    FrameReader frames;
    feed(frames, std::string(8, '\x7f'));
    EXPECT_FALSE(frames.next());
}

TEST(FelixFrames, AreWrittenAsTheyAreRead) {
    EXPECT_EQ(felix::in_frame("payload"), wire::frame("payload"));
    EXPECT_EQ(felix::in_frame(std::string(300, 'x')), wire::frame(std::string(300, 'x')));
}

template <class T>
T read_as(felix::MessageReader& reader, std::string_view frame) {
    return std::get<T>(reader.read(frame.substr(8)).value());
}

TEST(FelixMessages, ARoutesTypeIsANumberOrASetOfBits) {
    felix::MessageReader reader;
    FelixSpeaker old(Generation::v3_29);
    FelixSpeaker recent(Generation::v3_33);
    for (const RouteType type :
         {RouteType::cidr_info, RouteType::remote_workload, RouteType::remote_host,
          RouteType::local_workload, RouteType::local_host, RouteType::remote_tunnel,
          RouteType::local_tunnel}) {
        const auto number = static_cast<unsigned>(type);
        const unsigned bits = number == 0 ? 0 : 1U << (number - 1);
        const auto before = read_as<felix::RouteUpdate>(reader, old.route("10.0.0.0/8", "n", type));
        const auto now = read_as<felix::RouteUpdate>(reader, recent.route("10.0.0.0/8", "n", type));
        EXPECT_EQ(before.types, bits);
        EXPECT_EQ(now.types, bits);
        EXPECT_EQ(now.destination, "10.0.0.0/8");
        EXPECT_EQ(now.node, "n");
    }
    // Bits combine, and those that nobody knows yet stay.
    const std::string several =
        recent.say(23, wire::text(3, "10.0.0.0/8") + wire::number(12, 0x11));
    EXPECT_EQ(read_as<felix::RouteUpdate>(reader, several).types, 0x11U);
    const std::string unknown = recent.say(23, wire::number(1, 77));
    EXPECT_EQ(read_as<felix::RouteUpdate>(reader, unknown).types, 0U);
}

TEST(FelixMessages, ARemovedHostLosesBothFamiliesUnlessTheyComeApart) {
    FelixSpeaker speaker(Generation::v3_33);
    const std::string removal = speaker.say(18, wire::text(1, "n"));
    felix::MessageReader recent;
    EXPECT_EQ(read_as<felix::HostRemove>(recent, removal).families, felix::Families::both);
    felix::MessageReader old;
    const auto v6 = read_as<felix::HostUpdate>(
        old, speaker.say(35, wire::text(1, "n") + wire::text(2, "fd00::1")));
    EXPECT_EQ(v6.ipv6, "fd00::1");
    EXPECT_EQ(read_as<felix::HostRemove>(old, removal).families, felix::Families::v4);
    EXPECT_EQ(read_as<felix::HostRemove>(old, speaker.say(36, wire::text(1, "n"))).families,
              felix::Families::v6);
    EXPECT_EQ(read_as<felix::HostRemove>(old, speaker.say(38, wire::text(1, "n"))).families,
              felix::Families::both);
}

felix::ReadParameters read(const std::map<std::string, std::string>& config) {
    return felix::read_parameters(config);
}

TEST(FelixParameters, DefaultsAreFelixs) {
    const auto parameters = read({}).parameters;
    EXPECT_FALSE(parameters.enabled());
    EXPECT_EQ(parameters.v4.port, 51820);
    EXPECT_EQ(parameters.v6.port, 51821);
    EXPECT_EQ(parameters.v4.device, "wireguard.cali");
    EXPECT_EQ(parameters.v6.device, "wg-v6.cali");
    EXPECT_EQ(parameters.v4.mtu, std::nullopt);
    EXPECT_EQ(parameters.rule_priority, 99);
    EXPECT_FALSE(parameters.hosts);
    EXPECT_FALSE(parameters.threaded_napi);
    EXPECT_EQ(parameters.keepalive, 0s);
}

TEST(FelixParameters, EachIsReadWhateverItsCase) {
    const auto [parameters, problems] = read({{"FelixHostname", "Node-7"},
                                              {"WireguardEnabled", "true"},
                                              {"wireguardenabledv6", "Yes"},
                                              {"WireguardListeningPort", "1000"},
                                              {"WireguardListeningPortV6", "0x7d0"},
                                              {"WireguardRoutingRulePriority", "100"},
                                              {"WireguardInterfaceName", "wg0"},
                                              {"WIREGUARDINTERFACENAMEV6", "wg6"},
                                              {"WireguardMTU", "1400"},
                                              {"WireguardMTUV6", "0"},
                                              {"WireguardHostEncryptionEnabled", "T"},
                                              {"WireguardPersistentKeepAlive", "24.5"},
                                              {"WireguardThreadingEnabled", "y"},
                                              {"BPFEnabled", "whatever"}});
    EXPECT_TRUE(problems.empty());
    EXPECT_EQ(parameters.node, "node-7");
    EXPECT_TRUE(parameters.v4.enabled && parameters.v6.enabled);
    EXPECT_EQ(parameters.v4.port, 1000);
    EXPECT_EQ(parameters.v6.port, 2000);
    EXPECT_EQ(parameters.rule_priority, 100);
    EXPECT_EQ(parameters.v4.device, "wg0");
    EXPECT_EQ(parameters.v6.device, "wg6");
    EXPECT_EQ(parameters.v4.mtu, 1400U);
    EXPECT_EQ(parameters.v6.mtu, std::nullopt);
    EXPECT_TRUE(parameters.hosts);
    EXPECT_EQ(parameters.keepalive, 25s);
    EXPECT_TRUE(parameters.threaded_napi);
}

TEST(FelixParameters, WhatIsNoValueIsToldAndTheDefaultHolds) {
    const auto [parameters, problems] = read({{"WireguardEnabled", "perhaps"},
                                              {"WireguardListeningPort", "65536"},
                                              {"WireguardListeningPortV6", "0"},
                                              {"WireguardRoutingRulePriority", "32766"},
                                              {"WireguardInterfaceName", "sixteen-letters-"},
                                              {"WireguardInterfaceNameV6", "a/b"},
                                              {"WireguardMTU", "-1"},
                                              {"WireguardMTUV6", "100"},
                                              {"WireguardPersistentKeepAlive", "nan"},
                                              {"FelixHostname", "-"}});
    EXPECT_EQ(problems.size(), 10U);
    EXPECT_EQ(parameters, felix::Parameters());
}

TEST(FelixParameters, WithoutIpv6SupportThereIsNoIpv6) {
    const std::map<std::string, std::string> config = {{"WireguardEnabledV6", "true"},
                                                       {"Ipv6Support", "false"}};
    EXPECT_FALSE(read(config).parameters.enabled());
}

// A driver with both families: what is of one does not touch the other.
class BothFamilies : public testing::Test {
  protected:
    BothFamilies() : table("node-a", parameters()) {}
    static felix::Parameters parameters() {
        felix::Parameters parameters;
        parameters.v4.enabled = true;
        parameters.v6.enabled = true;
        return parameters;
    }
    felix::NodeTable table;
};

TEST_F(BothFamilies, RemovingOnesAddressLeavesTheOthers) {
    ASSERT_TRUE(
        table.apply(felix::HostUpdate{.node = "n", .ipv4 = "192.0.2.2/24", .ipv6 = "fd00::2/64"}));
    EXPECT_EQ(table.node("n")->addresses, (std::vector{ip("192.0.2.2"), ip("fd00::2")}));
    ASSERT_TRUE(table.apply(felix::HostRemove{.node = "n", .families = felix::Families::v6}));
    EXPECT_EQ(table.node("n")->addresses, std::vector{ip("192.0.2.2")});
    ASSERT_TRUE(table.apply(felix::HostRemove{.node = "n", .families = felix::Families::v4}));
    EXPECT_EQ(table.node("n"), std::nullopt);
}

TEST_F(BothFamilies, EachHasItsKeyAndItsPort) {
    ASSERT_TRUE(table.apply(felix::EndpointUpdate{.family = Family::v4,
                                                  .node = "n",
                                                  .public_key = key(4).to_base64(),
                                                  .interface_address = "10.1.0.1"}));
    ASSERT_TRUE(table.apply(felix::EndpointUpdate{.family = Family::v6,
                                                  .node = "n",
                                                  .public_key = key(6).to_base64(),
                                                  .interface_address = "fd00::1"}));
    EXPECT_EQ(table.node("n")->public_key, key(4));
    EXPECT_EQ(table.node("n")->public_key_v6, key(6));
    EXPECT_EQ(table.node("n")->port, 51820);
    EXPECT_EQ(table.node("n")->port_v6, 51821);
    ASSERT_TRUE(table.apply(felix::EndpointRemove{.family = Family::v4, .node = "n"}));
    EXPECT_EQ(table.node("n")->public_key, std::nullopt);
    EXPECT_EQ(table.node("n")->public_key_v6, key(6));
}

TEST(FelixParameters, TheFamilyThatIsAloneHasTheFirstTunnel) {
    const std::map<std::string, std::string> v6 = {{"WireguardEnabledV6", "true"},
                                                   {"WireguardMTUV6", "1300"}};
    Config config;
    felix::apply_parameters(read(v6).parameters, config);
    EXPECT_FALSE(config.wireguard.per_family);
    EXPECT_EQ(config.wireguard.device, "wg-v6.cali");
    EXPECT_EQ(config.wireguard.port, 51821);
    EXPECT_EQ(config.wireguard.mtu, 1300U);

    std::map<std::string, std::string> both = v6;
    both["WireguardEnabled"] = "true";
    felix::apply_parameters(read(both).parameters, config);
    EXPECT_TRUE(config.wireguard.per_family);
    EXPECT_EQ(config.wireguard.device, "wireguard.cali");
    EXPECT_EQ(config.wireguard.device_v6, "wg-v6.cali");
    EXPECT_EQ(config.wireguard.port_v6, 51821);
    EXPECT_EQ(config.wireguard.mtu, std::nullopt);
    EXPECT_EQ(config.wireguard.mtu_v6, 1300U);
}

TEST_F(BothFamilies, HostBitsOfADestinationDoNotCount) {
    ASSERT_TRUE(table.apply(felix::RouteUpdate{
        .destination = "fd10::7/64", .node = "n", .types = felix::kRemoteWorkload}));
    EXPECT_EQ(table.node("n")->prefixes, std::vector{prefix("fd10::/64")});
}

}  // namespace
}  // namespace wgs::test
