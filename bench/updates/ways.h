// SPDX-License-Identifier: Apache-2.0
// The ways to fill an empty table.
#pragma once

#include <string>
#include <vector>

#include "bench/lab/prefixes.h"

namespace wgs::bench {

// Each makes a table of its own, and returns the prefixes a second that go in; what it takes to
// make it, and to bring the prefixes into the form that it wants, is left out. One family.
double fill_ours_in_bulk(const std::vector<OwnedPrefix>& prefixes);
double fill_ours_singly(const std::vector<OwnedPrefix>& prefixes);
// Takes away again what was filled in, one by one.
double empty_ours(const std::vector<OwnedPrefix>& prefixes);
double fill_lpm_singly(const std::vector<OwnedPrefix>& prefixes);
double fill_lpm_in_batches(const std::vector<OwnedPrefix>& prefixes);
double fill_routes(const std::vector<OwnedPrefix>& prefixes);

// MiB that the kernel holds for a table with these prefixes, of IPv4.
double memory_of_ours(const std::vector<OwnedPrefix>& prefixes);
double memory_of_lpm(const std::vector<OwnedPrefix>& prefixes);

}  // namespace wgs::bench
