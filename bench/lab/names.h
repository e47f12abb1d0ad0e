// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/ip.h"

namespace wgs::bench {

inline std::string name_of(Family family) {
    return family == Family::v4 ? "IPv4" : "IPv6";
}

}  // namespace wgs::bench
