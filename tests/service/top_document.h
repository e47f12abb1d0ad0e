// SPDX-License-Identifier: Apache-2.0
// Documents of an agent as `wgsteer top` asks for them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace wgs::test {

struct TopRow {
    std::string name;
    std::string state = "ready";
    std::uint64_t out_packets = 0;
    std::uint64_t out_bytes = 0;
    std::uint64_t in_packets = 0;
    std::uint64_t in_bytes = 0;
    std::uint64_t dropped = 0;
    std::uint64_t clear = 0;
    nlohmann::json handshake = nullptr;
    std::string tunnel = "wgsteer0";
    nlohmann::json crypto_samples = nullptr;
    nlohmann::json crypto_us = nullptr;
};

// A document of /v1/top.
inline nlohmann::json top_document(std::int64_t milliseconds, const std::vector<TopRow>& rows,
                                   nlohmann::json alarms = nlohmann::json::array()) {
    auto peers = nlohmann::json::array();
    for (const TopRow& row : rows) {
        peers.push_back(nlohmann::json::array(
            {row.name, row.state, row.handshake, row.out_packets, row.out_bytes, row.in_packets,
             row.in_bytes, row.dropped, row.clear, row.tunnel, row.crypto_samples, row.crypto_us}));
    }
    return {{"node", "node-a"},
            {"policy", "require"},
            {"in_sync", true},
            {"milliseconds", milliseconds},
            {"alarms", std::move(alarms)},
            {"columns",
             {"name", "state", "last_handshake", "out_packets", "out_bytes", "in_packets",
              "in_bytes", "dropped", "clear", "tunnel", "crypto_samples", "crypto_us"}},
            {"peers", std::move(peers)}};
}

inline nlohmann::json stalled_alarm(const std::string& node) {
    return {{"kind", "stalled"},
            {"object", node},
            {"severity", "problem"},
            {"since", 1'700'000'000},
            {"message", "answers nothing"},
            {"advice", "look there"}};
}

// An entry of /v1/peers?name=NAME: so many packets have been steered to it.
inline nlohmann::json peer_document(const std::string& name, std::uint64_t steered,
                                    std::size_t prefixes = 1) {
    auto all = nlohmann::json::array();
    for (std::size_t i = 0; i < prefixes; ++i)
        all.push_back({{"prefix", "10.2." + std::to_string(i) + ".0/24"}, {"class", "pod"}});
    return nlohmann::json::array({{{"name", name},
                                   {"tunnel", "wgsteer0"},
                                   {"public_key", "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABc="},
                                   {"endpoint", "203.0.113.7:51820"},
                                   {"published_endpoint", "192.168.50.2:51820"},
                                   {"refused", nlohmann::json::array()},
                                   {"way", {{"device", "eth0"}, {"mtu", 1440}, {"id", 7}}},
                                   {"all_prefixes", all},
                                   {"alarms", nlohmann::json::array({stalled_alarm(name)})},
                                   {"reasons",
                                    {{{"reason", "steered"},
                                      {"direction", "out"},
                                      {"packets", steered},
                                      {"bytes", 100 * steered},
                                      {"text", "encrypted to the peer"},
                                      {"advice", ""}}}}}});
}

}  // namespace wgs::test
