// SPDX-License-Identifier: Apache-2.0
// What a command prints, and the exit codes of all commands.
#pragma once

#include <string>

namespace wgs::cli {

inline constexpr int kExitFine = 0;
inline constexpr int kExitBad = 1;  // the thing asked about is bad
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreachable = 3;

// To standard output; whether it arrived shows in finish().
void print(const std::string& text);
// Says on standard error what went wrong, and returns `code`.
int fail(int code, const std::string& message);
// `code`, unless something printed could not be written.
int finish(int code);

}  // namespace wgs::cli
