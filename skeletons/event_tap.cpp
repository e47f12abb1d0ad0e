// SPDX-License-Identifier: Apache-2.0
#include "skeletons/event_tap.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <type_traits>

#include "maps/names.h"
#include "skeletons/libbpf_log.h"

namespace wgs {
namespace {

// Programs read while the agent writes.
template <class T>
void store(T& word, std::type_identity_t<T> value) {
    std::atomic_ref(word).store(value, std::memory_order_release);
}

}  // namespace

void EventTap::Free::operator()(ring_buffer* ring) const {
    ring_buffer__free(ring);
}

int EventTap::on_record(void* reading, void* record, std::size_t size) {
    auto& state = *static_cast<Reading*>(reading);
    const auto* event = static_cast<const wgs_event*>(record);
    if (size >= sizeof(*event)) {
        const auto* bytes = static_cast<const std::uint8_t*>(record) + sizeof(*event);
        (*state.sink)(*event,
                      {bytes, std::min<std::size_t>(event->snapshot, size - sizeof(*event))});
    }
    return --state.left == 0 ? -ECANCELED : 0;  // the record is consumed all the same
}

Result<EventTap> EventTap::open(UniqueFd tap, UniqueFd ring) {
    EventTap result;
    result.mapping_ = WGS_TRY(Mapping::of(tap.get(), sizeof(wgs_tap), WGS_MAP_TAP));
    result.reading_ = std::make_unique<Reading>();
    const LibbpfLog log;
    result.ring_.reset(ring_buffer__new(ring.get(), on_record, result.reading_.get(), nullptr));
    if (!result.ring_) return log.error(errno, "open map " WGS_MAP_EVENTS);
    result.ring_fd_ = std::move(ring);
    return result;
}

void EventTap::set(std::size_t index, const wgs_listener& listener, std::uint32_t snapshot) const {
    wgs_listener& there = tap().listeners[index];
    store(there.verdicts, 0);  // it fits no packet while it is being written
    std::atomic_thread_fence(std::memory_order_seq_cst);
    wgs_listener next = listener;
    next.verdicts = 0;
    there = next;
    store(tap().lost.events[index], 0);
    reading_->snapshots.at(index) = snapshot;
    store(there.verdicts, listener.verdicts);
    summarise();
}

// The words at the top are what all listeners together want.
void EventTap::summarise() const {
    std::uint64_t reasons = 0;
    std::uint32_t chance = 0;
    for (const wgs_listener& listener : tap().listeners) {
        if (listener.verdicts == 0) continue;
        reasons |= listener.reasons;
        chance = std::max(chance, listener.chance);
    }
    store(tap().snapshot, *std::ranges::max_element(reading_->snapshots));
    store(tap().chance, chance);
    store(tap().reasons, reasons);
}

void EventTap::extend(std::size_t index, std::uint64_t until) const {
    store(tap().listeners[index].until, until);
}

void EventTap::follow(std::size_t index, std::uint32_t peer, std::uint32_t peer_too) const {
    store(tap().listeners[index].peer, peer);
    store(tap().listeners[index].peer_too, peer_too);
}

std::uint64_t EventTap::lost(std::size_t index) const {
    return std::atomic_ref(tap().lost.events[index]).load(std::memory_order_relaxed);
}

Result<std::size_t> EventTap::read(std::size_t limit, const Sink& sink) const {
    reading_->sink = &sink;
    reading_->left = limit;
    const int result = ring_buffer__consume(ring_.get());
    reading_->sink = nullptr;
    if (result < 0 && result != -ECANCELED) return os_error(-result, "read map " WGS_MAP_EVENTS);
    return limit - reading_->left;
}

}  // namespace wgs
