// SPDX-License-Identifier: Apache-2.0
// TCX links: kernel 6.6 and later. A pinned link keeps its program attached.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.h"

namespace wgs {

enum class Direction { ingress, egress };

// Asks the kernel, with a program of tc type.
[[nodiscard]] bool has_tcx(int program);
// Updates the link pinned there in one step or, if there is no live one, makes and pins one: at an
// ingress before all other programs, at an egress after them.
Status put_tcx_link(const std::filesystem::path& pin, int program, std::uint32_t ifindex,
                    Direction direction);

}  // namespace wgs
