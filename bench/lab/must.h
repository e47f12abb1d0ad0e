// SPDX-License-Identifier: Apache-2.0
// A benchmark whose scenery does not stand has nothing to measure: it ends with an exception, which
// run_bench() catches.
#pragma once

#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace wgs::bench {

class Broken : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

template <class T>
T must(Result<T> result) {
    if (!result) throw Broken(result.error().message);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// For calls that set errno.
inline void must_call(bool worked, const std::string& what) {
    if (!worked) must(Status(os_error(errno, what)));
}

}  // namespace wgs::bench
