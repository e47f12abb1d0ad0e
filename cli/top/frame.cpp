// SPDX-License-Identifier: Apache-2.0
#include "cli/top/frame.h"

#include <algorithm>

#include "cli/text.h"
#include "cli/top/head.h"
#include "cli/top/layout.h"

namespace wgs::cli {
namespace {

// Room for every column.
constexpr std::size_t kWidth = 160;

std::vector<const TopPeer*> first_rows(const TopModel& model, const TopOrder& order,
                                       std::size_t peers) {
    auto rows = model.rows(order);
    rows.resize(std::min(rows.size(), peers));
    return rows;
}

std::string without_blanks_at_end(std::string text) {
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

Json to_json(const TopPeer& peer) {
    Json row{{"name", peer.key.name},
             {"tunnel", peer.key.tunnel},
             {"state", peer.state},
             {"last_handshake", peer.handshake ? Json(*peer.handshake) : Json()}};
    const auto rate = [&](double TopRates::*member) {
        return peer.rates ? Json((*peer.rates).*member) : Json();
    };
    row["out_packets"] = rate(&TopRates::out_packets);
    row["out_bits"] = rate(&TopRates::out_bits);
    row["in_packets"] = rate(&TopRates::in_packets);
    row["in_bits"] = rate(&TopRates::in_bits);
    row["dropped_packets"] = rate(&TopRates::drops);
    row["clear_packets"] = rate(&TopRates::clear);
    return row;
}

}  // namespace

std::string plain_frame(const TopModel& model, const TopOrder& order, std::size_t peers,
                        std::chrono::seconds now) {
    const auto rows = first_rows(model, order, peers);
    std::size_t longest = 0;
    for (const TopPeer* peer : rows)
        longest = std::max(longest, peer->key.name.size());
    const TopLayout layout(kWidth, {.longest_name = longest,
                                    .tunnels = model.several_tunnels(),
                                    .crypto = model.times_packets(),
                                    .history = false});
    std::vector<TopLine> lines{top_title(model, kWidth), top_totals(model, kWidth),
                               top_alarm(model, kWidth), layout.heading()};
    for (const TopPeer* peer : rows)
        lines.push_back(layout.row(*peer, now, TopLetters::ascii));
    std::string text;
    for (const TopLine& line : lines)
        text += without_blanks_at_end(text_of(line)) + "\n";
    return text;
}

std::string json_frame(const TopModel& model, const TopOrder& order, std::size_t peers) {
    Json list = Json::array();
    for (const TopPeer* peer : first_rows(model, order, peers))
        list.push_back(to_json(*peer));
    const Json frame{{"node", model.node()},        {"policy", model.policy()},
                     {"in_sync", model.in_sync()},  {"alarms", model.alarms().size()},
                     {"seconds", model.interval()}, {"peers", std::move(list)}};
    return frame.dump(2) + "\n";
}

}  // namespace wgs::cli
