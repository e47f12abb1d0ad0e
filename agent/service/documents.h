// SPDX-License-Identifier: Apache-2.0
// What the interfaces show, as JSON texts of a stable shape.
#pragma once

#include <string>

#include "base/error.h"
#include "service/flow.h"

namespace wgs {

class Agent;

Result<std::string> status_document(Agent& agent);
Result<std::string> peers_document(Agent& agent);
Result<std::string> explain_document(Agent& agent, const Flow& flow);
std::string version_document();
std::string error_document(const Error& error);

}  // namespace wgs
