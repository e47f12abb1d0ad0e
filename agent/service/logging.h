// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/config.h"

namespace wgs {

// Sets up the process-wide logger on standard error: one line a record, as text with control
// characters as \xNN, or as JSON objects with `time`, `level`, `message`.
void set_up_logging(LogLevel level, LogFormat format);

}  // namespace wgs
