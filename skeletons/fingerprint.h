// SPDX-License-Identifier: Apache-2.0
// Tells whether two agents would load the same programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "skeletons/programs.h"

namespace wgs {

// A hash, in hexadecimal digits, of this version of the agent, the programs' images, their settings
// and the kernel's ids of what came of them: the ids differ if somebody, an older agent perhaps,
// has pinned other programs or maps since.
[[nodiscard]] std::string fingerprint(const std::vector<std::span<const std::byte>>& images,
                                      const ProgramSettings& settings,
                                      const std::vector<std::uint32_t>& ids);

}  // namespace wgs
