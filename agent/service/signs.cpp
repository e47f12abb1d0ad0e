// SPDX-License-Identifier: Apache-2.0
#include "service/signs.h"

#include <algorithm>
#include <utility>

namespace wgs {

using std::chrono::seconds;

void ClockWatch::note(Steady steady, Clock::time_point wall) {
    if (last_) {
        const auto passed = steady - last_->first;
        const auto shown = wall - last_->second;
        const Clock::duration jump = shown - passed;
        if (jump >= kJump) {
            const Clock::duration excess =
                jump - std::exchange(owed_, std::max(owed_ - jump, Clock::duration(0)));
            if (excess >= kJump) {
                jump_ = excess;
                jumped_ = steady;
            }
        } else if (-jump >= kJump) {
            // The last one is taken back, at least in part.
            owed_ += std::max(-jump - std::exchange(jump_, {}), Clock::duration(0));
        }
    }
    last_ = {steady, wall};
    latest_ = std::max(latest_, wall);
    behind_ = std::chrono::duration_cast<seconds>(latest_ - wall);
    if (behind_ == seconds(0)) owed_ = {};
}

seconds ClockWatch::ahead(Steady now) const {
    if (now - jumped_ >= kRecent) return seconds(0);
    return std::chrono::duration_cast<seconds>(jump_);
}

void Persistence::note(Steady now, std::uint64_t count) {
    const std::uint64_t before = seen_.value_or(count);
    seen_ = count;
    if (count <= before) return;
    if (looks_ == 0 || now - last_ > kGap) {
        first_ = now;
        first_count_ = before;
        looks_ = 0;
    }
    last_ = now;
    last_count_ = count;
    ++looks_;
}

bool Persistence::persists(Steady now, unsigned looks, seconds span) const {
    return looks_ >= looks && last_ - first_ >= span && now - last_ < kQuiet;
}

void OddPacketWatch::note(Steady now, const OddPackets& total,
                          const std::map<std::string, OddPackets>& by_peer) {
    total_ = total;
    std::erase_if(peers_, [&](const auto& entry) { return !by_peer.contains(entry.first); });
    for (const auto& [name, packets] : by_peer) {
        Peer& peer = peers_[name];
        peer.clear_in.note(now, packets.clear_in);
        peer.too_big.note(now, packets.too_big);
        peer.oversize.note(now, packets.oversize);
    }
}

std::map<std::string, OddPacketWatch::Odd> OddPacketWatch::odd(Steady now) const {
    const auto grown = [&](const Persistence& watch, unsigned looks, seconds span) {
        return watch.persists(now, looks, span) ? watch.grown() : 0;
    };
    std::map<std::string, Odd> all;
    for (const auto& [name, peer] : peers_) {
        const Odd odd{.clear_in = grown(peer.clear_in, 3, seconds(2)),
                      .too_big = grown(peer.too_big, 4, seconds(3)),
                      .oversize = grown(peer.oversize, 4, seconds(3))};
        if (odd.clear_in + odd.too_big + odd.oversize != 0) all.emplace(name, odd);
    }
    return all;
}

std::size_t RecentEvents::count(Steady now) {
    while (!times_.empty() && now - times_.front() > kRecent)
        times_.pop_front();
    return times_.size();
}

}  // namespace wgs
