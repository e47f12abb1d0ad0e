// SPDX-License-Identifier: Apache-2.0
#include "plan/health.h"

#include <algorithm>
#include <array>

namespace wgs {
namespace {

constexpr std::uint64_t kInitiation = 148;
constexpr std::uint64_t kResponse = 92;
constexpr std::uint64_t kKeepalive = 32;

// Of a counter between two looks.
bool is_handshakes(std::uint64_t growth) {
    constexpr std::array kLengths{kResponse, kInitiation, 2 * kResponse, 2 * kInitiation};
    return std::ranges::find(kLengths, growth) != kLengths.end();
}

bool is_initiation(std::uint64_t growth) {
    return growth == kInitiation || growth == kInitiation + kKeepalive ||
           growth == kInitiation + kResponse || growth == 2 * kInitiation;
}

bool wants_answer(std::uint64_t growth) {
    constexpr std::array kOthers{kKeepalive, kResponse, kResponse + kKeepalive};
    return growth != 0 && std::ranges::find(kOthers, growth) == kOthers.end();
}

}  // namespace

void HealthDriver::update(Time now, const std::map<PublicKey, Session>& sessions) {
    now_ = now;
    ailments_.clear();
    auto known = peers_.begin();
    for (const auto& [key, session] : sessions) {
        while (known != peers_.end() && known->first < key)
            known = peers_.erase(known);
        if (known == peers_.end() || known->first != key) {
            known = peers_.emplace_hint(known, key,
                                        Peer{.rx = session.rx_bytes,
                                             .tx = session.tx_bytes,
                                             .handshake = session.last_handshake});
        }
        Peer& peer = known->second;
        compare(peer, session);
        judge(peer);
        if (const auto ailment = ailment_of(peer))
            ailments_.emplace_hint(ailments_.end(), key, *ailment);
        ++known;
    }
    peers_.erase(known, peers_.end());
}

void HealthDriver::compare(Peer& peer, const Session& session) const {
    const bool anew = session.rx_bytes < peer.rx || session.tx_bytes < peer.tx;
    const std::uint64_t received = anew ? 0 : session.rx_bytes - peer.rx;
    const std::uint64_t sent = anew ? 0 : session.tx_bytes - peer.tx;
    const bool shaken = session.last_handshake != peer.handshake;
    peer.rx = session.rx_bytes;
    peer.tx = session.tx_bytes;
    peer.handshake = session.last_handshake;
    // Before the first handshake it is not ours to judge.
    if (anew || !session.last_handshake) peer.unanswered.reset();
    if (!session.last_handshake) return;
    if (peer.restarted) note_answer(peer, received);  // the new session is proven
    // Which came first, the question or the answer, nobody knows.
    if (received != 0 && !is_handshakes(received)) return note_answer(peer, received);
    if (shaken) note_handshake(peer, now_);
    if (wants_answer(sent)) note_sent(peer, sent);
}

void HealthDriver::note_sent(Peer& peer, std::uint64_t bytes) const {
    auto& open = peer.unanswered;
    if (open && now_ - open->last > kPause) open.reset();
    if (!open) open = Unanswered{.since = now_, .last = now_, .round_began = now_};
    open->last = now_;
    ++open->questions;
    if (!is_initiation(bytes)) ++open->data;
}

// Data has come. A silence that a keepalive ends in time was that of a flow which needs no answers;
// one that ends otherwise was a fault, and the next one shall be told as soon.
void HealthDriver::note_answer(Peer& peer, std::uint64_t bytes) const {
    if (peer.unanswered && !peer.stalled && bytes == kKeepalive) {
        const auto silence = now_ - peer.unanswered->since;
        if (silence >= kSuspicious && silence < kLongestAnswer)
            peer.patient_until = now_ + kPatience;
    }
    peer.unanswered.reset();
    peer.stalled.reset();
    peer.restarted = false;
    peer.restarts = 0;
}

// It is the answer to an initiation, and none to data.
void HealthDriver::note_handshake(Peer& peer, Time now) {
    if (!peer.unanswered) return;
    Unanswered& open = *peer.unanswered;
    if (open.data == 0 && open.empty_rounds == 0) return peer.unanswered.reset();
    if (open.data >= kQuestions) ++open.empty_rounds;
    open.data = 0;
    open.round_began = now;
}

void HealthDriver::judge(Peer& peer) const {
    if (!peer.unanswered || peer.stalled) return;
    const Unanswered& open = *peer.unanswered;
    const bool silent = now_ - open.round_began >= kStalled && open.questions >= kQuestions;
    const bool empty = open.empty_rounds >= kEmptyRounds;
    if (!silent && !empty) return;
    peer.stalled = open.since;
    peer.handshakes = empty;
    peer.restarted = false;
    peer.restarts = 0;
    const bool again = peer.healed && now_ - *peer.healed < kRelapse;
    peer.pause =
        again ? std::min<std::chrono::seconds>(peer.pause * 2, kLongestPause) : kFirstPause;
    peer.relapses = again && empty ? peer.relapses + 1 : 0;
}

std::optional<Ailment> HealthDriver::ailment_of(const Peer& peer) const {
    if (peer.stalled) {
        return Ailment{.since = *peer.stalled,
                       .stalled = true,
                       .handshakes = peer.handshakes,
                       .restarts = peer.restarts};
    }
    if (!peer.unanswered) return std::nullopt;
    const Unanswered& open = *peer.unanswered;
    const bool patient = peer.patient_until && now_ < *peer.patient_until;
    const bool silent = now_ - open.since >= (patient ? kLongestAnswer : kSuspicious);
    const bool asking = open.questions >= kQuestions && now_ - open.last <= kPause;
    if (!silent || !asking) return std::nullopt;
    return Ailment{.since = open.since, .handshakes = open.empty_rounds > 0};
}

void HealthDriver::restarted(Time now, const PublicKey& key) {
    const auto found = peers_.find(key);
    if (found == peers_.end() || !found->second.stalled) return;
    Peer& peer = found->second;
    peer.rx = peer.tx = 0;
    peer.handshake.reset();
    peer.unanswered.reset();
    peer.restarted = true;
    peer.healed = now;
    ++peer.restarts;
    const auto ailment = ailments_.find(key);
    if (ailment != ailments_.end()) ailment->second.restarts = peer.restarts;
}

HealthAdvice HealthDriver::advice(const PublicKey& key) const {
    const auto found = peers_.find(key);
    if (found == peers_.end() || !found->second.stalled) return {};
    const Peer& peer = found->second;
    const bool rested = !peer.healed || now_ - *peer.healed >= peer.pause;
    return {.stalled = true, .restart = !peer.restarted && rested};
}

bool HealthDriver::wants_new_device() const {
    if (device_restarted_ && now_ - *device_restarted_ < kBetweenDevices) return false;
    return std::ranges::any_of(ailments_, [&](const auto& entry) {
        const Peer& peer = peers_.at(entry.first);
        return peer.stalled && !peer.restarted && peer.relapses >= kRelapses;
    });
}

}  // namespace wgs
