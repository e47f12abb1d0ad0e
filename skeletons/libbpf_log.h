// SPDX-License-Identifier: Apache-2.0
// What libbpf has to say, as a value instead of lines on stderr.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace wgs {

// While one lives, the warnings of libbpf calls on this thread go into it. They do not nest.
class LibbpfLog {
  public:
    LibbpfLog();
    ~LibbpfLog();
    LibbpfLog(const LibbpfLog&) = delete;
    LibbpfLog& operator=(const LibbpfLog&) = delete;

    // An error of the operating system, followed by what libbpf printed about it.
    [[nodiscard]] tl::unexpected<Error> error(int errnum, std::string_view what) const;

  private:
    std::string text_;
};

}  // namespace wgs
