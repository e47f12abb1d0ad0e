// SPDX-License-Identifier: Apache-2.0
// Carries out the steps of a plan.
#pragma once

#include "base/error.h"
#include "model/ports.h"
#include "plan/step.h"

namespace wgs {

// What was done of a step before it failed stays. The next plan starts from what is really there,
// so there is nothing to roll back.
Status apply(const Step& step, WireguardDevice& wireguard, Steering& steering);

}  // namespace wgs
