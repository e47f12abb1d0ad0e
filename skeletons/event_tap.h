// SPDX-License-Identifier: Apache-2.0
// What the programs tell of single packets, and whom.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/error.h"
#include "base/unique_fd.h"
#include "maps/events.h"
#include "skeletons/mapping.h"

struct ring_buffer;

namespace wgs {

// A port, as those of model/ports.h are: tests have events of their own.
class PacketEvents {
  public:
    // The packet's bytes follow its description.
    using Sink = std::function<void(const wgs_event&, std::span<const std::uint8_t> snapshot)>;

    virtual ~PacketEvents() = default;

    // Puts a listener in the place of the one there; nothing is lost of its events yet. `snapshot`:
    // bytes of each packet that it wants. `index` is below WGS_MAX_LISTENERS.
    virtual void set(std::size_t index, const wgs_listener& listener,
                     std::uint32_t snapshot) const = 0;
    void clear(std::size_t index) const { set(index, {}, 0); }
    // The listener is still there: tell it until then, CLOCK_BOOTTIME in nanoseconds.
    virtual void extend(std::size_t index, std::uint64_t until) const = 0;
    // The same for the peer that it asks about, 0: any; and for another id of it, 0: none.
    virtual void follow(std::size_t index, std::uint32_t peer, std::uint32_t peer_too) const = 0;
    // Events for it that found the ring full.
    [[nodiscard]] virtual std::uint64_t lost(std::size_t index) const = 0;

    // Hands over what waits, at most about `limit` events. Returns how many there were.
    virtual Result<std::size_t> read(std::size_t limit, const Sink& sink) const = 0;
};

class EventTap final : public PacketEvents {
  public:
    // There must be no other reader. What listeners of an earlier one have asked for goes on until
    // they are cleared.
    static Result<EventTap> open(UniqueFd tap, UniqueFd ring);

    void set(std::size_t index, const wgs_listener& listener,
             std::uint32_t snapshot) const override;
    void extend(std::size_t index, std::uint64_t until) const override;
    void follow(std::size_t index, std::uint32_t peer, std::uint32_t peer_too) const override;
    [[nodiscard]] std::uint64_t lost(std::size_t index) const override;
    Result<std::size_t> read(std::size_t limit, const Sink& sink) const override;

  private:
    struct Free {
        void operator()(ring_buffer* ring) const;
    };
    // What libbpf's callback knows; the sink is there while read() runs.
    struct Reading {
        const Sink* sink = nullptr;
        std::size_t left = 0;
        std::array<std::uint32_t, WGS_MAX_LISTENERS> snapshots{};
    };
    static int on_record(void* reading, void* record, std::size_t size);

    EventTap() = default;
    [[nodiscard]] wgs_tap& tap() const { return *static_cast<wgs_tap*>(mapping_.get()); }
    void summarise() const;

    Mapping mapping_;
    UniqueFd ring_fd_;
    std::unique_ptr<Reading> reading_;
    std::unique_ptr<ring_buffer, Free> ring_;
};

}  // namespace wgs
