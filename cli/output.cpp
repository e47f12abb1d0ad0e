// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <cstdio>

namespace wgs::cli {

void print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
}

int fail(int code, const std::string& message) {
    std::fputs(("wgsteer: " + message + "\n").c_str(), stderr);
    return code;
}

int finish(int code) {
    const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    return written ? code : fail(kExitBad, "standard output does not take the answer");
}

}  // namespace wgs::cli
