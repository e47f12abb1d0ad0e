// SPDX-License-Identifier: Apache-2.0
#include "service/event_hub.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <limits>

#include "service/bpf_steering.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

// While somebody listens; the ring has room for what comes meanwhile, at most so much is read at
// once, and the loop has its other things to do in between.
constexpr auto kTurn = 10ms;
constexpr std::size_t kSlice = 4096;
// While there are only drops to be remembered.
constexpr auto kQuietTurn = 500ms;
// Programs stop telling a listener of whom the agent has not spoken for so long.
constexpr std::uint64_t kPatience = 10'000'000'000;
constexpr std::size_t kStreamLimit = 4 << 20;
// A flood of drops must not keep anybody busy.
constexpr std::uint32_t kDropsPerSecond = 50;

std::int64_t nanoseconds(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::uint64_t soon() {
    return static_cast<std::uint64_t>(nanoseconds(CLOCK_BOOTTIME)) + kPatience;
}

}  // namespace

EventHub::EventHub(const PacketEvents& tap, EventLoop& loop, EventNames names, Settings settings)
    : tap_(tap),
      loop_(loop),
      names_(std::move(names)),
      settings_(std::move(settings)),
      // Another one than that of an agent before this one.
      serial_(static_cast<std::uint32_t>(nanoseconds(CLOCK_REALTIME) >> 16)) {}

Result<std::unique_ptr<EventHub>> EventHub::open(const PacketEvents& tap, EventLoop& loop,
                                                 EventNames names, Settings settings) {
    std::unique_ptr<EventHub> hub(new EventHub(tap, loop, std::move(names), std::move(settings)));
    for (std::size_t index = 0; index < WGS_MAX_LISTENERS; ++index)
        tap.clear(index);
    hub->timer_ = WGS_TRY(loop.timer([hub = hub.get()] { hub->turn(); }));
    hub->turn();
    return hub;
}

EventHub::~EventHub() {
    for (std::size_t index = 1; index < WGS_MAX_LISTENERS; ++index)
        if (listeners_.at(index)) leave(index);
}

// Goes on when the agent ends: the ring keeps the first drops of a time without one.
void EventHub::record_drops() {
    lost_before_ += tap_.lost(kRecorder);
    tap_.set(kRecorder,
             {.until = std::numeric_limits<std::uint64_t>::max(),
              .reasons = reasons_to_drop(settings_.policy),
              .verdicts = 1U << static_cast<unsigned>(Verdict::drop),
              .hooks = ~0U,
              .flags = WGS_LISTEN_FIRST,
              .chance = std::numeric_limits<std::uint32_t>::max(),
              .serial = ++serial_,
              .per_second = kDropsPerSecond},
             0);
}

Result<std::shared_ptr<HttpStream>> EventHub::listen(const EventFilter& filter) {
    const auto ids = filter.peer.empty() ? PeerIdsOfNode{} : settings_.peer_ids(filter.peer);
    if (!ids) return invalid("peer: there is no \"" + filter.peer + "\" in the tables");
    const auto free = std::find(listeners_.begin() + 1, listeners_.end(), std::nullopt);
    if (free == listeners_.end())
        return make_error(
            std::errc::too_many_files_open,
            std::to_string(kMostListeners) + " listen already: end a monitor or capture first");
    const auto index = static_cast<std::size_t>(free - listeners_.begin());
    *free = Listener{.stream = std::make_shared<HttpStream>(kStreamLimit), .filter = filter};
    (*free)->stream->write(loss_line(0, 0));
    wgs_listener listener = to_listener(filter, *ids);
    listener.until = soon();
    listener.serial = ++serial_;
    tap_.set(index, listener, filter.snapshot);
    WGS_TRY(loop_.arm(timer_, kTurn));
    return (*free)->stream;
}

void EventHub::turn() {
    const auto now = std::chrono::steady_clock::now();
    epoch_ = nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_BOOTTIME);
    read();
    if (now >= next_second_) {
        next_second_ = now + 1s;
        every_second();
    }
    if (now >= next_minute_) {
        next_minute_ = now + 60s;
        record_drops();
    }
    const auto pause = listeners() == 0 ? kQuietTurn : kTurn;
    if (const Status armed = loop_.arm(timer_, pause); !armed)
        spdlog::error("events: {}", armed.error().message);
}

void EventHub::read() {
    const auto count = tap_.read(
        kSlice, [this](const wgs_event& event, auto snapshot) { hand_over(event, snapshot); });
    if (!count) spdlog::warn("events: {}", count.error().message);
}

void EventHub::hand_over(const wgs_event& event, std::span<const std::uint8_t> snapshot) {
    for (std::size_t index = 1; index < WGS_MAX_LISTENERS; ++index) {
        auto& listener = listeners_.at(index);
        if (listener && (event.listeners >> index & 1) != 0) give(*listener, event, snapshot);
    }
    if ((event.listeners >> kRecorder & 1) != 0) remember(event_line(event, {}, epoch_, names_));
}

void EventHub::give(Listener& listener, const wgs_event& event,
                    std::span<const std::uint8_t> snapshot) {
    const std::size_t wanted = std::min<std::size_t>(snapshot.size(), listener.filter.snapshot);
    if (!listener.stream->write(event_line(event, snapshot.first(wanted), epoch_, names_)))
        ++listener.lost_by_reader;
}

void EventHub::remember(std::string line) {
    if (drops_.size() == kDropsRemembered) drops_.pop_front();
    drops_.push_back(std::move(line));
}

std::string EventHub::recent_drops() const {
    std::string lines;
    for (const std::string& line : drops_)
        lines += line;
    return lines;
}

void EventHub::every_second() {
    names_.forget();
    for (std::size_t index = 1; index < WGS_MAX_LISTENERS; ++index) {
        auto& listener = listeners_.at(index);
        if (!listener) continue;
        // A reader that has gone shows when something is written, so this is always something.
        listener->stream->write(loss_line(tap_.lost(index), listener->lost_by_reader));
        if (listener->stream->is_open())
            follow(index);
        else
            leave(index);
    }
}

void EventHub::follow(std::size_t index) {
    tap_.extend(index, soon());
    const std::string& peer = listeners_.at(index)->filter.peer;
    if (peer.empty()) return;
    if (const auto ids = settings_.peer_ids(peer)) tap_.follow(index, (*ids)[0], (*ids)[1]);
}

void EventHub::leave(std::size_t index) {
    auto& listener = listeners_.at(index);
    lost_before_ += tap_.lost(index) + listener->lost_by_reader;
    tap_.clear(index);
    listener->stream->end();
    listener.reset();
}

std::size_t EventHub::listeners() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(listeners_, [](const auto& one) { return one.has_value(); }));
}

std::uint64_t EventHub::lost() const {
    std::uint64_t total = lost_before_ + tap_.lost(kRecorder);
    for (std::size_t index = 1; index < WGS_MAX_LISTENERS; ++index) {
        if (const auto& listener = listeners_.at(index))
            total += tap_.lost(index) + listener->lost_by_reader;
    }
    return total;
}

}  // namespace wgs
