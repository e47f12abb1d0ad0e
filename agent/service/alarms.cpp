// SPDX-License-Identifier: Apache-2.0
#include "service/alarms.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace wgs {
namespace {

using Identity = std::pair<AlarmKind, std::string_view>;

Identity identity(const Finding& finding) {
    return {finding.kind, finding.object};
}

auto rank(const Finding& finding) {
    return std::tie(finding.severity, finding.kind, finding.object);
}

// `example` is one of those that are not told one by one.
void tell_how_many(Finding& others, const Finding& example, std::size_t of_the_kind) {
    others.message = fmt::format("{} more, such as {}: {}", of_the_kind - kAlarmsOfAKind,
                                 example.object, example.message);
}

}  // namespace

std::string_view to_string(AlarmKind kind) {
    switch (kind) {
        case AlarmKind::kernel:
            return "kernel";
        case AlarmKind::underlay:
            return "underlay";
        case AlarmKind::leak:
            return "leak";
        case AlarmKind::foreign_chain:
            return "foreign_chain";
        case AlarmKind::plan:
            return "plan";
        case AlarmKind::stalled:
            return "stalled";
        case AlarmKind::no_handshake:
            return "no_handshake";
        case AlarmKind::key_conflict:
            return "key_conflict";
        case AlarmKind::one_way:
            return "one_way";
        case AlarmKind::clear_text:
            return "clear_text";
        case AlarmKind::clock:
            return "clock";
        case AlarmKind::rejected:
            return "rejected";
        case AlarmKind::source:
            return "source";
        case AlarmKind::no_address:
            return "no_address";
        case AlarmKind::secret:
            return "secret";
        case AlarmKind::mtu:
            return "mtu";
        case AlarmKind::lost_device:
            return "lost_device";
        case AlarmKind::altered:
            return "altered";
        case AlarmKind::lost_hook:
            return "lost_hook";
        case AlarmKind::table_full:
            return "table_full";
        case AlarmKind::no_key:
            return "no_key";
    }
    return "unknown";
}

std::string_view to_string(Severity severity) {
    return severity == Severity::problem ? "problem" : "warning";
}

std::string to_line(const Finding& finding) {
    std::string line =
        fmt::format("{} {}: {}", to_string(finding.kind), finding.object, finding.message);
    if (!finding.advice.empty()) line += "; " + finding.advice;
    return line;
}

const Alarm* Alarms::find(const Finding& finding) const {
    const auto found = std::ranges::find(
        active_, identity(finding), [](const Alarm& alarm) { return identity(alarm.finding); });
    return found == active_.end() ? nullptr : &*found;
}

void Alarms::bound(std::vector<Finding>& findings) const {
    std::set<Identity> known;
    for (const Alarm& alarm : active_)
        known.insert(identity(alarm.finding));
    const auto order = [&](const Finding& finding) {
        return std::tuple(finding.kind, !known.contains(identity(finding)),
                          std::string_view(finding.object), finding.severity);
    };
    std::ranges::stable_sort(findings, std::ranges::less{}, order);
    std::vector<Finding> kept;
    std::size_t of_this_kind = 0;
    for (std::size_t i = 0; i < findings.size(); ++i) {
        const bool new_kind = i == 0 || findings[i].kind != findings[i - 1].kind;
        if (new_kind) of_this_kind = 0;
        // Of one object the worst stands for all.
        if (!new_kind && findings[i].object == findings[i - 1].object) continue;
        if (of_this_kind < kAlarmsOfAKind) {
            kept.push_back(findings[i]);
        } else if (of_this_kind == kAlarmsOfAKind) {
            kept.push_back(findings[i]);
            kept.back().object = kOthers;
        }
        if (++of_this_kind > kAlarmsOfAKind) tell_how_many(kept.back(), findings[i], of_this_kind);
    }
    findings = std::move(kept);
}

std::vector<Alarms::Change> Alarms::note(std::vector<Finding> findings, Clock::time_point now) {
    bound(findings);
    std::vector<Change> changes;
    std::vector<Alarm> active;
    for (Finding& finding : findings) {
        const Alarm* known = find(finding);
        const Alarm& alarm = active.emplace_back(
            Alarm{.finding = std::move(finding), .since = known != nullptr ? known->since : now});
        if (known == nullptr) changes.push_back({.alarm = alarm});
    }
    std::ranges::sort(active, {}, [](const Alarm& alarm) { return rank(alarm.finding); });
    const std::vector<Alarm> before = std::exchange(active_, std::move(active));
    for (const Alarm& alarm : before) {
        if (find(alarm.finding) == nullptr) changes.push_back({.alarm = alarm, .ended = true});
    }
    return changes;
}

}  // namespace wgs
