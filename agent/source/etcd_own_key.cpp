// SPDX-License-Identifier: Apache-2.0
#include "source/etcd_own_key.h"

#include <utility>

namespace wgs {

void EtcdOwnKey::use_lease(std::int64_t lease) {
    wanted_.lease = lease;
    if (has_lapsed()) last_disturbance_.reset();
}

void EtcdOwnKey::seen(const EtcdEntry* entry, std::int64_t revision, SteadyTime now) {
    if (revision <= seen_revision_) return;
    seen_revision_ = revision;
    seen_ = entry == nullptr ? State{} : State{.value = entry->value, .lease = entry->lease};
    note_disturbance(now);
}

// What was seen is newer than what we have written, and another. While a write is under way only
// its answer will tell.
bool EtcdOwnKey::is_disturbed() const {
    return !writing_ && written_revision_ != 0 && seen_revision_ > written_revision_ &&
           seen_ != written_;
}

// It is gone, and so is the lease it was written with.
bool EtcdOwnKey::has_lapsed() const {
    return seen_.value.empty() && written_.lease != wanted_.lease;
}

void EtcdOwnKey::note_disturbance(SteadyTime now) {
    if (!is_disturbed() || has_lapsed()) return;
    if (last_disturbance_ && now - *last_disturbance_ >= kCalm) pause_.reset();
    last_disturbance_ = now;
    not_before_ = now + pause_.next();
}

void EtcdOwnKey::forget_revisions() {
    written_revision_ = 0;
    seen_revision_ = 0;
}

bool EtcdOwnKey::wants_write() const {
    if (writing_ || wanted_.value.empty() || wanted_.lease == 0) return false;
    return written_revision_ == 0 || written_ != wanted_ || is_disturbed();
}

bool EtcdOwnKey::take_write(SteadyTime now) {
    if (!wants_write() || now < not_before_) return false;
    writing_ = true;
    written_ = wanted_;
    return true;
}

void EtcdOwnKey::written(std::int64_t revision, SteadyTime now) {
    writing_ = false;
    written_revision_ = revision;
    failure_.clear();
    note_disturbance(now);
}

void EtcdOwnKey::failed(std::string why, SteadyTime now) {
    writing_ = false;
    written_revision_ = 0;
    failure_ = std::move(why);
    not_before_ = now + pause_.next();
}

void EtcdOwnKey::interrupted() {
    if (std::exchange(writing_, false)) written_revision_ = 0;
}

std::optional<SteadyTime> EtcdOwnKey::next_write() const {
    if (!wants_write()) return std::nullopt;
    return not_before_;
}

bool EtcdOwnKey::is_contested(SteadyTime now) const {
    return last_disturbance_ && now - *last_disturbance_ < kCalm;
}

}  // namespace wgs
