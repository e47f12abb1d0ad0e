// SPDX-License-Identifier: Apache-2.0
// Hands the programs' events to those who listen, each with a filter of its own in the kernel, and
// remembers the last drops.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "service/event_filter.h"
#include "service/event_line.h"
#include "service/http_stream.h"
#include "service/loop.h"
#include "skeletons/event_tap.h"

namespace wgs {

class EventHub {
  public:
    static constexpr std::size_t kDropsRemembered = 256;
    // All places but the one that remembers drops.
    static constexpr std::size_t kMostListeners = WGS_MAX_LISTENERS - 1;

    struct Settings {
        Policy policy = Policy::prefer;
        // None: not bound now. The first is not 0.
        std::function<std::optional<PeerIdsOfNode>(const std::string&)> peer_ids;
    };

    // `tap` and `loop` outlive the result.
    static Result<std::unique_ptr<EventHub>> open(const PacketEvents& tap, EventLoop& loop,
                                                  EventNames names, Settings settings);
    ~EventHub();
    EventHub(const EventHub&) = delete;
    EventHub& operator=(const EventHub&) = delete;

    // JSON lines (see event_line.h), until the reader goes. A line about losses comes first and
    // then every second. An error: there is no such peer (invalid_argument), or too many listen
    // already (too_many_files_open).
    Result<std::shared_ptr<HttpStream>> listen(const EventFilter& filter);
    // The last drops, each the first of its flow in its minute: JSON lines, the newest last.
    [[nodiscard]] std::string recent_drops() const;

    [[nodiscard]] std::size_t listeners() const;
    // Events that nobody got, of all listeners there ever were.
    [[nodiscard]] std::uint64_t lost() const;

  private:
    struct Listener {
        std::shared_ptr<HttpStream> stream;
        EventFilter filter;
        std::uint64_t lost_by_reader = 0;
    };
    static constexpr std::size_t kRecorder = 0;

    EventHub(const PacketEvents& tap, EventLoop& loop, EventNames names, Settings settings);

    void record_drops();
    void turn();
    void read();
    void hand_over(const wgs_event& event, std::span<const std::uint8_t> snapshot);
    void give(Listener& listener, const wgs_event& event, std::span<const std::uint8_t> snapshot);
    void remember(std::string line);
    void every_second();
    void follow(std::size_t index);
    void leave(std::size_t index);

    const PacketEvents& tap_;
    EventLoop& loop_;
    EventNames names_;
    Settings settings_;
    EventLoop::Source timer_;
    std::int64_t epoch_ = 0;
    std::uint32_t serial_ = 0;
    std::chrono::steady_clock::time_point next_second_{};
    std::chrono::steady_clock::time_point next_minute_{};
    std::array<std::optional<Listener>, WGS_MAX_LISTENERS> listeners_;
    std::deque<std::string> drops_;
    std::uint64_t lost_before_ = 0;  // by listeners that have gone
};

}  // namespace wgs
