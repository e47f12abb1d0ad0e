// SPDX-License-Identifier: Apache-2.0
// `wgsteer doctor`: what one would check by hand. Works without the agent, which is a finding then.
#pragma once

#include "cli/client.h"
#include "cli/doctor/gather.h"

namespace wgs::cli {

enum class DoctorOutput { text, json };

// The exit code: bad if something has failed.
int run_doctor(const Client& client, const DoctorOptions& options, DoctorOutput output);

}  // namespace wgs::cli
