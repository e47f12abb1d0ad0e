// SPDX-License-Identifier: Apache-2.0
// Carries out the steps of a plan.
#pragma once

#include <functional>
#include <span>

#include "base/error.h"
#include "model/ports.h"
#include "plan/step.h"

namespace wgs {

// Our devices, by TunnelIndex; borrowed.
using TunnelDevices = std::span<const std::reference_wrapper<WireguardDevice>>;

// What was done of a step before it failed stays. The next plan starts from what is really there,
// so there is nothing to roll back.
Status apply(const Step& step, TunnelDevices tunnels, Steering& steering);

}  // namespace wgs
