// SPDX-License-Identifier: Apache-2.0
// What `wgsteer monitor` and `capture` make of the agent's lines.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "cli/event.h"
#include "cli/expression.h"
#include "cli/flow_table.h"
#include "cli/pcapng.h"

namespace wgs::cli {
namespace {

using Json = nlohmann::json;

const std::string kLine =
    R"({"time_ns":1700000000123456789,"hook":"nic_out","device":"eth0","verdict":"drop",)"
    R"("reason":"waiting","peer":"node-b","tunnel":null,"source":"fd10:1::10","source_port":40000,)"
    R"("destination":"fd10:2::10","destination_port":443,"protocol":6,"length":60,"mark":0,)"
    R"("flow_hash":1,"snapshot":"YAA="})";

Event example() {
    return parse_event_line(kLine).event.value();
}

TEST(EventLine, IsReadBack) {
    const Event event = example();
    EXPECT_EQ(event.time_ns, 1'700'000'000'123'456'789) << "to the nanosecond";
    EXPECT_EQ(event.peer, "node-b");
    EXPECT_EQ(event.destination_port, 443);
    EXPECT_EQ(event.snapshot, (std::vector<std::uint8_t>{0x60, 0}));
}

TEST(EventLine, TellsOfLosses) {
    const EventLine line = parse_event_line(R"({"lost":3,"lost_by_reader":4})");
    ASSERT_TRUE(line.losses);
    EXPECT_EQ(line.losses->total(), 7U);
    EXPECT_FALSE(line.event);
}

TEST(EventLine, OfAnotherShapeIsNothing) {
    for (const char* text : {"", "{", "[]", "{}", R"({"verdict":7})", "null"}) {
        const EventLine line = parse_event_line(text);
        EXPECT_FALSE(line.losses) << text;
        EXPECT_EQ(line.event.value_or(Event{}).verdict, "") << text;
    }
}

TEST(Monitor, LinesAreAlignedAndHaveNoColourUnlessAsked) {
    Event other = example();
    other.verdict = "steer";
    other.reason = "steered";
    other.peer = "";
    const std::string left = render_event(example(), Colour::off);
    const std::string right = render_event(other, Colour::off);
    EXPECT_EQ(left.find("nic_out"), right.find("nic_out"));
    EXPECT_EQ(left.find("nic_out"), event_headings().find("HOOK"));
    EXPECT_NE(left.find("drop  waiting"), std::string::npos) << left;
    EXPECT_NE(left.find("tcp   [fd10:1::10]:40000 > [fd10:2::10]:443 60\n"), std::string::npos)
        << left;
    EXPECT_EQ(left.find('\x1b'), std::string::npos);
    EXPECT_NE(render_event(example(), Colour::on).find("\x1b[31mdrop \x1b[0m"), std::string::npos);
}

TEST(Monitor, FlowsAreSummedUp) {
    FlowTable flows;
    Event event = example();
    flows.add(event);
    event.verdict = "steer";
    event.reason = "steered";
    event.time_ns += 500'000'000;
    flows.add(event);
    event.destination_port = 80;
    event.length = 1000;
    flows.add(event);
    const Json json = Json::parse(flows.json());
    ASSERT_EQ(json.size(), 2U);
    EXPECT_EQ(json[0]["bytes"], 1000) << "the largest first";
    EXPECT_EQ(json[1]["packets"], 2);
    EXPECT_EQ(json[1]["verdicts"], (Json{{"drop waiting", 1}, {"steer steered", 1}}));
    EXPECT_EQ(json[1]["last_ns"].get<std::int64_t>() - json[1]["first_ns"].get<std::int64_t>(),
              500'000'000);
    EXPECT_NE(flows.text().find("1 drop waiting, 1 steer steered"), std::string::npos);
}

TEST(Monitor, FlowsWithoutEndTakeNoMemoryWithoutEnd) {
    FlowTable flows;
    Event event = example();
    for (std::size_t i = 0; i < FlowTable::kMostFlows + 5; ++i) {
        event.source = std::to_string(i);
        flows.add(event);
    }
    EXPECT_NE(flows.text().find("5 packets of further flows"), std::string::npos);
}

TEST(Expression, JudgesBareIpPackets) {
    std::vector<std::uint8_t> packet(40, 0);
    packet[0] = 0x45;
    packet[9] = 6;  // TCP
    packet[23] = 80;
    EXPECT_TRUE(Expression::compile("tcp dst port 80").value().matches(packet, 40));
    EXPECT_FALSE(Expression::compile("tcp dst port 81").value().matches(packet, 40));
    EXPECT_FALSE(Expression::compile("ip6").value().matches(packet, 40));
    EXPECT_TRUE(Expression::compile("greater 1000").value().matches(packet, 1000));
    EXPECT_FALSE(Expression::compile("tcp").value().matches({}, 40)) << "nothing to be judged";
}

TEST(Expression, SaysWhatIsWrong) {
    const auto wrong = Expression::compile("tcp prot 80");
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().message.find("syntax error"), std::string::npos);
    EXPECT_FALSE(Expression::compile("ether host 02:00:00:00:00:01"));
}

// The blocks of a capture: type and content.
std::vector<std::pair<std::uint32_t, std::string>> blocks_of(const std::string& bytes) {
    std::vector<std::pair<std::uint32_t, std::string>> blocks;
    for (std::size_t at = 0; at < bytes.size();) {
        std::uint32_t type = 0;
        std::uint32_t size = 0;
        std::uint32_t again = 0;
        std::memcpy(&type, &bytes.at(at), 4);
        std::memcpy(&size, &bytes.at(at + 4), 4);
        if (size < 12 || size % 4 != 0 || at + size > bytes.size())
            throw std::runtime_error("block of " + std::to_string(size) + " bytes");
        std::memcpy(&again, &bytes.at(at + size - 4), 4);
        EXPECT_EQ(size, again);
        blocks.emplace_back(type, bytes.substr(at + 8, size - 12));
        at += size;
    }
    return blocks;
}

TEST(Capture, DescribesEachInterfaceOnce) {
    const std::vector<std::uint8_t> bytes{0x45, 0, 0, 29, 5};
    CapturedPacket packet{.time_ns = 1,
                          .device = "eth0",
                          .hook = "nic_out",
                          .direction = PacketDirection::out,
                          .bytes = bytes,
                          .length = 29,
                          .comment = "steer: steered"};
    Pcapng format;
    std::string file = Pcapng::header();
    file += format.packet(packet);
    file += format.packet(packet);
    packet.hook = "nic_in";
    file += format.packet(packet);
    const auto blocks = blocks_of(file);
    std::vector<std::uint32_t> types;
    for (const auto& [type, content] : blocks)
        types.push_back(type);
    EXPECT_EQ(types, (std::vector<std::uint32_t>{0x0a0d0d0a, 1, 6, 6, 1, 6}));
    EXPECT_NE(blocks[1].second.find("eth0"), std::string::npos);
    EXPECT_NE(blocks[2].second.find("steer: steered"), std::string::npos);
    EXPECT_EQ(blocks[5].second[0], 1) << "the second interface";
}

}  // namespace
}  // namespace wgs::cli
