// SPDX-License-Identifier: Apache-2.0
// The figures of a run inside a document that people write.
#pragma once

#include <filesystem>

#include "base/error.h"
#include "bench/measure/measurement.h"

namespace wgs::bench {

// Replaces what is between lines <!-- bench NAME --> and <!-- end --> of a Markdown file, where
// NAME is "machine", "targets" or "figures".
Status update_document(const std::filesystem::path& path, const Run& run);

}  // namespace wgs::bench
