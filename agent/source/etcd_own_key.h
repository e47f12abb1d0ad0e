// SPDX-License-Identifier: Apache-2.0
// Decides when our own key has to be written.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/backoff.h"
#include "source/etcd_messages.h"
#include "source/source.h"

namespace wgs {

// The key shall have our value and our lease. Others may change or delete it: it is written again,
// at growing intervals while that goes on. That it ends with its lease is nobody's doing. Revisions
// tell what is newer, our last write or what was seen.
class EtcdOwnKey {
  public:
    explicit EtcdOwnKey(std::string key) : key_(std::move(key)) {}

    [[nodiscard]] const std::string& key() const { return key_; }
    [[nodiscard]] const std::string& value() const { return wanted_.value; }

    // What it shall have from now on.
    void want(std::string value) { wanted_.value = std::move(value); }
    void use_lease(std::int64_t lease);

    // What etcd shows, as of a revision; no entry: there is no key.
    void seen(const EtcdEntry* entry, std::int64_t revision, SteadyTime now);
    // etcd has begun anew: revisions start from there.
    void forget_revisions();

    // Whether a write has to begin now; after that, written() or failed() has to come.
    [[nodiscard]] bool take_write(SteadyTime now);
    void written(std::int64_t revision, SteadyTime now);
    // `why` is empty if that is told elsewhere.
    void failed(std::string why, SteadyTime now);
    // The answer to a write that is under way will not come.
    void interrupted();
    [[nodiscard]] std::optional<SteadyTime> next_write() const;

    [[nodiscard]] const std::string& failure() const { return failure_; }
    // Somebody else has changed it lately.
    [[nodiscard]] bool is_contested(SteadyTime now) const;

  private:
    // After so long without a foreign change the pauses begin anew.
    static constexpr std::chrono::minutes kCalm{1};

    struct State {
        std::string value;  // empty: there is no key
        std::int64_t lease = 0;
        bool operator==(const State&) const = default;
    };
    [[nodiscard]] bool is_disturbed() const;
    [[nodiscard]] bool has_lapsed() const;
    [[nodiscard]] bool wants_write() const;
    void note_disturbance(SteadyTime now);

    std::string key_;
    State wanted_;  // without value: nothing is published; without lease: not yet
    State written_;
    std::int64_t written_revision_ = 0;  // 0: it is not known what is there
    State seen_;
    std::int64_t seen_revision_ = 0;
    bool writing_ = false;

    std::optional<SteadyTime> last_disturbance_;
    Backoff pause_{std::chrono::milliseconds(100), std::chrono::seconds(30)};
    SteadyTime not_before_{};
    std::string failure_;
};

}  // namespace wgs
