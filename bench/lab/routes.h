// SPDX-License-Identifier: Apache-2.0
// Steering as Calico's Felix does it: a rule, and a table with a route for each prefix.
#pragma once

#include <string>
#include <vector>

#include "bench/lab/prefixes.h"
#include "tests/support/net_namespace.h"

namespace wgs::bench {

enum class Metric { none, owner };

// Lines for `ip -batch` that lead to `device`, which has no layer 2. Felix sets no metric; the one
// that is the owner is for programs that want to know it.
std::string calico_routes(const std::vector<OwnedPrefix>& prefixes, const std::string& device,
                          Metric metric);
// "not fwmark M/M lookup T": what is not encrypted yet.
void add_calico_rule(const test::NetNamespace& ns, Family family);

// Runs `ip -batch` to its end, however long it takes.
void ip_batch(const test::NetNamespace& ns, Family family, const std::string& lines);

}  // namespace wgs::bench
