// SPDX-License-Identifier: Apache-2.0
// How often the kernel is looked at although nothing was reported: neither WireGuard nor TCX links
// tell of changes made by hand, nor WireGuard of handshakes. And how often is planned while the
// source is still telling.
#pragma once

#include <chrono>
#include <optional>

namespace wgs {

// Between two looks when nothing is expected, unless looking is dear.
inline constexpr std::chrono::milliseconds kIdleLook{500};
inline constexpr std::chrono::milliseconds kShortestLook{25};

// `wait`: for how long the newest peer that waits for a handshake has done so; none: nobody waits.
// `cost` is what a look takes. Idle looks take one part in 50 of a core at most, and where they
// are dear, in a large mesh, one in 300; those for a handshake a quarter at first, and less and
// less as the wait grows.
[[nodiscard]] std::chrono::milliseconds time_to_next_look(
    std::optional<std::chrono::steady_clock::duration> wait,
    std::chrono::steady_clock::duration cost);

// Until the source has told everything each plan comprises all that it has told so far. `cost` is
// what the last one took, with the look before it. Zero: there is no need to wait.
[[nodiscard]] std::chrono::milliseconds time_to_next_plan(std::chrono::steady_clock::duration cost);

}  // namespace wgs
