// SPDX-License-Identifier: Apache-2.0
// How long random tests go on.
#pragma once

#include <cstdlib>

namespace wgs {

// So many on a usual machine; an emulated one, which says so by WGS_TEST_SLOW, does a fifteenth.
inline int rounds(int usual) {
    static const bool kSlow = std::getenv("WGS_TEST_SLOW") != nullptr;
    return kSlow ? usual / 15 : usual;
}

}  // namespace wgs
