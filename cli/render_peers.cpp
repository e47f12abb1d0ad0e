// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "render.h"
#include "text.h"

namespace wgs::cli {
namespace {

using std::chrono::seconds;

// Beyond that a peer has too many for a line.
constexpr std::size_t kPrefixesOfALine = 4;
constexpr std::size_t kPrefixesOfAPage = 20;

// The worst first.
std::ptrdiff_t rank(const Json& peer) {
    static constexpr std::array<std::string_view, 4> kStates{"stalled", "conflict", "waiting",
                                                             "no_key"};
    const auto& state = peer.at("state").get_ref<const std::string&>();
    return std::ranges::find(kStates, state) - kStates.begin();
}

std::string render_way(const Json& way) {
    if (way.is_null()) return "none: there is no room for it in the tables";
    return fmt::format("by {}, packets of up to {} bytes", text_or_dash(way.at("device")),
                       way.at("mtu").get<unsigned>());
}

std::string render_alarms(const Json& alarms, seconds now) {
    std::string text;
    for (const Json& alarm : items(alarms)) {
        text +=
            fmt::format("{}  {}\n         {}, since {}; to do: {}\n",
                        alarm.at("severity") == "problem" ? "PROBLEM" : "WARNING",
                        alarm.at("message").get<std::string>(), alarm.at("kind").get<std::string>(),
                        age(alarm.at("since"), now), alarm.at("advice").get<std::string>());
    }
    return text.empty() ? text : text + "\n";
}

std::string render_reasons(const Json& reasons) {
    std::vector<Row> rows{{"DIRECTION", "PACKETS", "BYTES", "REASON"}};
    for (const Json& reason : items(reasons)) {
        const std::string advice = reason.at("advice").get<std::string>();
        rows.push_back({text_or_dash(reason.at("direction")), reason.at("packets").dump(),
                        bytes(reason.at("bytes")),
                        text_or_dash(reason.at("reason")) + ": " + text_or_dash(reason.at("text")) +
                            (advice.empty() ? "" : "; " + advice)});
    }
    return rows.size() == 1 ? "no packet has been seen\n" : table(rows);
}

std::string render_prefixes(const Json& prefixes) {
    std::vector<Row> rows;
    for (const Json& prefix : items(prefixes)) {
        if (rows.size() == kPrefixesOfAPage) {
            rows.push_back({"prefix", fmt::format("and {} more", prefixes.size() - rows.size())});
            break;
        }
        rows.push_back(
            {"prefix", text_or_dash(prefix.at("prefix")), text_or_dash(prefix.at("class"))});
    }
    return table(rows);
}

// An agent of an older version says nothing of it.
std::string render_crypto(const Json& peer) {
    const auto crypto = peer.find("crypto_latency");
    if (crypto == peer.end() || crypto->is_null())
        return "not measured (wireguard-go, or crypto_latency is off)";
    const auto samples = crypto->at("samples").get<std::uint64_t>();
    if (samples == 0) return "no sample yet";
    const auto time = [&](const char* key) { return short_time(crypto->at(key).get<double>()); };
    return fmt::format("half of the packets within {}, 99% within {}, mean {} ({} samples)",
                       time("p50_us"), time("p99_us"), time("mean_us"), samples);
}

}  // namespace

std::string render_peers(const Json& peers, seconds now) {
    std::vector<const Json*> sorted;
    for (const Json& peer : items(peers))
        sorted.push_back(&peer);
    std::ranges::stable_sort(sorted, {}, [](const Json* peer) { return rank(*peer); });
    std::vector<Row> rows{{"NAME", "STATE", "ENDPOINT", "HANDSHAKE", "RECEIVED", "SENT", "STEERED",
                           "DROPPED", "PREFIXES"}};
    for (const Json* peer : sorted) {
        rows.push_back({text_or_dash(peer->at("name")), text_or_dash(peer->at("state")),
                        text_or_dash(peer->at("endpoint")), age(peer->at("last_handshake"), now),
                        bytes(peer->at("rx_bytes")), bytes(peer->at("tx_bytes")),
                        text_or_dash(peer->at("steered_packets")),
                        text_or_dash(peer->at("dropped_packets")),
                        joined(peer->at("prefixes"), kPrefixesOfALine)});
    }
    return table(rows);
}

std::string render_peer(const Json& peer, seconds now) {
    const Json& endpoint = peer.at("endpoint");
    const Json& published = peer.at("published_endpoint");
    std::string reached = text_or_dash(endpoint);
    if (endpoint != published) reached += ", published as " + text_or_dash(published);
    return render_alarms(peer.at("alarms"), now) +
           table(
               {{"name", text_or_dash(peer.at("name"))},
                {"state", text_or_dash(peer.at("state"))},
                {"public key", text_or_dash(peer.at("public_key"))},
                {"endpoint", reached},
                {"addresses", joined(peer.at("addresses"), kPrefixesOfALine)},
                {"way", render_way(peer.at("way"))},
                {"handshake", age(peer.at("last_handshake"), now)},
                {"keepalive", peer.at("keepalive").get<int>() == 0
                                  ? "off"
                                  : duration(seconds(peer.at("keepalive").get<int>()))},
                {"received", bytes(peer.at("rx_bytes"))},
                {"sent", bytes(peer.at("tx_bytes"))},
                {"in WireGuard", render_crypto(peer)},
                {"dropped", fmt::format("{} packets", text_or_dash(peer.at("dropped_packets")))},
                {"in clear", fmt::format("{} packets", text_or_dash(peer.at("clear_packets")))}}) +
           "\n" + render_reasons(peer.at("reasons")) + "\n" +
           render_prefixes(peer.at("all_prefixes"));
}

}  // namespace wgs::cli
