// SPDX-License-Identifier: Apache-2.0
// TCX links: kernel 6.6 and later. A pinned link keeps its program attached.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.h"

namespace wgs {

enum class Direction { ingress, egress };
enum class Order { first, last };  // among all programs there

struct Place {
    Direction direction = Direction::ingress;
    Order order = Order::first;
};

// Asks the kernel, with a program of tc type.
[[nodiscard]] bool has_tcx(int program);
// Where a new link goes.
struct TcxPlace {
    std::uint32_t ifindex = 0;
    Place place;
    int next = -1;  // another link there that stays behind the new one; -1: none
};
// Updates the link pinned there in one step or, if there is no live one, makes and pins one.
Status put_tcx_link(const std::filesystem::path& pin, int program, const TcxPlace& place);
// The live link pinned there goes to another place. The kernel lets a program be at a device once
// only, so `twin`, a second one that does the same, holds the new place until the old one is left:
// at no time is there none. A process that dies meanwhile may leave waiting_pin(pin).
Status move_tcx_link(const std::filesystem::path& pin, int program, int twin,
                     const TcxPlace& place);
[[nodiscard]] std::filesystem::path waiting_pin(const std::filesystem::path& pin);

}  // namespace wgs
