// SPDX-License-Identifier: Apache-2.0
// The columns of the list of peers: which ones a width has room for, and what is in them.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "cli/top/line.h"
#include "cli/top/model.h"

namespace wgs::cli {

enum class TopColumn {
    name,
    tunnel,
    state,
    handshake,
    out_packets,
    out_bits,
    in_packets,
    in_bits,
    drops,
    clear,
    crypto,
    history,
};

class TopLayout {
  public:
    // What there is to show.
    struct Content {
        std::size_t longest_name = 0;
        bool tunnels = false;
        bool crypto = false;  // the times of packets in WireGuard
        bool history = true;
    };

    TopLayout(std::size_t width, const Content& content);

    [[nodiscard]] TopLine heading() const;
    [[nodiscard]] TopLine row(const TopPeer& peer, std::chrono::seconds now_since_epoch,
                              TopLetters letters) const;
    // How many columns there was no room for.
    [[nodiscard]] std::size_t missing() const { return missing_; }

  private:
    struct Place {
        TopColumn column;
        std::size_t width;
    };
    void widen(TopColumn column, std::size_t by);

    std::vector<Place> places_;
    std::size_t missing_ = 0;
};

// "35 s", "never".
[[nodiscard]] std::string handshake_age(const TopPeer& peer, std::chrono::seconds now_since_epoch);

}  // namespace wgs::cli
