// SPDX-License-Identifier: Apache-2.0
#include "plan/handshake.h"

#include <algorithm>

namespace wgs {

using std::chrono::milliseconds;

void HandshakeDriver::update(Time now, const std::set<PublicKey>& wanted,
                             const std::map<PublicKey, Session>& sessions) {
    now_ = now;
    std::erase_if(waiting_, [&](const auto& entry) { return !wanted.contains(entry.first); });
    for (const PublicKey& key : wanted) {
        const auto session = sessions.find(key);
        if (session != sessions.end() && session->second.last_handshake) {
            waiting_.erase(key);
        } else {
            waiting_.try_emplace(key, Waiting{.since = now, .next_restart = now + kFirstRestart});
        }
    }
}

void HandshakeDriver::restarted(Time now, const PublicKey& key) {
    const auto found = waiting_.find(key);
    if (found == waiting_.end()) return;
    Waiting& waiting = found->second;
    waiting.pause = std::min<milliseconds>(waiting.pause * 2, kLongestPause);
    waiting.next_restart = now + waiting.pause;
}

HandshakeAdvice HandshakeDriver::advice(const PublicKey& key) const {
    const auto found = waiting_.find(key);
    if (found == waiting_.end()) return {.keepalive = keepalive_};
    const Waiting& waiting = found->second;
    const bool initiator = self_ < key;
    const bool active = initiator || now_ - waiting.since >= kPassive;
    return {.keepalive = active ? kProbeKeepalive : std::chrono::seconds(0),
            .restart = initiator && now_ >= waiting.next_restart,
            .trust_previous = now_ - waiting.since < kTrust};
}

milliseconds HandshakeDriver::poll_interval(milliseconds idle) const {
    milliseconds interval = idle;
    for (const auto& [key, waiting] : waiting_) {
        const auto age = std::chrono::duration_cast<milliseconds>(now_ - waiting.since);
        interval = std::min(interval, std::max(milliseconds(25), age / 8));
    }
    return interval;
}

}  // namespace wgs
