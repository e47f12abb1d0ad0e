// SPDX-License-Identifier: Apache-2.0
#include "plan/handshake.h"

#include <algorithm>

namespace wgs {

using std::chrono::milliseconds;

void HandshakeDriver::update(Time now, const std::set<PublicKey>& wanted,
                             const std::map<PublicKey, Session>& sessions) {
    now_ = now;
    std::erase_if(waiting_, [&](const auto& entry) { return !wanted.contains(entry.first); });
    for (const PublicKey& key : wanted)
        add(now, key, sessions);
    newest_ = {};
    for (const auto& [key, waiting] : waiting_)
        newest_ = std::max(newest_, waiting.since);
}

void HandshakeDriver::add(Time now, const PublicKey& key,
                          const std::map<PublicKey, Session>& sessions) {
    const auto session = sessions.find(key);
    if (session != sessions.end() && session->second.last_handshake) {
        waiting_.erase(key);
    } else if (waiting_.try_emplace(key, Waiting{.since = now, .next_restart = now + kFirstRestart})
                   .second) {
        newest_ = std::max(newest_, now);
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
    const bool active = now_ - waiting.since >= kPassive;
    const std::chrono::seconds answer = active ? kAnswerKeepalive : std::chrono::seconds(0);
    return {.keepalive = initiator ? kProbeKeepalive : answer,
            .restart = initiator && now_ >= waiting.next_restart,
            .trust_previous = now_ - waiting.since < kTrust};
}

std::optional<HandshakeDriver::Time> HandshakeDriver::waits_since(const PublicKey& key) const {
    const auto found = waiting_.find(key);
    if (found == waiting_.end()) return std::nullopt;
    return found->second.since;
}

std::optional<HandshakeDriver::Time::duration> HandshakeDriver::newest_wait(Time now) const {
    if (waiting_.empty()) return std::nullopt;
    return now - newest_;
}

}  // namespace wgs
