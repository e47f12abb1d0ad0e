// SPDX-License-Identifier: Apache-2.0
// Carries out a plan.
#pragma once

#include <vector>

#include "base/error.h"
#include "model/ports.h"
#include "plan/step.h"

namespace wgs {

// Applies the steps in order and stops at the first that fails; what was applied before stays. The
// next plan starts from what is really there, so there is nothing to roll back.
Status apply(const std::vector<Step>& steps, WireguardDevice& wireguard, Steering& steering);

}  // namespace wgs
