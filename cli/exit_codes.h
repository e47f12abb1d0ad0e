// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace wgs::cli {

inline constexpr int kExitFine = 0;
inline constexpr int kExitBad = 1;  // the thing asked about is bad
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreachable = 3;

}  // namespace wgs::cli
