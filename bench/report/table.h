// SPDX-License-Identifier: Apache-2.0
// A run as tables.
#pragma once

#include <string>
#include <vector>

#include "bench/measure/measurement.h"
#include "bench/report/grid.h"

namespace wgs::bench {

// What was measured, a table a subject; those without a figure are left out.
std::vector<Grid> figures_of(const Run& run);
// Each target, and whether it is reached.
Grid targets_of(const Run& run);
// Of the targets that were measured.
bool reaches_all(const Run& run);

// The machine, all figures, and the targets last.
std::string render_run(const Run& run);

}  // namespace wgs::bench
