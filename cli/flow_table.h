// SPDX-License-Identifier: Apache-2.0
// Events summed up by flow.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "event.h"

namespace wgs::cli {

class FlowTable {
  public:
    static constexpr std::size_t kMostFlows = 65536;

    void add(const Event& event);
    // The largest first: aligned lines, or a JSON array.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::string json() const;

  private:
    using Key = std::tuple<std::string, std::uint16_t, std::string, std::uint16_t, std::uint8_t>;
    struct Flow {
        std::uint64_t packets = 0;
        std::uint64_t bytes = 0;
        std::map<std::string, std::uint64_t> reasons;  // "steer steered": packets
        std::string peer;                              // the last one named
        std::int64_t first_ns = 0;
        std::int64_t last_ns = 0;
    };
    using Flows = std::map<Key, Flow>;

    [[nodiscard]] std::vector<Flows::const_iterator> by_size() const;

    Flows flows_;
    std::uint64_t others_ = 0;  // packets of flows for which there was no room
};

}  // namespace wgs::cli
