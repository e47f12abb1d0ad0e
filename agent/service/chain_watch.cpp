// SPDX-License-Identifier: Apache-2.0
#include "service/chain_watch.h"

namespace wgs {
namespace {

// Bytes of the smallest exchange that proves something, a handshake's answer.
constexpr std::uint64_t kEvidence = 92;
// What has been sent may wait for a neighbour's address for a moment.
constexpr int kContradictions = 3;

}  // namespace

// What is sent counts only if something comes back: without a neighbour nothing reaches the device.
void ChainWatch::note(const Traffic& now) {
    const bool counts_anew = base_ && (now.sent < base_->sent || now.received < base_->received);
    if (!base_ || counts_anew || now.seen != base_->seen) {
        base_ = now;
        // What was sent between the two readings has been seen, unless nothing ever was.
        sent_is_known_ = now.seen == 0;
        contradictions_ = 0;
        return;
    }
    if (!sent_is_known_) {
        base_ = now;
        sent_is_known_ = true;
    }
    const bool unseen = now.sent >= base_->sent + kEvidence && now.received > base_->received;
    contradictions_ = unseen ? contradictions_ + 1 : 0;
}

std::vector<Problem> ChainWatch::problems() const {
    if (contradictions_ < kContradictions) return {};
    return {{.object = "hooks",
             .message = "packets leave without passing wgs_nic_out, in clear: another tc program "
                        "ends the chain before it, or their device is no underlay"}};
}

}  // namespace wgs
