// SPDX-License-Identifier: Apache-2.0
// One peer in full, as `wgsteer top` shows it: alarms, history, packets by reason, prefixes. Knows
// no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/top/line.h"
#include "cli/top/model.h"

namespace wgs::cli {

class TopPeerPage {
  public:
    explicit TopPeerPage(TopKey key) : key_(std::move(key)) {}

    // A document of /v1/peers?name=NAME, and when it was made. Throws nlohmann::json::exception on
    // one of another shape, and stays as it was.
    void take(const nlohmann::json& document, std::chrono::milliseconds now);

    // All of it, however long. `peer`: what the list knows of it; none: it is not there any more.
    [[nodiscard]] std::vector<TopLine> lines(const TopPeer* peer, std::size_t width,
                                             std::chrono::seconds now_since_epoch,
                                             TopLetters letters) const;
    [[nodiscard]] const TopKey& key() const { return key_; }

  private:
    struct Reason {
        std::string direction;
        std::string name;
        std::string text;
        std::string advice;
        std::uint64_t packets = 0;
        std::uint64_t bytes = 0;
        std::optional<double> rate;  // packets per second
    };
    struct Facts {
        std::vector<TopAlarm> alarms;
        std::vector<std::pair<std::string, std::string>> header;  // label and value
        std::map<std::string, Reason> reasons;
        std::vector<std::string> prefixes;
    };
    static Facts read(const nlohmann::json& entry);
    static std::vector<std::pair<std::string, std::string>> read_header(
        const nlohmann::json& entry);
    void append_reasons(std::size_t width, std::vector<TopLine>& lines) const;
    void append_prefixes(std::size_t width, std::vector<TopLine>& lines) const;

    TopKey key_;
    std::optional<std::chrono::milliseconds> taken_;
    Facts facts_;
};

// A paragraph for each: what is wrong, since when, what to do.
void append_alarms(const std::vector<TopAlarm>& alarms, std::size_t width,
                   std::chrono::seconds now_since_epoch, std::vector<TopLine>& lines);

}  // namespace wgs::cli
