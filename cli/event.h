// SPDX-License-Identifier: Apache-2.0
// Lines of the agent's event stream, and what they look like for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wgs::cli {

// One packet at one hook. Names that do not apply are empty.
struct Event {
    std::int64_t time_ns = 0;  // since the epoch
    std::string hook;
    std::string device;
    std::string verdict;
    std::string reason;
    std::string peer;
    std::string source;
    std::string destination;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint8_t protocol = 0;
    std::uint32_t length = 0;  // of the layer-3 packet, bytes
    std::vector<std::uint8_t> snapshot;
};

// How many events nobody got, so far.
struct Losses {
    std::uint64_t in_ring = 0;
    std::uint64_t by_reader = 0;

    [[nodiscard]] std::uint64_t total() const { return in_ring + by_reader; }
};

// One line; both empty: it is of another shape.
struct EventLine {
    std::optional<Event> event = {};
    std::optional<Losses> losses = {};
};
EventLine parse_event_line(std::string_view line);

enum class Colour { off, on };
// Colours for a terminal, unless NO_COLOR is set or the terminal is a dumb one.
Colour colour_of_stdout();
// What begins the colour of a verdict on a terminal.
const char* colour_for(const std::string& verdict);

std::string protocol_name(std::uint8_t protocol);
// "10.1.0.10:40000 > 10.2.0.10:80"
std::string ends_of(const Event& event);
// One aligned line, in the local time zone.
std::string render_event(const Event& event, Colour colour);
// The headings of these lines.
std::string event_headings();

}  // namespace wgs::cli
