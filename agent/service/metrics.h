// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/error.h"

namespace wgs {

class Agent;

// Everything the agent counts, in Prometheus' text format.
Result<std::string> metrics_text(Agent& agent);

}  // namespace wgs
