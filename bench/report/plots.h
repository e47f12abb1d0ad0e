// SPDX-License-Identifier: Apache-2.0
// The plots of a run.
#pragma once

#include <map>
#include <string>

#include "bench/measure/measurement.h"

namespace wgs::bench {

// SVG images by file name; those without a figure are left out.
std::map<std::string, std::string> draw_plots(const Run& run);

}  // namespace wgs::bench
