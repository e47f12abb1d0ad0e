// SPDX-License-Identifier: Apache-2.0
// A run as a JSON document, and back.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "bench/measure/measurement.h"

namespace wgs::bench {

// Every measurement with its samples, and what follows from them for those who only read.
nlohmann::json to_json(const Run& run);
// Throws nlohmann::json::exception on a document of another shape.
Run run_from_json(const nlohmann::json& document);

}  // namespace wgs::bench
