// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace wgs {

inline constexpr std::string_view kVersion = WGS_VERSION;

}  // namespace wgs
