// SPDX-License-Identifier: Apache-2.0
// Filling the steer tables.
#pragma once

#include <vector>

#include "bench/lab/bpf_object.h"
#include "bench/lab/prefixes.h"
#include "skeletons/steer_tables.h"

namespace wgs::bench {

// Those of a loaded object that has the maps of all programs.
SteerTables open_steer_tables(const BpfObject& object);

// The prefixes of either family, as its table takes them.
std::vector<Trie4::Row> rows4_of(const std::vector<OwnedPrefix>& prefixes);
std::vector<Hash6::Row> rows6_of(const std::vector<OwnedPrefix>& prefixes);

void fill_steer(const SteerTables& tables, const std::vector<OwnedPrefix>& prefixes);

}  // namespace wgs::bench
