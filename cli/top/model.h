// SPDX-License-Identifier: Apache-2.0
// What `wgsteer top` knows: rates, made of one document after the other. Knows no terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wgs::cli {

// Per second, between two documents.
struct TopRates {
    double out_packets = 0;
    double out_bits = 0;
    double in_packets = 0;
    double in_bits = 0;
    double drops = 0;
    double clear = 0;  // packets for the peer that left as they were

    [[nodiscard]] double bits() const { return out_bits + in_bits; }
    TopRates& operator+=(const TopRates& other);
    bool operator==(const TopRates&) const = default;
};

// A node is a peer of its own in each tunnel.
struct TopKey {
    std::string name;
    std::string tunnel;

    auto operator<=>(const TopKey&) const = default;
};

struct TopPeer {
    TopKey key;
    std::string state;
    std::optional<std::int64_t> handshake;  // seconds since the epoch
    std::optional<TopRates> rates;          // none: seen once only, or its counters began anew
    std::optional<double> crypto;  // mean time in WireGuard, us; of the last that was timed
    std::vector<float> history;    // bits per second, both ways; the newest last
};

enum class TopSort { rate, out, in, drops, handshake, state, crypto, name };
inline constexpr std::size_t kTopSorts = 8;
[[nodiscard]] const char* to_string(TopSort sort);
[[nodiscard]] std::optional<TopSort> parse_top_sort(const std::string& name);

enum class TopDirection { as_usual, reversed };

// Which peers are shown, and how.
struct TopOrder {
    TopSort sort = TopSort::rate;
    TopDirection direction = TopDirection::as_usual;
    std::string filter = {};  // words, each in name, state or tunnel; letter case does not matter
};

struct TopAlarm {
    bool problem = false;  // or else a warning
    std::string object;
    std::string message;
    std::string advice;
    std::int64_t since = 0;  // seconds since the epoch
};

class TopModel {
  public:
    static constexpr std::size_t kHistory = 120;

    // A document of /v1/top. Throws nlohmann::json::exception on one of another shape, and stays as
    // it was.
    void take(const nlohmann::json& document);

    // Those that match, in order.
    [[nodiscard]] std::vector<const TopPeer*> rows(const TopOrder& order) const;
    [[nodiscard]] const TopPeer* find(const TopKey& key) const;
    [[nodiscard]] TopRates total() const;
    // How many peers are in a state, the worst first; "ready" is always there, as the last.
    [[nodiscard]] std::vector<std::pair<std::string, std::size_t>> states() const;
    [[nodiscard]] std::size_t size() const { return peers_.size(); }
    // Whether the peers are in more than one tunnel.
    [[nodiscard]] bool several_tunnels() const { return several_tunnels_; }
    // Whether the agent times packets.
    [[nodiscard]] bool times_packets() const { return times_packets_; }
    [[nodiscard]] const std::string& node() const { return node_; }
    [[nodiscard]] const std::string& policy() const { return policy_; }
    [[nodiscard]] bool in_sync() const { return in_sync_; }
    // Those of which rates are, in seconds; 0: there was no document before.
    [[nodiscard]] double interval() const { return interval_; }
    [[nodiscard]] const std::vector<TopAlarm>& alarms() const { return alarms_; }

  private:
    struct Counters {
        std::uint64_t out_packets = 0;
        std::uint64_t out_bytes = 0;
        std::uint64_t in_packets = 0;
        std::uint64_t in_bytes = 0;
        std::uint64_t dropped = 0;
        std::uint64_t clear = 0;
        std::optional<std::uint64_t> crypto_samples;  // none: not timed
        std::uint64_t crypto_us = 0;
    };
    struct Known {
        TopPeer peer;
        Counters counters;
    };
    struct Columns;
    static std::optional<TopRates> rates_of(const Counters& before, const Counters& now,
                                            double seconds);
    static std::optional<double> crypto_of(const Counters& before, const Counters& now);
    [[nodiscard]] Known read_row(const nlohmann::json& row, const Columns& columns,
                                 double seconds) const;

    std::string node_;
    std::string policy_;
    bool in_sync_ = false;
    bool several_tunnels_ = false;
    bool times_packets_ = false;
    double interval_ = 0;
    std::vector<TopAlarm> alarms_;
    std::optional<std::int64_t> milliseconds_;  // of the last document, by the agent's clock
    std::map<TopKey, Known> peers_;
};

}  // namespace wgs::cli
