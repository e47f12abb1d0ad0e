// SPDX-License-Identifier: Apache-2.0
#include "service/event_line.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

namespace wgs {
namespace {

using Json = nlohmann::json;

class EventLines : public testing::Test {
  protected:
    wgs_event event_{.time = 1'000,
                     .source = {inet_addr("10.1.0.10")},
                     .destination = {inet_addr("10.2.0.10")},
                     .source_port = 40000,
                     .destination_port = 80,
                     .family = 4,
                     .protocol = 6,
                     .hook = WGS_HOOK_NIC_OUT,
                     .verdict = 1,
                     .reason = WGS_REASON_steered,
                     .peer = 8,
                     .ifindex = 2,
                     .length = 60,
                     .mark = 7,
                     .flow_hash = 99};
    std::string peer_ = "node-b";
    int asked_ = 0;
    EventNames names_{[this](PeerId id) {
                          ++asked_;
                          return id == 8 ? peer_ : "";
                      },
                      [](std::uint32_t index) { return "eth" + std::to_string(index); },
                      {"wgsteer0", "wgsteer0-v6"}};

    Json line(std::span<const std::uint8_t> snapshot = {}) {
        const std::string text = event_line(event_, snapshot, 1'700'000'000'000'000'000, names_);
        EXPECT_EQ(text.find('\n'), text.size() - 1) << "one line";
        return Json::parse(text);
    }
};

TEST_F(EventLines, HaveNamesForNumbers) {
    EXPECT_EQ(line(), (Json{{"time_ns", 1'700'000'000'000'001'000},
                            {"hook", "nic_out"},
                            {"device", "eth2"},
                            {"verdict", "steer"},
                            {"reason", "steered"},
                            {"peer", "node-b"},
                            {"tunnel", "wgsteer0"},
                            {"source", "10.1.0.10"},
                            {"source_port", 40000},
                            {"destination", "10.2.0.10"},
                            {"destination_port", 80},
                            {"protocol", 6},
                            {"length", 60},
                            {"mark", 7},
                            {"flow_hash", 99}}));
}

TEST_F(EventLines, SayNullWhereThereIsNothing) {
    event_.family = 0;
    event_.peer = 0;
    event_.verdict = 2;
    const Json json = line();
    for (const char* key : {"source", "destination", "peer", "tunnel"})
        EXPECT_TRUE(json[key].is_null()) << key;
    EXPECT_EQ(json["verdict"], "drop");
}

TEST_F(EventLines, KnowIpv6) {
    event_.family = 6;
    inet_pton(AF_INET6, "fd10:2::10", event_.destination);
    EXPECT_EQ(line()["destination"], "fd10:2::10");
}

TEST_F(EventLines, NameTheTunnelThatThePacketWentBy) {
    event_.tunnel = 1;
    EXPECT_EQ(line()["tunnel"], "wgsteer0-v6");
    event_.tunnel = 2;
    EXPECT_TRUE(line()["tunnel"].is_null()) << "of a newer program";
    event_.hook = WGS_HOOK_WG_IN;
    EXPECT_EQ(line()["tunnel"], "eth2") << "the device that it came out of";
}

TEST_F(EventLines, CarrySnapshotsInBase64) {
    const std::array<std::uint8_t, 4> bytes{0x45, 0, 0xff, 0xfe};
    EXPECT_EQ(line(bytes)["snapshot"], "RQD//g==");
    EXPECT_FALSE(line().contains("snapshot"));
}

TEST_F(EventLines, SurviveAnyName) {
    peer_ = "a\"b\\c\n\xff";
    EXPECT_EQ(line()["peer"], "a\"b\\c\n\xef\xbf\xbd");
}

TEST_F(EventLines, RememberNamesUntilTheyAreToForget) {
    static_cast<void>(line());
    peer_ = "node-c";
    EXPECT_EQ(line()["peer"], "node-b");
    EXPECT_EQ(asked_, 1);
    names_.forget();
    EXPECT_EQ(line()["peer"], "node-c");
}

TEST_F(EventLines, UnknownNumbersOfNewerProgramsAreNoReasonToFall) {
    event_.reason = 60;
    event_.hook = 77;
    event_.verdict = 9;
    EXPECT_EQ(line()["reason"], "none");
}

}  // namespace
}  // namespace wgs
