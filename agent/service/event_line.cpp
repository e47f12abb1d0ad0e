// SPDX-License-Identifier: Apache-2.0
#include "service/event_line.h"

#include <fmt/format.h>
#include <sodium.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "bpf/lib/decide.h"
#include "model/ip.h"
#include "service/bpf_steering.h"
#include "service/counters.h"

namespace wgs {
namespace {

constexpr std::size_t kPrefixOfPrograms = 4;  // "wgs_"

std::string quoted(const std::string& text) {
    if (text.empty()) return "null";
    using Json = nlohmann::json;
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string address(const wgs_event& event, const __u32 (&words)[4]) {
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(words), sizeof words);
    switch (event.family) {
        case 4:
            return "\"" + IpAddress::v4(bytes.first<4>()).to_string() + "\"";
        case 6:
            return "\"" + IpAddress::v6(bytes.first<16>()).to_string() + "\"";
        default:
            return "null";
    }
}

std::string base64(std::span<const std::uint8_t> bytes) {
    constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
    std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
    sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), kVariant);
    text.pop_back();  // the terminating zero
    return text;
}

const std::string kNull = "null";

// What has come out of a tunnel was seen at its device.
const std::string& tunnel_of(const wgs_event& event, EventNames& names) {
    if (event.hook == WGS_HOOK_WG_IN) return names.device(event.ifindex);
    return event.verdict == WGS_VERDICT_STEER ? names.tunnel(event.tunnel) : kNull;
}

}  // namespace

EventNames::EventNames(Ask peer, Ask device, const std::vector<std::string>& tunnels)
    : peer_(std::move(peer)), device_(std::move(device)) {
    for (const std::string& tunnel : tunnels)
        tunnels_.push_back(quoted(tunnel));
}

const std::string& EventNames::tunnel(std::uint32_t index) const {
    return index < tunnels_.size() ? tunnels_[index] : kNull;
}

const std::string& EventNames::find(Known& known, const Ask& ask, std::uint32_t number) {
    const auto found = known.find(number);
    if (found != known.end()) return found->second;
    return known.emplace(number, quoted(ask(number))).first->second;
}

void EventNames::forget() {
    peers_.clear();
    devices_.clear();
}

std::string event_line(const wgs_event& event, std::span<const std::uint8_t> snapshot,
                       std::int64_t epoch, EventNames& names) {
    std::string line;
    fmt::format_to(
        std::back_inserter(line),
        R"({{"time_ns":{},"hook":"{}","device":{},"verdict":"{}","reason":"{}","peer":{},)"
        R"("tunnel":{},"source":{},"source_port":{},"destination":{},"destination_port":{},)"
        R"("protocol":{},"length":{},"mark":{},"flow_hash":{})",
        static_cast<std::int64_t>(event.time) + epoch,
        program_name(static_cast<wgs_hook>(event.hook)).substr(kPrefixOfPrograms),
        names.device(event.ifindex), to_string(static_cast<Verdict>(event.verdict)),
        reason_info(static_cast<wgs_reason>(event.reason)).name, names.peer(event.peer),
        tunnel_of(event, names), address(event, event.source), event.source_port,
        address(event, event.destination), event.destination_port, event.protocol, event.length,
        event.mark, event.flow_hash);
    if (!snapshot.empty()) line += ",\"snapshot\":\"" + base64(snapshot) + "\"";
    line += "}\n";
    return line;
}

std::string loss_line(std::uint64_t lost, std::uint64_t lost_by_reader) {
    return fmt::format("{{\"lost\":{},\"lost_by_reader\":{}}}\n", lost, lost_by_reader);
}

}  // namespace wgs
