// SPDX-License-Identifier: Apache-2.0
// What all documents have in common. Internal to this directory.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/state.h"
#include "service/alarms.h"
#include "service/view.h"

namespace wgs {

using Json = nlohmann::ordered_json;

// Names come from files and the kernel: what is not UTF-8 is replaced, never thrown on.
inline std::string to_text(const Json& json, int indent = 2) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

inline std::int64_t epoch_seconds(Clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

template <class T>
Json text_or_null(const std::optional<T>& value) {
    return value ? Json(value->to_string()) : Json();
}

inline Json text_or_null(const std::string& text) {
    return text.empty() ? Json() : Json(text);
}

inline Json to_json(const Alarm& alarm) {
    const Finding& finding = alarm.finding;
    return {{"kind", to_string(finding.kind)},
            {"object", finding.object},
            {"severity", to_string(finding.severity)},
            {"since", epoch_seconds(alarm.since)},
            {"message", finding.message},
            {"advice", finding.advice}};
}

}  // namespace wgs
