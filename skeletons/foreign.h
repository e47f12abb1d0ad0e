// SPDX-License-Identifier: Apache-2.0
// BPF programs at a device, whoever attached them. For looking only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "skeletons/tcx.h"

namespace wgs {

// Ids in the order in which they run; none on kernels without TCX.
std::vector<std::uint32_t> tcx_programs(std::uint32_t ifindex, Direction direction);
// Id of the device's XDP program; none: it has none.
std::optional<std::uint32_t> xdp_program(std::uint32_t ifindex);
// Its name in the kernel; empty: there is no such program any more.
std::string name_of_program(std::uint32_t id);

}  // namespace wgs
