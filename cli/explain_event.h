// SPDX-License-Identifier: Apache-2.0
// An event of the past as a question about now.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "event.h"

namespace wgs::cli {

// The query of /v1/explain for a packet like this one; none: no other packet can stand for it.
std::optional<std::map<std::string, std::string>> question_of(const Event& event);

// Whether the explanation of now says the same of the hook that the event is of.
bool is_as_then(const Event& event, const nlohmann::json& explanation);

}  // namespace wgs::cli
