// SPDX-License-Identifier: Apache-2.0
// Events as JSON lines.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "maps/events.h"
#include "model/state.h"

namespace wgs {

// The words for an event's numbers, each as a JSON value: in quotes or null. What has been asked
// for is remembered.
class EventNames {
  public:
    using Ask = std::function<std::string(std::uint32_t)>;  // empty: nobody

    // `tunnels`: the devices by TunnelIndex.
    EventNames(Ask peer, Ask device, const std::vector<std::string>& tunnels);

    [[nodiscard]] const std::string& peer(PeerId id) { return find(peers_, peer_, id); }
    [[nodiscard]] const std::string& device(std::uint32_t ifindex) {
        return find(devices_, device_, ifindex);
    }
    [[nodiscard]] const std::string& tunnel(std::uint32_t index) const;
    // Peers come and go.
    void forget();

  private:
    using Known = std::map<std::uint32_t, std::string>;
    static const std::string& find(Known& known, const Ask& ask, std::uint32_t number);

    Ask peer_;
    Ask device_;
    std::vector<std::string> tunnels_;
    Known peers_;
    Known devices_;
};

// {"time_ns", "hook", "device", "verdict", "reason", "peer", "tunnel", "source", "source_port",
// "destination", "destination_port", "protocol", "length", "mark", "flow_hash"} and, unless it is
// empty, "snapshot" in base64. `epoch`: CLOCK_REALTIME minus CLOCK_BOOTTIME, ns.
std::string event_line(const wgs_event& event, std::span<const std::uint8_t> snapshot,
                       std::int64_t epoch, EventNames& names);

// {"lost": in the kernel's ring, "lost_by_reader": because the reader was slow}.
std::string loss_line(std::uint64_t lost, std::uint64_t lost_by_reader);

}  // namespace wgs
