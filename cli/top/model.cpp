// SPDX-License-Identifier: Apache-2.0
#include "cli/top/model.h"

#include <algorithm>
#include <set>

#include "cli/text.h"

namespace wgs::cli {

// Where a row has what.
struct TopModel::Columns {
    explicit Columns(const Json& names) {
        for (std::size_t i = 0; i < items(names).size(); ++i)
            positions[items(names)[i].get<std::string>()] = i;
    }
    [[nodiscard]] const Json& cell(const Json& row, const char* name) const {
        return row.at(positions.at(name).get<std::size_t>());
    }
    [[nodiscard]] std::uint64_t count(const Json& row, const char* name) const {
        return cell(row, name).get<std::uint64_t>();
    }
    // None: null, or an agent of an older version.
    [[nodiscard]] std::optional<std::uint64_t> count_if_any(const Json& row,
                                                            const char* name) const {
        if (!positions.contains(name) || cell(row, name).is_null()) return std::nullopt;
        return count(row, name);
    }
    Json positions = Json::object();
};

namespace {

std::vector<TopAlarm> read_alarms(const Json& list) {
    std::vector<TopAlarm> alarms;
    for (const Json& alarm : items(list)) {
        alarms.push_back({.problem = alarm.at("severity") == "problem",
                          .object = printable(alarm.at("object").get<std::string>()),
                          .message = printable(alarm.at("message").get<std::string>()),
                          .advice = printable(alarm.at("advice").get<std::string>()),
                          .since = alarm.at("since").get<std::int64_t>()});
    }
    return alarms;
}

}  // namespace

TopRates& TopRates::operator+=(const TopRates& other) {
    out_packets += other.out_packets;
    out_bits += other.out_bits;
    in_packets += other.in_packets;
    in_bits += other.in_bits;
    drops += other.drops;
    clear += other.clear;
    return *this;
}

void TopModel::take(const Json& document) {
    const auto now = document.at("milliseconds").get<std::int64_t>();
    const bool later = milliseconds_ && now > *milliseconds_;
    const double seconds = later ? static_cast<double>(now - *milliseconds_) / 1e3 : 0;
    const Columns columns(document.at("columns"));
    std::map<TopKey, Known> peers;
    std::set<std::string> tunnels;
    bool timed = false;
    for (const Json& row : items(document.at("peers"))) {
        Known known = read_row(row, columns, seconds);
        tunnels.insert(known.peer.key.tunnel);
        timed |= known.counters.crypto_samples.has_value();
        peers.insert_or_assign(peers.end(), known.peer.key, std::move(known));
    }
    std::string node = printable(document.at("node").get<std::string>());
    std::string policy = printable(document.at("policy").get<std::string>());
    const bool in_sync = document.at("in_sync").get<bool>();
    alarms_ = read_alarms(document.at("alarms"));
    node_ = std::move(node);
    policy_ = std::move(policy);
    in_sync_ = in_sync;
    several_tunnels_ = tunnels.size() > 1;
    times_packets_ = timed;
    interval_ = seconds;
    peers_ = std::move(peers);
    milliseconds_ = now;
}

// Counters that went back are those of another life: the peer was removed and added, or the tables
// were made anew.
std::optional<TopRates> TopModel::rates_of(const Counters& before, const Counters& now,
                                           double seconds) {
    const bool began_anew = now.out_packets < before.out_packets ||
                            now.out_bytes < before.out_bytes ||
                            now.in_packets < before.in_packets || now.in_bytes < before.in_bytes ||
                            now.dropped < before.dropped;
    if (began_anew || seconds <= 0) return std::nullopt;
    const auto rate = [&](std::uint64_t from, std::uint64_t to) {
        return static_cast<double>(to - std::min(from, to)) / seconds;
    };
    return TopRates{.out_packets = rate(before.out_packets, now.out_packets),
                    .out_bits = 8 * rate(before.out_bytes, now.out_bytes),
                    .in_packets = rate(before.in_packets, now.in_packets),
                    .in_bits = 8 * rate(before.in_bytes, now.in_bytes),
                    .drops = rate(before.dropped, now.dropped),
                    // A difference of sums that are read one after the other: may waver.
                    .clear = rate(before.clear, now.clear)};
}

// None: nothing was timed in between.
std::optional<double> TopModel::crypto_of(const Counters& before, const Counters& now) {
    const std::uint64_t from = before.crypto_samples.value_or(0);
    const std::uint64_t to = now.crypto_samples.value_or(0);
    if (to <= from || now.crypto_us < before.crypto_us) return std::nullopt;
    return static_cast<double>(now.crypto_us - before.crypto_us) / static_cast<double>(to - from);
}

TopModel::Known TopModel::read_row(const Json& row, const Columns& columns, double seconds) const {
    Known next;
    next.peer.key = {.name = printable(columns.cell(row, "name").get<std::string>()),
                     .tunnel = printable(columns.cell(row, "tunnel").get<std::string>())};
    next.peer.state = printable(columns.cell(row, "state").get<std::string>());
    const Json& handshake = columns.cell(row, "last_handshake");
    if (!handshake.is_null()) next.peer.handshake = handshake.get<std::int64_t>();
    next.counters = {.out_packets = columns.count(row, "out_packets"),
                     .out_bytes = columns.count(row, "out_bytes"),
                     .in_packets = columns.count(row, "in_packets"),
                     .in_bytes = columns.count(row, "in_bytes"),
                     .dropped = columns.count(row, "dropped"),
                     .clear = columns.count(row, "clear"),
                     .crypto_samples = columns.count_if_any(row, "crypto_samples"),
                     .crypto_us = columns.count_if_any(row, "crypto_us").value_or(0)};
    next.peer.crypto = crypto_of({.crypto_samples = 0}, next.counters);
    const auto known = peers_.find(next.peer.key);
    if (known == peers_.end()) return next;
    if (next.counters.crypto_samples) {
        const auto since = crypto_of(known->second.counters, next.counters);
        next.peer.crypto = since ? since : known->second.peer.crypto;
    }
    next.peer.history = known->second.peer.history;
    next.peer.rates = rates_of(known->second.counters, next.counters, seconds);
    if (!next.peer.rates) return next;
    auto& history = next.peer.history;
    if (history.size() == kHistory) history.erase(history.begin());
    history.push_back(static_cast<float>(next.peer.rates->bits()));
    return next;
}

const TopPeer* TopModel::find(const TopKey& key) const {
    const auto found = peers_.find(key);
    return found == peers_.end() ? nullptr : &found->second.peer;
}

TopRates TopModel::total() const {
    TopRates total;
    for (const auto& [key, known] : peers_)
        total += known.peer.rates.value_or(TopRates());
    return total;
}

}  // namespace wgs::cli
