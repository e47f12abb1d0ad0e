// SPDX-License-Identifier: Apache-2.0
// Filling the tables of bench/bpf/lpm.
#pragma once

#include <vector>

#include "bench/lab/bpf_object.h"
#include "bench/lab/prefixes.h"

namespace wgs::bench {

// Before the object is loaded.
void size_lpm(BpfObject& object, const std::vector<OwnedPrefix>& prefixes);
// `batch` prefixes by a system call. They are of one family.
void fill_lpm(const BpfObject& object, const std::vector<OwnedPrefix>& prefixes, std::size_t batch);

}  // namespace wgs::bench
